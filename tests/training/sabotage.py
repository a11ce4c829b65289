"""Ways to break an adversarial run, for tests of the watch over it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import segan.training.fit as fit_module
from segan.training.state import Batch, TrainingState

Change = Callable[[TrainingState, dict[str, Tensor]], None]


def after_each_step(monkeypatch: pytest.MonkeyPatch, change: Change, modes: tuple[str, ...] = ("adversarial",)) -> None:
    """Let `change` look at, and spoil, the run and the values after each step; `state.progress.step` counts from 0."""
    for mode in modes:
        original = fit_module.STEPS[mode]

        def step(state: TrainingState, batch: Batch, objective: Any, original: Any = original) -> dict[str, Tensor]:
            values: dict[str, Tensor] = original(state, batch, objective)
            change(state, values)
            return values

        monkeypatch.setitem(fit_module.STEPS, mode, step)


def break_weights_at(*steps: int) -> Change:
    """Put values that are no numbers into the generator after these steps."""

    def change(state: TrainingState, _: dict[str, Tensor]) -> None:
        if state.progress.step in steps:
            with torch.no_grad():
                next(state.generator.parameters()).fill_(torch.nan)

    return change


def fail_at(step: int) -> Change:
    """Cut the power after a step."""

    def change(state: TrainingState, _: dict[str, Tensor]) -> None:
        if state.progress.step == step:
            raise RuntimeError("power cut")

    return change


def read_health(out: Path) -> list[dict[str, Any]]:
    """Read the lines that the watch wrote."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == "health"]


def actions_of(out: Path) -> list[tuple[str, int]]:
    """List what the watch did, and when."""
    return [(line["action"], line["step"]) for line in read_health(out)]
