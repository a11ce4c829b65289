"""The watch acts on a run, puts it back where it was well, and a killed run does the same again."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from sabotage import actions_of, after_each_step, break_weights_at, fail_at, read_health
from small_run import draw_small, small_config, train_small
from torch import Tensor

import segan.training.watch as watch_module
from segan.errors import SeganError
from segan.tensor_file import read_tensors
from segan.training.checkpoint import checkpoint_path, checkpoint_paths
from segan.training.state import TrainingState

# Bands that nothing leaves but values that are no numbers.
WIDE = {
    "health.accuracy_band": [0.0, 1.0],
    "health.d_loss_band": [0.0, 1000.0],
    "health.gradient_ratio": 1e9,
    "health.score_margin": 1.0,
}
TIMING = {"images_per_s", "elapsed_s"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_small(tmp_path_factory.mktemp("watch") / "data")


def final_state(out: Path) -> dict[str, Tensor]:
    return read_tensors(checkpoint_paths(out / "checkpoints")[-1])[0]


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def log_without_times(out: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in TIMING} for line in lines]


def test_a_healthy_run_is_that_of_no_watch(data: Path, tmp_path: Path) -> None:
    train_small(small_config(data, **WIDE), tmp_path / "watched")
    train_small(small_config(data, **{"health.enabled": False}), tmp_path / "not")
    watched, free = final_state(tmp_path / "watched"), final_state(tmp_path / "not")
    assert_same({name: watched[name] for name in free}, free)
    assert all(action == "none" for action, _ in actions_of(tmp_path / "watched"))
    steps = [json.loads(line)["step"] for line in (tmp_path / "watched" / "metrics.jsonl").read_text().splitlines()]
    assert 4 in steps  # Validated at the end of the warm-up.
    assert not read_health(tmp_path / "not")


def test_the_end_of_the_warmup_is_kept(data: Path, tmp_path: Path) -> None:
    train_small(small_config(data, **WIDE), tmp_path / "run")
    steps = [int(path.stem.removeprefix("step_")) for path in checkpoint_paths(tmp_path / "run" / "checkpoints")]
    assert steps == [4, 15, 16]
    facts = read_tensors(checkpoint_path(tmp_path / "run" / "checkpoints", 4))[1]
    assert facts["plain"]["health"]["anchor"]["step"] == 4
    assert facts["progress"]["validated_step"] == 4


def test_a_pixel_only_run_is_not_watched(data: Path, tmp_path: Path) -> None:
    train_small(small_config(data, **{"loss.adversarial_weight": 0}), tmp_path / "run")
    steps = [int(path.stem.removeprefix("step_")) for path in checkpoint_paths(tmp_path / "run" / "checkpoints")]
    assert steps == [15, 16]
    assert not any("entropy" in line for line in log_without_times(tmp_path / "run"))


def test_broken_weights_once_go_back_and_lower_the_weight(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shares = {}

    def note(state: TrainingState, _: dict[str, Tensor]) -> None:
        shares[state.progress.step] = state.adversarial_factor

    after_each_step(monkeypatch, break_weights_at(8))
    after_each_step(monkeypatch, note)
    result = train_small(small_config(data, **WIDE), tmp_path / "run")
    assert (result.ended, result.step) == ("done", 16)
    (line,) = [line for line in read_health(tmp_path / "run") if line["action"] != "none"]
    assert (line["action"], line["step"], line["seen"], line["band"]) == ("roll_back", 10, None, None)
    assert "weights of the generator" in line["finding"]
    assert line["done"] == "both networks go back and the adversarial weight is lowered, from the state of step 5"
    assert (shares[9], shares[10]) == (1.0, 0.3)
    assert all(bool(tensor.isfinite().all()) for tensor in final_state(tmp_path / "run").values())
    assert "warning: health at step 10" in capsys.readouterr().err


@pytest.mark.parametrize("broken", [(6, 8, 12), tuple(range(16))])
def test_broken_weights_again_and_again_end_in_pixel_only(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: tuple[int, ...]
) -> None:
    after_each_step(monkeypatch, break_weights_at(*broken))
    result = train_small(small_config(data, **WIDE), tmp_path / "run")
    assert (result.ended, result.step) == ("done", 16)
    assert [action for action, _ in actions_of(tmp_path / "run")] == ["roll_back", "fall_back"]
    fell_back = actions_of(tmp_path / "run")[1][1]
    modes = {line["step"]: line["mode"] for line in log_without_times(tmp_path / "run") if line["kind"] == "step"}
    assert {mode for step, mode in modes.items() if step > fell_back} == {"pixel"}
    for name in ("model", "last"):
        tensors = read_tensors(tmp_path / "run" / f"{name}.safetensors")[0]
        assert all(bool(tensor.isfinite().all()) for tensor in tensors.values())


def test_broken_weights_without_an_adversary_still_end_the_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_each_step(monkeypatch, break_weights_at(*range(5, 16)), ("pixel", "adversarial"))
    with pytest.raises(SeganError, match="seen weights that are no numbers, expected finite ones"):
        train_small(small_config(data, **WIDE), tmp_path / "run")
    assert [action for action, _ in actions_of(tmp_path / "run")] == ["roll_back", "fall_back"]


def test_without_a_kept_state_broken_weights_end_the_run(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose(state: TrainingState, _: dict[str, Tensor]) -> None:
        if state.progress.step == 8:
            for path in checkpoint_paths(tmp_path / "run" / "checkpoints"):
                path.write_bytes(b"lost")

    after_each_step(monkeypatch, break_weights_at(8))
    after_each_step(monkeypatch, lose)
    with pytest.raises(SeganError, match="generator at step 10: seen weights that are no numbers"):
        train_small(small_config(data, **WIDE), tmp_path / "run")
    assert capsys.readouterr().err.count("Going back further") == 2


@pytest.mark.slow
def test_all_measures_in_order(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def win(state: TrainingState, values: dict[str, Tensor]) -> None:
        values["d_accuracy"] = torch.tensor(0.99)
        assert state.discriminator is not None
        assert state.optimizer_d is not None
        first = next(state.discriminator.parameters()).detach().clone()
        rates = [optimizer.param_groups[0]["lr"] for optimizer in (state.optimizer_d, state.optimizer_g)]
        seen[state.progress.step] = (state.discriminator_rests, first, rates[0] / rates[1], state.adversarial_factor)

    after_each_step(monkeypatch, win)
    changes = {**WIDE, "health.accuracy_band": [0.3, 0.95], "training.steps": 40, "training.validate_every_steps": 20}
    train_small(small_config(data, **changes), tmp_path / "run")
    names = ["rest", "lower_rate", "lower_rate", "lower_weight", "lower_weight", "fall_back"]
    assert actions_of(tmp_path / "run") == list(zip(names, range(14, 38, 4), strict=True))
    rests = [step for step, (rests, *_) in seen.items() if rests]
    assert rests == [14, 15, 16, 17]
    assert torch.equal(seen[13][1], seen[17][1])
    assert not torch.equal(seen[17][1], seen[18][1])
    peak = 0.5  # The discriminator's rate as a share of the generator's.
    assert [seen[step][2] for step in (17, 18, 22, 33)] == pytest.approx([peak, 0.3 * peak, 0.09 * peak, 0.09 * peak])
    assert [seen[step][3] for step in (25, 26, 30)] == pytest.approx([1.0, 0.3, 0.09])
    assert max(seen) == 33
    assert read_health(tmp_path / "run")[0]["band"] == [0.3, 0.95]


@pytest.mark.slow
@pytest.mark.parametrize("cut", [9, pytest.param(7, marks=pytest.mark.slow), pytest.param(11, marks=pytest.mark.slow)])
def test_a_power_cut_around_a_fall_back_changes_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    after_each_step(monkeypatch, break_weights_at(6, 8))
    train_small(small_config(data, **WIDE), tmp_path / "whole")
    assert actions_of(tmp_path / "whole") == [("roll_back", 8), ("fall_back", 10)]
    with monkeypatch.context() as patch:
        after_each_step(patch, fail_at(cut), ("pixel", "adversarial"))
        with pytest.raises(RuntimeError, match="power cut"):
            train_small(small_config(data, **WIDE), tmp_path / "cut")
    train_small(small_config(data, **WIDE), tmp_path / "cut", resume=True)
    assert_same(final_state(tmp_path / "cut"), final_state(tmp_path / "whole"))
    assert log_without_times(tmp_path / "cut") == log_without_times(tmp_path / "whole")


def test_a_power_cut_right_after_a_fall_back_changes_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_each_step(monkeypatch, break_weights_at(6, 8))
    train_small(small_config(data, **WIDE), tmp_path / "whole")
    original = watch_module.save_checkpoint
    for name, saves in (("before", False), ("after", True)):

        def save(folder: Path, state: TrainingState, saves: bool = saves) -> Path:
            path = original(folder, state) if saves or state.health.standing.fell_back_at is None else folder
            if state.health.standing.fell_back_at is not None:
                raise RuntimeError("power cut")
            return path

        with monkeypatch.context() as patch:
            patch.setattr(watch_module, "save_checkpoint", save)
            with pytest.raises(RuntimeError, match="power cut"):
                train_small(small_config(data, **WIDE), tmp_path / name)
        train_small(small_config(data, **WIDE), tmp_path / name, resume=True)
        assert_same(final_state(tmp_path / name), final_state(tmp_path / "whole"))
        assert log_without_times(tmp_path / name) == log_without_times(tmp_path / "whole")


def test_without_a_validation_split_the_pixel_loss_tells_where_to_go_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from segan.data.drawing import draw_dataset

    draw_dataset(tmp_path / "data", train=6, val=0, test=2, size=(48, 48), seed=3)
    spoilt = {"data.split": {"val": 0.0, "test": 0.0}}
    after_each_step(monkeypatch, break_weights_at(12))
    result = train_small(small_config(tmp_path / "data", **WIDE, **spoilt), tmp_path / "run")
    assert (result.ended, result.best_score) == ("done", None)
    assert ("roll_back", 14) in actions_of(tmp_path / "run")
    facts = read_tensors(checkpoint_paths(tmp_path / "run" / "checkpoints")[-1])[1]
    assert facts["plain"]["health"]["anchor"]["score"] is None
    assert "from the state of step" in read_health(tmp_path / "run")[-1]["done"]
