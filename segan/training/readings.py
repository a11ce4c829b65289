"""What the steps tell of a run's health, summed where the tensors lie, so that no step waits for a number."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from segan.losses.ignore import valid_pixels

# Summed at each step, in this order; what a kind of step does not have counts as zero.
SUMMED = ("pixel", "adversarial", "d_loss", "d_accuracy", "gradient_ratio", "gradient_norm_g", "gradient_norm_d")
LOSSES = ("pixel", "adversarial", "d_loss")
# The accuracy may be no number: some signals have none.
CHECKED = (*LOSSES, "gradient_ratio", "gradient_norm_g", "gradient_norm_d")


@dataclass(frozen=True)
class Reading:
    """What a number of steps looked like.

    Args:
        steps: How many.
        means: Of the finite values of each name in `SUMMED`, and `entropy`, the mean entropy of the prediction as a
            share of the largest; NaN where there are none.
        broken: Names that were no finite number at a step, or networks whose weights are none.
        predicted: Labelled pixels by predicted class, of the steps that were inspected; empty where none was.
        labelled: The same pixels by true class.
    """

    steps: int
    means: dict[str, float]
    broken: list[str] = field(default_factory=list)
    predicted: list[int] = field(default_factory=list)
    labelled: list[int] = field(default_factory=list)


@torch.no_grad()
def describe_prediction(logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Compute the entropy of a prediction and the classes it shows, over labelled pixels.

    Args:
        logits: `[N, K, H, W]`.
        mask: int64 `[N, H, W]`.

    Returns:
        `entropy`: mean over pixels, as a share of log K. `class_pixels`: int64 `[2, K]`, predicted and true.
    """
    valid, classes = valid_pixels(mask), logits.shape[1]
    log_probs = logits.float().log_softmax(dim=1)
    entropy = -(log_probs.exp() * log_probs).sum(dim=1) / math.log(max(2, classes))
    predicted = torch.bincount(logits.argmax(dim=1)[valid], minlength=classes)
    labelled = torch.bincount(mask[valid], minlength=classes)
    return {
        "entropy": (entropy * valid).sum() / valid.sum().clamp_min(1),
        "class_pixels": torch.stack([predicted, labelled]),
    }


def add_step(total: Tensor | None, values: Mapping[str, Tensor]) -> Tensor:
    """Add a step to the sums, without a look at them.

    Args:
        total: float32 `[2, S]` of the steps before: sums of finite values and how many were finite; `None`: none.
        values: Scalars that the step returned.
    """
    zero = torch.zeros_like(values["pixel"], dtype=torch.float32)
    row = torch.stack([values.get(name, zero).float() for name in SUMMED])
    finite = row.isfinite()
    added = torch.stack([torch.where(finite, row, torch.zeros_like(row)), finite.float()])
    return added if total is None else total + added


def take_reading(
    total: Tensor, steps: int, inspected: Mapping[str, Tensor], *, checked: Sequence[str] = CHECKED
) -> Reading:
    """Turn sums into numbers.

    Args:
        total: Of `add_step`.
        steps: How many were added.
        inspected: Of `describe_prediction`, for one of them; may be empty.
        checked: Names that have to be finite at every step.
    """
    sums, counts = total.tolist()
    means = {
        name: value / count if count else math.nan for name, value, count in zip(SUMMED, sums, counts, strict=True)
    }
    means["entropy"] = float(inspected["entropy"]) if inspected else math.nan
    broken = [name for name, count in zip(SUMMED, counts, strict=True) if name in checked and count < steps]
    predicted, labelled = inspected["class_pixels"].tolist() if inspected else ([], [])
    return Reading(steps, means, broken, predicted, labelled)


def merge_readings(readings: Sequence[Reading]) -> Reading:
    """Join readings to one: means weigh as many as their steps, pixels add up.

    >>> merge_readings([Reading(1, {"pixel": 1.0}), Reading(3, {"pixel": 5.0})]).means
    {'pixel': 4.0}
    """
    names = list(dict.fromkeys(name for reading in readings for name in reading.means))
    return Reading(
        sum(reading.steps for reading in readings),
        {name: _weigh(readings, name) for name in names},
        sorted({name for reading in readings for name in reading.broken}),
        _add_up([reading.predicted for reading in readings if reading.predicted]),
        _add_up([reading.labelled for reading in readings if reading.labelled]),
    )


def _weigh(readings: Sequence[Reading], name: str) -> float:
    found = [(one.means[name], one.steps) for one in readings if not math.isnan(one.means.get(name, math.nan))]
    steps = sum(weight for _, weight in found)
    return sum(value * weight for value, weight in found) / steps if steps else math.nan


def _add_up(rows: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*rows, strict=True)]
