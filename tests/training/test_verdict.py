"""Measures come mild first, show in a window, are taken back slowly, and end with the pixel loss alone."""

from dataclasses import replace

import pytest
from test_health_bands import BANDS, WELL, reading

from segan.training.health import Anchor
from segan.training.readings import Reading
from segan.training.verdict import CALM_WINDOWS, Event, Standing, judge, rate_share, weight_share

ANCHOR = Anchor(10, 0.5, reading())


def run(standing: Standing, windows: int, **changes: float) -> tuple[Standing, list[Event]]:
    """Judge the same window again and again."""
    events: list[Event] = []
    for index in range(windows):
        standing, more = judge(standing, [reading(**changes)], ANCHOR, BANDS, 100 + 20 * index)
        events += more
    return standing, events


def actions(events: list[Event]) -> list[str]:
    return [event.action for event in events]


def test_a_discriminator_that_wins_meets_all_measures_in_order() -> None:
    standing, events = run(Standing(), 6, d_accuracy=0.99)
    assert actions(events) == ["rest", "lower_rate", "lower_rate", "lower_weight", "lower_weight", "fall_back"]
    assert standing.fell_back_at == 200
    assert standing.rest_until == 120
    assert events[0].done == "the discriminator's steps are skipped until step 120"
    assert events[1].done == "the discriminator's rate is lowered to 0.3 of its own"
    assert events[4].done == "the adversarial weight is lowered to 0.09 of its own"
    assert (events[0].seen, events[0].band) == (0.99, (0.3, 0.95))
    assert not any(event.goes_back for event in events)


@pytest.mark.parametrize(
    ("standing", "changes"),
    [
        (Standing(has_rested=True, rate_cuts=2, weight_cuts=2, low_scores=1), {"d_accuracy": 0.99}),
        (Standing(weight_cuts=2), {"gradient_ratio": 0.9}),
        (Standing(weight_cuts=2), {"gradient_ratio": 0.9, "d_accuracy": 0.99}),
    ],
)
def test_a_generator_that_may_be_harmed_goes_back(standing: Standing, changes: dict[str, float]) -> None:
    _, (event,) = run(standing, 1, **changes)
    assert (event.action, event.goes_back) == ("fall_back", True)


def test_a_generator_in_trouble_meets_the_weight_at_once() -> None:
    assert actions(run(Standing(), 3, gradient_ratio=0.9)[1]) == ["lower_weight", "lower_weight", "fall_back"]


def test_nothing_is_judged_before_the_window_is_whole() -> None:
    part = Reading(19, {**WELL, "d_accuracy": 0.99})
    assert judge(Standing(), [part], ANCHOR, BANDS, 50) == (Standing(), [])
    _, events = judge(Standing(), [part, Reading(1, {**WELL, "d_accuracy": 0.99})], ANCHOR, BANDS, 50)
    assert actions(events) == ["rest"]


def test_values_that_are_no_numbers_go_back_once_then_for_good() -> None:
    broken = Reading(1, WELL, ["d_loss"])
    standing, events = judge(Standing(low_scores=2), [reading(), broken], ANCHOR, BANDS, 50)
    assert actions(events) == ["roll_back"]
    assert events[0].finding == "no finite number in: d_loss"
    assert (standing.rollbacks, standing.weight_cuts, standing.low_scores) == (1, 1, 0)
    standing, events = judge(standing, [broken], ANCHOR, BANDS, 60)
    assert actions(events) == ["fall_back"]
    assert standing.fell_back_at == 60
    assert all(event.goes_back for event in events)


def test_scores_that_stay_low_end_the_adversarial_phase() -> None:
    part = Reading(1, WELL)
    assert judge(Standing(low_scores=2), [part], ANCHOR, BANDS, 50)[1] == []
    standing, events = judge(Standing(low_scores=3), [part], ANCHOR, BANDS, 50)
    assert actions(events) == ["fall_back"]
    assert "stays more than 0.02 below that of the end of the warm-up" in events[0].finding
    assert standing.fell_back_at == 50


def test_measures_are_taken_back_where_it_is_well_for_long_and_later_each_time() -> None:
    lowered = Standing(has_rested=True, rate_cuts=1, weight_cuts=1)
    standing, events = run(lowered, CALM_WINDOWS)
    assert actions(events) == ["raise_weight"]
    assert (standing.weight_cuts, standing.rate_cuts, standing.recoveries) == (0, 1, 1)
    standing, events = run(standing, 2 * CALM_WINDOWS - 1)
    assert events == []
    standing, events = run(standing, 1)
    assert actions(events) == ["raise_rate"]
    assert standing.has_rested
    standing, events = run(standing, 4 * CALM_WINDOWS)
    assert (events, standing.has_rested) == ([], False)


def test_between_the_bands_nothing_happens() -> None:
    standing, events = run(Standing(rate_cuts=1, calm_windows=3), 10, d_accuracy=0.92)
    assert (events, standing.calm_windows, standing.rate_cuts) == ([], 0, 1)


def test_chance_is_told_once_and_nothing_is_done() -> None:
    standing, events = run(Standing(), 3 * CALM_WINDOWS, d_accuracy=0.5, d_loss=0.693)
    assert actions(events) == ["none"]
    assert events[0].finding == "the discriminator is at chance"
    assert events[0].done == "nothing: the adversarial term has nothing to say"
    assert replace(standing, chance_windows=0, calm_windows=0) == Standing(told_chance=True)


@pytest.mark.parametrize("cuts", [0, 1, 2])
def test_shares(cuts: int) -> None:
    standing = Standing(rate_cuts=cuts, weight_cuts=cuts)
    assert weight_share(standing, BANDS) == rate_share(standing, BANDS) == pytest.approx(0.3**cuts)
    assert weight_share(replace(standing, fell_back_at=5), BANDS) == 0.0
    assert weight_share(standing, None) == rate_share(standing, None) == 1.0
