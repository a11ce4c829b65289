"""Sums of steps become readings: means of what is finite, and names of what is not."""

import math

import pytest
import torch
from test_steps import PIXEL, make_batch, make_state

from segan.training.objective import Objective
from segan.training.readings import LOSSES, Reading, add_step, describe_prediction, merge_readings, take_reading
from segan.training.steps import STEPS


def scalars(**values: float) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(value) for name, value in values.items()}


def test_means_are_over_finite_values_and_the_others_are_named() -> None:
    total = None
    for d_loss, accuracy in ((0.5, 0.6), (math.nan, math.nan), (0.7, 0.8)):
        total = add_step(total, scalars(pixel=1.0, d_loss=d_loss, d_accuracy=accuracy, gradient_norm_g=math.inf))
    assert total is not None
    reading = take_reading(total, 3, {})
    assert reading.means["pixel"] == 1.0
    assert reading.means["d_loss"] == pytest.approx(0.6)
    assert reading.means["d_accuracy"] == pytest.approx(0.7)
    assert math.isnan(reading.means["gradient_norm_g"])
    assert math.isnan(reading.means["entropy"])
    # Some signals have no accuracy; and where losses are scaled, gradients overflow now and then.
    assert reading.broken == ["d_loss", "gradient_norm_g"]
    assert take_reading(total, 3, {}, checked=LOSSES).broken == ["d_loss"]


def test_what_a_step_does_not_have_is_not_broken() -> None:
    assert take_reading(add_step(None, scalars(pixel=1.0)), 1, {}).broken == []


def test_a_prediction_is_described_over_labelled_pixels() -> None:
    logits = torch.zeros(1, 4, 1, 3)
    logits[0, 2, 0, 1] = 50.0  # Sure of class 2 at the second pixel, undecided elsewhere.
    mask = torch.tensor([[[3, 2, 255]]])
    described = describe_prediction(logits, mask)
    assert float(described["entropy"]) == pytest.approx(0.5)
    assert described["class_pixels"].tolist() == [[1, 0, 1, 0], [0, 0, 1, 1]]
    nothing = describe_prediction(logits, torch.full_like(mask, 255))
    assert float(nothing["entropy"]) == 0.0


def test_merged_readings_weigh_as_their_steps() -> None:
    first = Reading(1, {"pixel": 1.0, "entropy": 0.2}, [], [5, 0], [4, 1])
    second = Reading(3, {"pixel": 3.0, "entropy": math.nan}, ["pixel"])
    merged = merge_readings([first, second, Reading(4, {"pixel": 3.0}, [], [1, 1], [0, 2])])
    assert merged.steps == 8
    assert merged.means == {"pixel": pytest.approx(2.75), "entropy": pytest.approx(0.2)}
    assert (merged.broken, merged.predicted, merged.labelled) == (["pixel"], [6, 1], [4, 3])


@pytest.mark.parametrize("mode", ["pixel", "adversarial"])
def test_an_inspected_step_takes_the_same_step(mode: str) -> None:
    plain, inspected = make_state(), make_state()
    inspected.is_inspected = True
    values = [
        STEPS[mode](state, make_batch(), Objective(PIXEL, adversarial_weight=0.1)) for state in (plain, inspected)
    ]
    assert values[1].keys() - values[0].keys() == {"entropy", "class_pixels"}
    for first, second in zip(plain.generator.parameters(), inspected.generator.parameters(), strict=True):
        assert torch.equal(first, second)
