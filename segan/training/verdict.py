"""What is done about the health of a run: mild first, the pixel-only state last, and back where it is well. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from segan.training.health import Anchor, Band, Bands, Finding, find_problems, is_at_chance, narrow
from segan.training.readings import Reading, merge_readings

MOST_CUTS = 2  # Of the rate and of the weight each, before the next measure is taken.
CALM_WINDOWS = 4  # In a row, before a measure is taken back; twice as many after each time.


@dataclass(frozen=True)
class Standing:
    """What was done so far.

    Args:
        rest_until: The discriminator's steps are skipped before this one.
        has_rested: Whether it has since the run was last well.
        rate_cuts: How often its rate is lowered.
        weight_cuts: How often the adversarial weight is lowered.
        rollbacks: How often the run went back.
        recoveries: How often a measure was taken back.
        calm_windows: Windows in a row in which the run was well.
        chance_windows: Windows in a row in which the discriminator was at chance.
        told_chance: Whether that was said.
        low_scores: Validations in a row below the margin.
        fell_back_at: The step from which on the run is pixel-only; `None`: it is not.
    """

    rest_until: int = 0
    has_rested: bool = False
    rate_cuts: int = 0
    weight_cuts: int = 0
    rollbacks: int = 0
    recoveries: int = 0
    calm_windows: int = 0
    chance_windows: int = 0
    told_chance: bool = False
    low_scores: int = 0
    fell_back_at: int | None = None


@dataclass(frozen=True)
class Event:
    """Something that was seen and what is done about it.

    Args:
        action: `rest`, `lower_rate`, `lower_weight`, `roll_back`, `fall_back`, `raise_rate`, `raise_weight` or `none`.
        finding: What was seen, in words.
        done: What is done, in words.
        seen: The reading; NaN where there is no single one.
        band: Where it should lie; `None` where there is none.
        goes_back: Whether the networks are put back.
    """

    action: str
    finding: str
    done: str
    seen: float = math.nan
    band: Band | None = None
    goes_back: bool = False


def weight_share(standing: Standing, bands: Bands | None) -> float:
    """Give the factor on the adversarial weight; 0 once the run fell back."""
    if bands is None:
        return 1.0
    return 0.0 if standing.fell_back_at is not None else bands.factor**standing.weight_cuts


def rate_share(standing: Standing, bands: Bands | None) -> float:
    """Give the factor on the discriminator's learning rate."""
    return 1.0 if bands is None else bands.factor**standing.rate_cuts


def is_judged(looks: Sequence[Reading], bands: Bands) -> bool:
    """Tell whether the looks make a whole window; the next one begins after it."""
    return sum(look.steps for look in looks) >= bands.window_steps


def judge(
    standing: Standing, looks: Sequence[Reading], anchor: Anchor | None, bands: Bands, step: int
) -> tuple[Standing, list[Event]]:
    """Judge the newest look, and the window where it is whole.

    Values that are no numbers, and validation scores that stay low, are acted upon at once.

    Args:
        standing: What was done before.
        looks: Readings of this window, the newest last; at least one.
        anchor: The end of the warm-up; `None` where there is no such state.
        bands: Of the run.
        step: Steps taken.
    """
    if looks[-1].broken:
        return _answer_broken(standing, looks[-1].broken, step)
    if standing.low_scores >= bands.score_validations:
        words = f"the validation score stays more than {bands.score_margin:g} below that of the end of the warm-up"
        return _fall_back(standing, Finding("run", words, math.nan, (0.0, 1.0)), step)
    if not is_judged(looks, bands):
        return standing, []
    reading, reference = merge_readings(looks), None if anchor is None else anchor.reading
    problems = find_problems(reading, reference, bands)
    if problems:
        return _answer(replace(standing, calm_windows=0, chance_windows=0), problems[0], bands, step)
    standing, events = _note_chance(standing, reading, bands)
    if find_problems(reading, reference, narrow(bands)):
        return replace(standing, calm_windows=0), events
    standing, more = _recover(replace(standing, calm_windows=standing.calm_windows + 1), bands)
    return standing, [*events, *more]


