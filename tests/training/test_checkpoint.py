"""Checkpoints: two generations, damage survived, misfits told."""

from pathlib import Path

import pytest
import torch
from test_steps import PIXEL, make_batch, make_state

from segan.errors import CheckpointError
from segan.training.checkpoint import checkpoint_paths, read_newest_checkpoint, restore_state, save_checkpoint
from segan.training.objective import Objective
from segan.training.state import TrainingState
from segan.training.steps import STEPS

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
