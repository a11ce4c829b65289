"""The length of a run: from the config, from a time budget, and measured."""

import pytest
from test_steps import PIXEL

from segan.config import load_config
from segan.training.budget import PLANNED_SHARE, Estimate, measure, steps_within
from segan.training.objective import Objective
from segan.training.plan import configured_steps, number_of_validations
from segan.training.runtime import build_runtime


def test_steps_that_fit_leave_room_for_validation() -> None:
    estimate = Estimate(pixel_step_s=1.0, adversarial_step_s=3.0, validation_image_s=0.5)

    def run_s(steps: int) -> float:
        return estimate.run_s(steps, warmup_fraction=0.25, validations=10, validation_images=20)

    steps = steps_within(1000.0, 10_000, run_s)
    assert steps == int((PLANNED_SHARE * 1000 - 100) / 2.5)
    assert PLANNED_SHARE * 1000 - 2.5 <= run_s(steps) <= PLANNED_SHARE * 1000
    assert steps_within(1000.0, 7, run_s) == 7


@pytest.mark.parametrize("wanted", [2000, 100_000])
def test_steps_that_fit_do_not_depend_on_the_steps_wanted(wanted: int) -> None:
    config = load_config(None, ["training.validate_every_steps=10", "loss.adversarial_weight=0"])

    def run_s(steps: int) -> float:
        validations = number_of_validations(config, steps)
        return Estimate(1.0, 1.0, 0.5).run_s(steps, warmup_fraction=0.0, validations=validations, validation_images=4)

    # Ten steps and a validation of two seconds: twelve seconds a round.
    assert steps_within(1200.0, wanted, run_s) == 900


def test_a_budget_too_small_for_anything_still_takes_a_step() -> None:
    assert steps_within(1.0, 100, lambda steps: 9.0 * steps) == 1


def test_steps_from_epochs() -> None:
    config = load_config(None, ["training.epochs=3", "training.batch_size=4"])
    assert configured_steps(config, train_images=10) == 8
    assert configured_steps(load_config(None, ["training.steps=5"]), train_images=10) == 5
    assert (
        number_of_validations(load_config(None, ["training.validate_every_steps=30", "health.enabled=false"]), 100) == 4
    )


def test_a_watched_run_is_also_validated_at_the_end_of_its_warmup() -> None:
    assert number_of_validations(load_config(None, ["training.validate_every_steps=30"]), 100) == 5


def test_measured_times_are_positive_and_scale_with_the_image() -> None:
    config = load_config(
        None,
        [
            "generator.weights=none",
            "generator.options={encoder_depth: 3, decoder_channels: [8, 8, 8]}",
            "discriminator.channels=4",
            "training.batch_size=1",
        ],
    )
    runtime = build_runtime("cpu", "fp32", channels_last=True)
    estimate = measure(config, Objective(PIXEL, adversarial_weight=0.1), 3, runtime, (32, 32))
    assert 0 < estimate.pixel_step_s < 60
    assert 0 < estimate.adversarial_step_s < 60
    bigger = estimate.for_image(sample_px=32 * 32, image_px=4 * 32 * 32)
    assert bigger.validation_image_s == pytest.approx(4 * estimate.validation_image_s)
