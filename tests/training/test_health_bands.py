"""Readings outside their bands are told in words, those inside are not."""

import math

import pytest

from segan.training.health import Anchor, Bands, find_problems, is_at_chance, is_sound, narrow
from segan.training.readings import Reading

BANDS = Bands(10, 20, (0.3, 0.95), (0.2, 1.0), 0.5, 0.3, 0.02, 3, classes=("sky", "rod"))
WELL = {"pixel": 0.5, "d_loss": 0.6, "d_accuracy": 0.7, "gradient_ratio": 0.05, "entropy": 0.3}


def reading(predicted: tuple[int, int] = (500, 500), **changes: float) -> Reading:
    return Reading(20, {**WELL, **changes}, [], list(predicted), [500, 500])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"d_accuracy": 0.5, "d_loss": 0.693}, []),
        ({"d_accuracy": 0.98}, ["the discriminator wins: it tells 0.98 of the patches right"]),
        ({"d_accuracy": 0.1}, ["the discriminator is the wrong way round: it tells 0.10 of the patches right"]),
        ({"d_loss": 0.1}, ["the discriminator wins: its loss is 0.10"]),
        ({"d_loss": 1.5}, ["the discriminator does worse than a guess: its loss is 1.50"]),
        ({"gradient_ratio": 0.8}, ["the adversary outweighs the labels: its gradient is 0.80 of the pixel loss's"]),
        ({"entropy": 0.6}, ["the prediction becomes undecided: entropy 0.60"]),
        ({"d_accuracy": math.nan, "d_loss": math.nan, "entropy": math.nan, "gradient_ratio": math.nan}, []),
    ],
)
def test_what_is_outside_its_band_is_told(changes: dict[str, float], words: list[str]) -> None:
    assert [finding.words for finding in find_problems(reading(**changes), reading(), BANDS)] == words


def test_the_generator_comes_first() -> None:
    found = find_problems(reading(d_accuracy=0.99, gradient_ratio=0.9), reading(), BANDS)
    assert [finding.about for finding in found] == ["generator", "discriminator"]


def test_a_class_that_is_no_longer_predicted_has_collapsed() -> None:
    gone = reading(predicted=(1000, 0))
    (finding,) = find_problems(gone, reading(), BANDS)
    assert finding.words == "class rod is no longer predicted: 0 pixels where 500 are labelled"
    # It has not if it never was predicted, is hardly there, or there is nothing to compare with.
    assert find_problems(gone, gone, BANDS) == []
    rare = Reading(20, WELL, [], [598, 0], [500, 98])
    assert find_problems(rare, reading(), BANDS) == []
    assert find_problems(gone, None, BANDS) == []


def test_a_rare_class_alone_comes_and_goes() -> None:
    before = Reading(20, WELL, [], [5000, 4000, 400, 400], [5000, 4000, 400, 400])
    one = Reading(20, WELL, [], [5000, 4400, 0, 400], [5000, 4000, 400, 400])
    assert find_problems(one, before, BANDS) == []
    most = Reading(20, WELL, [], [5400, 4400, 0, 0], [5000, 4000, 400, 400])
    assert len(find_problems(most, before, BANDS)) == 2
    by_chance = Reading(20, WELL, [], [5000, 4000, 0, 400], [5000, 4000, 900, 400])
    assert find_problems(by_chance, before, BANDS) == []
    common = Reading(20, WELL, [], [9000, 0, 400, 400], [5000, 4000, 400, 400])
    assert [finding.seen for finding in find_problems(common, before, BANDS)] == [0.0]


def test_losses_without_a_scale_and_frozen_discriminators_are_not_judged_by_it() -> None:
    hinge = Bands(10, 20, (0.3, 0.95), None, None, 0.3, 0.02, 3)
    assert find_problems(reading(d_loss=5.0, gradient_ratio=0.9), reading(), hinge) == []
    frozen = Bands(10, 20, (0.3, 0.95), (0.2, 1.0), 0.5, 0.3, 0.02, 3, discriminator_learns=False)
    assert find_problems(reading(d_loss=5.0, d_accuracy=0.0), reading(), frozen) == []
    assert not is_at_chance(reading(d_accuracy=0.5), frozen)


def test_narrow_bands_lie_inside() -> None:
    inner = narrow(BANDS)
    assert inner.accuracy == pytest.approx((0.35, 0.9))
    assert inner.d_loss == pytest.approx((0.25, 0.9))
    assert inner.gradient_ratio == pytest.approx(0.4)
    assert find_problems(reading(d_accuracy=0.92), reading(), BANDS) == []
    assert find_problems(reading(d_accuracy=0.92), reading(), inner)


def test_chance_is_one_half() -> None:
    assert is_at_chance(reading(d_accuracy=0.46), BANDS)
    assert not is_at_chance(reading(d_accuracy=0.6), BANDS)
    assert not is_at_chance(reading(d_accuracy=math.nan), BANDS)


def test_a_state_is_sound_by_its_score_or_else_by_its_pixel_loss() -> None:
    anchor = Anchor(10, 0.5, reading())
    assert is_sound(0.481, None, anchor, BANDS)
    assert not is_sound(0.479, reading(), anchor, BANDS)
    without = Anchor(10, None, reading())
    assert is_sound(None, reading(pixel=0.54), without, BANDS)
    assert not is_sound(None, reading(pixel=0.56), without, BANDS)
    assert not is_sound(None, None, without, BANDS)
    assert not is_sound(None, reading(), Anchor(10, None, None), BANDS)
