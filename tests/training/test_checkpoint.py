"""Checkpoints: two generations, damage survived, misfits told."""

from pathlib import Path

import pytest
import torch
from test_steps import PIXEL, make_batch, make_state

from segan.errors import CheckpointError
from segan.training.checkpoint import (
    checkpoint_paths,
    read_checkpoint,
    read_newest_checkpoint,
    restore_state,
    save_checkpoint,
)
from segan.training.health import Anchor
from segan.training.objective import Objective
from segan.training.readings import Reading
from segan.training.state import Health, TrainingState
from segan.training.steps import STEPS
from segan.training.verdict import Standing

OBJECTIVE = Objective(PIXEL, adversarial_weight=0.1)
KINDS = {"multiscale": "hinge", "confidence": "multiscale_l1", "pixel_class": "per_class"}


def with_adam(state: TrainingState) -> TrainingState:
    assert state.discriminator is not None
    state.optimizer_g = torch.optim.AdamW(state.generator.parameters(), lr=1e-2, fused=True)
    state.optimizer_d = torch.optim.Adam(state.discriminator.parameters(), lr=1e-2, fused=True)
    return state


def train(state: TrainingState, steps: int, objective: Objective = OBJECTIVE) -> None:
    for _ in range(steps):
        STEPS["adversarial"](state, make_batch(), objective)
        state.progress.step += 1


def test_restored_state_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole = with_adam(make_state())
    train(whole, 3)
    save_checkpoint(tmp_path, whole)
    train(whole, 3)
    resumed = with_adam(make_state())
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    restore_state(resumed, found[0], found[1])
    assert resumed.progress.step == 3
    train(resumed, 3)
    for one, other in ((whole.generator, resumed.generator), (whole.ema.module, resumed.ema.module)):
        assert all(
            torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        )


@pytest.mark.parametrize("kind", KINDS)
def test_other_kinds_go_on_bit_for_bit(tmp_path: Path, kind: str) -> None:
    objective = Objective(PIXEL, KINDS[kind], 0.1)
    whole, resumed = (with_adam(make_state(kind=kind, shown="product", norm="spectral")) for _ in range(2))
    train(whole, 2, objective)
    save_checkpoint(tmp_path, whole)
    train(whole, 2, objective)
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    restore_state(resumed, found[0], found[1])
    train(resumed, 2, objective)
    assert whole.discriminator is not None
    assert resumed.discriminator is not None
    for one, other in ((whole.generator, resumed.generator), (whole.discriminator, resumed.discriminator)):
        assert all(
            torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        )


def test_two_generations_are_kept_and_damage_falls_back(tmp_path: Path) -> None:
    state = make_state()
    for step in (1, 2, 3):
        state.progress.step = step
        save_checkpoint(tmp_path, state)
    paths = checkpoint_paths(tmp_path)
    assert [path.stem for path in paths] == ["step_000000002", "step_000000003"]
    paths[1].write_bytes(paths[1].read_bytes()[:-9])
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    assert found[1]["progress"]["step"] == 2
    assert len(found[2]) == 1
    state.progress.step = 2
    save_checkpoint(tmp_path, state)
    assert checkpoint_paths(tmp_path) == paths[:1]  # The damaged one is no generation.
    paths[0].write_bytes(b"")
    with pytest.raises(CheckpointError, match="all 1 checkpoints are damaged"):
        read_newest_checkpoint(tmp_path)


def test_no_checkpoint(tmp_path: Path) -> None:
    assert read_newest_checkpoint(tmp_path) is None


def test_checkpoint_of_another_network(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_state())
    other = make_state()
    other.generator = torch.nn.Conv2d(3, 3, 1)
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    with pytest.raises(CheckpointError, match="does not fit the networks"):
        restore_state(other, found[0], found[1])


def test_kept_steps_outlive_the_two_generations(tmp_path: Path) -> None:
    state = make_state()
    state.health = Health(anchor=Anchor(1, 0.5, Reading(2, {"pixel": float("nan")})), good_step=3)
    for step in (1, 2, 3, 4, 5, 6):
        state.progress.step = step
        save_checkpoint(tmp_path, state)
    assert [int(path.stem[-3:]) for path in checkpoint_paths(tmp_path)] == [1, 3, 5, 6]
    assert read_checkpoint(tmp_path, 3)[1]["progress"]["step"] == 3
    with pytest.raises(CheckpointError, match=r"step_000000002\.safetensors: cannot be read"):
        read_checkpoint(tmp_path, 2)


def test_what_the_watch_remembers_is_restored(tmp_path: Path) -> None:
    state, other = make_state(), make_state()
    reading = Reading(2, {"pixel": 0.1 + 0.2}, ["d_loss"], [1, 2], [3, 4])
    state.health = Health(
        standing=Standing(rest_until=7, weight_cuts=1, told_chance=True),
        total=torch.rand(2, 7),
        steps=3,
        inspected={"entropy": torch.rand(()), "class_pixels": torch.tensor([[1, 2], [3, 4]])},
        looks=[reading],
        latest=reading,
        anchor=Anchor(1, None, reading),
        good_step=1,
        looked_step=2,
    )
    save_checkpoint(tmp_path, state)
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    restore_state(other, found[0], found[1])
    assert other.health.total is not None
    assert torch.equal(other.health.total, state.health.total)
    assert other.health.inspected["class_pixels"].tolist() == [[1, 2], [3, 4]]
    for name in ("standing", "steps", "looks", "latest", "anchor", "good_step", "looked_step"):
        assert getattr(other.health, name) == getattr(state.health, name), name


def test_a_checkpoint_of_before_the_watch_is_restored(tmp_path: Path) -> None:
    state = make_state()
    save_checkpoint(tmp_path, state)
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    del found[1]["plain"]["health"]
    restore_state(state, found[0], found[1])
    assert state.health == Health()
