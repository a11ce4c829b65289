"""Learning rates and the adversarial ramp against values worked by hand."""

import math

import pytest

from segan.training.schedule import adversarial_factor, learning_rate_factor


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        ("constant", 77, 1.0),
        ("poly", 0, 1.0),
        ("poly", 50, 0.5**0.9),
        ("poly", 100, 0.0),
        ("cosine", 25, 0.5 * (1 + math.sqrt(0.5))),
        ("cosine", 100, 0.0),
    ],
)
def test_learning_rate(schedule: str, step: int, expected: float) -> None:
    assert learning_rate_factor(step, 100, schedule=schedule) == pytest.approx(expected, abs=1e-12)


def test_learning_rate_grows_at_the_start() -> None:
    rates = [learning_rate_factor(step, 100, schedule="constant", lr_warmup_steps=4) for step in range(6)]
    assert rates == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_adversarial_factor_is_zero_in_the_warmup_then_grows_to_one() -> None:
    factors = [adversarial_factor(step, 20, warmup_fraction=0.25, ramp_fraction=0.2) for step in range(20)]
    assert factors[:5] == [0.0] * 5
    assert factors[5:9] == [0.25, 0.5, 0.75, 1.0]
    assert factors[9:] == [1.0] * 11


def test_adversarial_factor_without_warmup_and_ramp() -> None:
    assert adversarial_factor(0, 20, warmup_fraction=0.0, ramp_fraction=0.0) == 1.0
