"""Save and restore everything a run needs to go on bit for bit."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segan.errors import CheckpointError
from segan.files import remove_parts
from segan.tensor_file import read_tensors, write_tensors
from segan.training.runtime import Runtime, random_states, restore_random_states
from segan.training.state import Health, Progress, TrainingState

GENERATIONS = 2


def save_checkpoint(folder: Path, state: TrainingState) -> Path:
    """Write the whole state of a run and drop all but the two newest checkpoints and those it may go back to.

    Args:
        folder: `RUN/checkpoints`.
        state: The run between two steps.

    Returns:
        The file written.
    """
    tensors: dict[str, Tensor] = {}
    plain = {name: _flatten(value, name, tensors) for name, value in _parts(state).items()}
    facts = {
        "kind": "checkpoint",
        "progress": asdict(state.progress),
        **machine_facts(state.runtime),
        "plain": plain,
    }
    path = checkpoint_path(folder, state.progress.step)
    write_tensors(path, tensors, facts)
    remove_parts(folder)
    paths = checkpoint_paths(folder)
    place = paths.index(path) + 1
    kept = {checkpoint_path(folder, step) for step in state.health.kept_steps}
    older = [other for other in paths[: max(0, place - GENERATIONS)] if other not in kept]
    # Later ones are damaged: the run went on from one before them.
    for other in [*older, *paths[place:]]:
        other.unlink(missing_ok=True)
    return path


def machine_facts(runtime: Runtime) -> dict[str, str | int]:
    """Tell what the bits of a result depend on besides config and data: threads, device and precision."""
    return {"threads": torch.get_num_threads(), "device": runtime.device.type, "precision": runtime.precision}


def checkpoint_path(folder: Path, step: int) -> Path:
    """Name the checkpoint of a step."""
    return folder / f"step_{step:09d}.safetensors"


def checkpoint_paths(folder: Path) -> list[Path]:
    """List the checkpoints of a run, oldest first."""
    return sorted(folder.glob("step_*.safetensors"))


def read_newest_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any], list[str]] | None:
    """Read the newest checkpoint whose seal holds.

    Returns:
        Tensors, facts, and one line for each newer generation that is damaged; `None` where there is no checkpoint.

    Raises:
        CheckpointError: Every generation is damaged.
    """
    paths = checkpoint_paths(folder)
    damage: list[str] = []
    for path in reversed(paths):
        try:
            tensors, facts, _ = read_tensors(path)
        except CheckpointError as error:
            damage.append(str(error))
            continue
        return tensors, facts, damage
    if paths:
        raise CheckpointError(
            f"{folder}: all {len(paths)} checkpoints are damaged, expected one that is whole. "
            "Train again with another --out."
        )
    return None


def read_checkpoint(folder: Path, step: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the checkpoint of a step.

    Returns:
        Tensors and facts.

    Raises:
        CheckpointError: It is missing or damaged.
    """
    return read_tensors(checkpoint_path(folder, step))[:2]


def restore_state(state: TrainingState, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Put a checkpoint into freshly built networks and optimizers.

    Raises:
        CheckpointError: The checkpoint is of other networks than the config builds.
    """
    restore_networks(state, tensors, facts)
    plain = facts["plain"]
    restore_random_states(_unflatten(plain["random"], tensors), state.runtime.device)
    if "health" in plain:
        state.health = Health.from_plain(_unflatten(plain["health"], tensors), state.runtime.device)
    state.progress = Progress(**facts["progress"])


def restore_networks(state: TrainingState, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Put networks, their average and their optimizers back; the position in the run stays.

    Raises:
        CheckpointError: The checkpoint is of other networks than the config builds.
    """
    tree = {name: _unflatten(value, tensors) for name, value in facts["plain"].items()}
    try:
        state.generator.load_state_dict(tree["generator"])
        state.ema.load_state_dict(tree["ema"])
        state.optimizer_g.load_state_dict(_int_keys(tree["optimizer_g"]))
        _match_layout(state.optimizer_g)
        if state.discriminator is not None and state.optimizer_d is not None:
            state.discriminator.load_state_dict(tree["discriminator"])
            state.optimizer_d.load_state_dict(_int_keys(tree["optimizer_d"]))
            _match_layout(state.optimizer_d)
    except (KeyError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"the checkpoint does not fit the networks of this config: {str(error).splitlines()[0]}. "
            "Resume with the config the run was started with."
        ) from error
    state.scaler.load_state_dict(tree["scaler"])


def _parts(state: TrainingState) -> dict[str, Any]:
    parts = {
        "generator": state.generator.state_dict(),
        "ema": state.ema.state_dict(),
        "optimizer_g": state.optimizer_g.state_dict(),
        "scaler": state.scaler.state_dict(),
        "random": random_states(state.runtime.device),
        "health": asdict(state.health),
    }
    if state.discriminator is not None and state.optimizer_d is not None:
        parts["discriminator"] = state.discriminator.state_dict()
        parts["optimizer_d"] = state.optimizer_d.state_dict()
    return parts


def _flatten(value: Any, key: str, tensors: dict[str, Tensor]) -> Any:
    """Move every tensor of a tree into `tensors` and leave `{"tensor": key}` in its place; the rest is JSON."""
    if isinstance(value, Tensor):
        tensors[key] = value
        return {"tensor": key}
    if isinstance(value, dict):
        return {str(name): _flatten(child, f"{key}/{name}", tensors) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [_flatten(child, f"{key}/{index}", tensors) for index, child in enumerate(value)]
    return value


def _unflatten(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"tensor"}:
            return tensors[value["tensor"]]
        return {name: _unflatten(child, tensors) for name, child in value.items()}
    if isinstance(value, list):
        return [_unflatten(child, tensors) for child in value]
    return value


def _int_keys(optimizer_state: dict[str, Any]) -> dict[str, Any]:
    """Undo JSON's turning of the optimizer's integer keys into text."""
    return {**optimizer_state, "state": {int(index): value for index, value in optimizer_state["state"].items()}}


def _match_layout(optimizer: torch.optim.Optimizer) -> None:
    """Give moments the memory layout of their weights, which the file does not keep and fused arithmetic wants."""
    for weight, moments in optimizer.state.items():
        for name, moment in moments.items():
            if isinstance(moment, Tensor) and moment.shape == weight.shape:
                moments[name] = torch.empty_like(weight).copy_(moment)