def _answer_broken(standing: Standing, broken: Sequence[str], step: int) -> tuple[Standing, list[Event]]:
    finding = Finding("run", f"no finite number in: {', '.join(broken)}", math.nan, (0.0, 0.0))
    if standing.rollbacks:
        return _fall_back(standing, finding, step)
    after = replace(standing, rollbacks=1, weight_cuts=standing.weight_cuts + 1, calm_windows=0, low_scores=0)
    done = "both networks go back and the adversarial weight is lowered"
    return after, [Event("roll_back", finding.words, done, goes_back=True)]


def _answer(standing: Standing, finding: Finding, bands: Bands, step: int) -> tuple[Standing, list[Event]]:
    """Take the mildest measure that was not taken yet; the discriminator's own come first where it is at fault."""
    about_it, seen, band = finding.about == "discriminator", finding.seen, finding.band
    if about_it and not standing.has_rested:
        until = step + bands.window_steps
        done = f"the discriminator's steps are skipped until step {until}"
        return replace(standing, has_rested=True, rest_until=until), [Event("rest", finding.words, done, seen, band)]
    if about_it and standing.rate_cuts < MOST_CUTS:
        after = replace(standing, rate_cuts=standing.rate_cuts + 1)
        done = f"the discriminator's rate is lowered to {rate_share(after, bands):.3g} of its own"
        return after, [Event("lower_rate", finding.words, done, seen, band)]
    if standing.weight_cuts < MOST_CUTS:
        after = replace(standing, weight_cuts=standing.weight_cuts + 1)
        done = f"the adversarial weight is lowered to {weight_share(after, bands):.3g} of its own"
        return after, [Event("lower_weight", finding.words, done, seen, band)]
    return _fall_back(standing, finding, step)


def _fall_back(standing: Standing, finding: Finding, step: int) -> tuple[Standing, list[Event]]:
    """Silence the adversary; networks stay as they are where only the discriminator is at fault and no score is low."""
    event = Event(
        "fall_back",
        finding.words,
        "the run goes on with the pixel loss alone",
        finding.seen,
        None if math.isnan(finding.seen) else finding.band,
        goes_back=finding.about != "discriminator" or standing.low_scores > 0,
    )
    return replace(standing, fell_back_at=step), [event]


def _note_chance(standing: Standing, reading: Reading, bands: Bands) -> tuple[Standing, list[Event]]:
    windows = standing.chance_windows + 1 if is_at_chance(reading, bands) else 0
    standing = replace(standing, chance_windows=windows)
    if windows < CALM_WINDOWS or standing.told_chance:
        return standing, []
    words, done = "the discriminator is at chance", "nothing: the adversarial term has nothing to say"
    accuracy = reading.means["d_accuracy"]
    return replace(standing, told_chance=True), [Event("none", words, done, accuracy, bands.accuracy)]


def _recover(standing: Standing, bands: Bands) -> tuple[Standing, list[Event]]:
    """Take one measure back where the run has been well for long; longer each time."""
    if standing.calm_windows < CALM_WINDOWS * 2**standing.recoveries:
        return standing, []
    words = f"well for {standing.calm_windows} windows of {bands.window_steps} steps"
    if standing.weight_cuts:
        after = replace(standing, calm_windows=0, recoveries=standing.recoveries + 1)
        after = replace(after, weight_cuts=standing.weight_cuts - 1)
        done = f"the adversarial weight is raised to {weight_share(after, bands):.3g} of its own"
        return after, [Event("raise_weight", words, done)]
    if standing.rate_cuts:
        after = replace(standing, calm_windows=0, recoveries=standing.recoveries + 1)
        after = replace(after, rate_cuts=standing.rate_cuts - 1)
        done = f"the discriminator's rate is raised to {rate_share(after, bands):.3g} of its own"
        return after, [Event("raise_rate", words, done)]
    return replace(standing, has_rested=False), []
