"""A run that was killed and resumed ends with the very weights of one that was not."""

import json
import multiprocessing
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import torch
from sabotage import actions_of, after_each_step, break_weights_at
from small_run import draw_small, small_config, train_small

from segan.errors import UsageError
from segan.tensor_file import read_tensors
from segan.training.checkpoint import checkpoint_paths

KILLS = 20


def _child(data: Path, out: Path, workers: int, broken: tuple[int, ...], resume: bool) -> None:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        after_each_step(patch, break_weights_at(*broken))
        train_small(small_config(data, **{"data.workers": workers}), out, resume=resume)


def _final_state(out: Path) -> dict[str, torch.Tensor]:
    tensors, _, _ = read_tensors(checkpoint_paths(out / "checkpoints")[-1])
    return tensors


def _same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "broken"), [(0, ()), (2, ()), (0, (6, 8))], ids=["one process", "loading processes", "falls back"]
)
def test_random_kills_change_nothing(tmp_path: Path, workers: int, broken: tuple[int, ...]) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["segan.training.fit", "segan.training.setup", "segan.data.drawing"])
    data = draw_small(tmp_path / "data")

    def start(out: Path, *, resume: bool) -> multiprocessing.process.BaseProcess:
        process = context.Process(target=_child, args=(data, out, workers, broken, resume))
        process.start()
        return process

    def finish(out: Path) -> None:
        process = start(out, resume=True)
        process.join(timeout=300)
        assert process.exitcode == 0, f"{out.name} did not end"

    whole = tmp_path / "whole"
    finish(whole)
    assert ("fall_back" in {action for action, _ in actions_of(whole)}) == bool(broken)
    expected = _final_state(whole)
    best_expected, _, _ = read_tensors(whole / "model.safetensors")
    judge_expected = read_tensors(whole / "discriminator.safetensors")[2]
    began = time.monotonic()
    finish(tmp_path / "timed")  # Not the first run, which also waits for the imports.
    whole_s = time.monotonic() - began

    draw = random.Random(0)
    killed = 0
    for trial in range(3 * KILLS):
        out = tmp_path / f"trial_{trial}"
        process = start(out, resume=True)
        process.join(timeout=draw.uniform(0.05, 0.95) * whole_s)
        process.kill()
        process.join()
        assert process.exitcode in {0, -signal.SIGKILL}
        if process.exitcode == 0:
            continue  # It ended before the kill: no trial at all.
        killed += 1
        finish(out)
        assert _same(_final_state(out), expected), f"trial {trial} ended with other weights"
        best, _, _ = read_tensors(out / "model.safetensors")
        assert _same(best, best_expected), f"trial {trial} kept another best model"
        judge = read_tensors(out / "discriminator.safetensors")[2]
        assert judge == judge_expected, f"trial {trial} kept another discriminator"
        if killed == KILLS:
            return
    pytest.fail(f"only {killed} runs were killed before they ended")


def test_resume_in_one_process_equals_an_uninterrupted_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_small(tmp_path / "data")
    train_small(small_config(data), tmp_path / "whole")

    # The interrupted run fails in the middle of a step, after checkpoints of some steps before.
    import segan.training.fit as fit_module

    original = fit_module.STEPS["adversarial"]

    def failing(*arguments: object) -> dict[str, torch.Tensor]:
        if arguments[0].progress.step == 9:  # type: ignore[attr-defined]
            raise RuntimeError("power cut")
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setitem(fit_module.STEPS, "adversarial", failing)
    with pytest.raises(RuntimeError, match="power cut"):
        train_small(small_config(data), tmp_path / "cut")
    monkeypatch.undo()
    train_small(small_config(data), tmp_path / "cut", resume=True)
    assert _same(_final_state(tmp_path / "cut"), _final_state(tmp_path / "whole"))
    for name in ("model", "discriminator", "last_discriminator"):
        cut, whole = (read_tensors(tmp_path / run / f"{name}.safetensors")[2] for run in ("cut", "whole"))
        assert cut == whole, name
    whole_lines, cut_lines = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("whole", "cut")
    )
    timing = {"images_per_s", "elapsed_s"}
    plain = [
        [{k: v for k, v in line.items() if k not in timing} for line in lines] for lines in (whole_lines, cut_lines)
    ]
    assert plain[0] == plain[1]


def test_a_kill_between_checkpoint_and_model_is_healed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = draw_small(tmp_path / "data")
    train_small(small_config(data), tmp_path / "whole")

    import segan.training.fit as fit_module

    def killed(*arguments: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(fit_module, "save_networks", killed)
    with pytest.raises(RuntimeError, match="power cut"):
        train_small(small_config(data), tmp_path / "cut")
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    monkeypatch.undo()

    # The first step of the resumed run fails: the files of the best step are there already.
    monkeypatch.setitem(fit_module.STEPS, "pixel", killed)
    monkeypatch.setitem(fit_module.STEPS, "adversarial", killed)
    with pytest.raises(RuntimeError, match="power cut"):
        train_small(small_config(data), tmp_path / "cut", resume=True)
    model, critic = (read_tensors(tmp_path / "cut" / f"{name}.safetensors")[1:] for name in ("model", "discriminator"))
    assert model[0]["step"] == critic[0]["step"] == 4  # The end of the warm-up is validated first.
    assert critic[0]["model"] == model[1]
    monkeypatch.undo()
    train_small(small_config(data), tmp_path / "cut", resume=True)
    assert _same(_final_state(tmp_path / "cut"), _final_state(tmp_path / "whole"))


def test_a_finished_run_without_checkpoints_is_not_begun_again(tmp_path: Path) -> None:
    data = draw_small(tmp_path / "data")
    train_small(small_config(data, **{"training.steps": 1}), tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    with pytest.raises(UsageError, match=r"no checkpoint seen beside model\.safetensors, .* Train with another --out"):
        train_small(small_config(data, **{"training.steps": 1}), tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before
