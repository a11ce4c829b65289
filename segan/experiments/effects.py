"""What the runs of a proof say: the effect of each arm against others, and one verdict an arm."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segan.evaluation.comparison import pair_counts
from segan.evaluation.family_figures import Column
from segan.evaluation.hierarchy import compare_seeds
from segan.evaluation.intervals import Ends
from segan.experiments.arms import PIXEL, role_of
from segan.experiments.cells import Cell
from segan.experiments.standings import Finished

HELPS, HURTS, UNCLEAR = "helps", "hurts", "no evidence"


@dataclass(frozen=True)
class Measured:
    """A figure that a proof looks at.

    Args:
        family: Key of `FAMILIES`.
        column: Its place there.
        title: For people.
        sign: 1 where higher is better, -1 where lower is.
    """

    family: str
    column: Column
    title: str
    sign: int = 1


# The first one is what the verdict is about.
MEASURED: dict[str, Measured] = {
    "mean_iou": Measured("confusion", Column("iou", "macro"), "mean IoU"),
    "boundary_f1": Measured("boundary", Column("boundary_f1_2px", "macro"), "boundary F1 (2 px)"),
    "cl_dice": Measured("structure", Column("cl_dice", "macro"), "clDice"),
    "component_error": Measured("structure", Column("component_error", "macro"), "component error", -1),
}
VERDICT_ON = "mean_iou"


@dataclass(frozen=True)
class Effect:
    """One figure of one arm minus that of another, over the seeds that both have.

    Args:
        figure: Key of `MEASURED`.
        by_seed: Difference for each seed.
        interval: 95 % interval over seeds and images; NaN where there is none.
        p_value: Of the sign-flip test over seeds; NaN for one seed.
    """

    figure: str
    by_seed: dict[int, float]
    interval: Ends
    p_value: float

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return math.fsum(self.by_seed.values()) / len(self.by_seed)

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds; NaN for one."""
        return float(np.std(list(self.by_seed.values()), ddof=1)) if len(self.by_seed) > 1 else math.nan

    @property
    def direction(self) -> str:
        """`helps` or `hurts` where the interval does not hold 0."""
        low, high = (MEASURED[self.figure].sign * end for end in self.interval)
        low, high = min(low, high), max(low, high)
        return HELPS if low > 0.0 else HURTS if high < 0.0 else UNCLEAR


@dataclass(frozen=True)
class Comparison:
    """One arm against another.

    Args:
        arm: Name.
        against: Name.
        effects: By figure.
        seconds_ratio: Training time of the arm over the other's, mean of the seeds' ratios; `None` if not known.
        memory_ratio: Peak memory likewise.
    """

    arm: str
    against: str
    effects: dict[str, Effect]
    seconds_ratio: float | None
    memory_ratio: float | None


@dataclass(frozen=True)
class Verdict:
    """What an arm does to the mean IoU.

    Args:
        arm: Name.
        role: `candidate` or `control`.
        found: `helps`, `no evidence` or `hurts`.
        reason: In plain words.
    """

    arm: str
    role: str
    found: str
    reason: str


def compare_arms(finished: Sequence[Finished]) -> list[Comparison]:
    """Compare every arm with `pixel`, and every candidate with every control.

    Raises:
        DataError: Runs scored other images.
    """
    arms = _by_arm(finished)
    roles = {arm: role_of(next(iter(runs.values())).cell.config) for arm, runs in arms.items()}
    pairs = [(arm, PIXEL) for arm in arms if arm != PIXEL and PIXEL in arms]
    candidates = [arm for arm, role in roles.items() if role == "candidate"]
    pairs += [(arm, other) for arm in candidates for other, role in roles.items() if role == "control"]
    found = [_compare(arm, other, arms[arm], arms[other]) for arm, other in pairs]
    return [comparison for comparison in found if comparison is not None]


def judge(comparisons: Sequence[Comparison], finished: Sequence[Finished]) -> list[Verdict]:
    """Say of each arm whether it helps.

    A candidate helps where its interval against `pixel` lies above 0 and so does that against every control: what a
    discriminator does that cannot know which mask belongs to an image is no knowledge of shapes. It hurts where the
    interval against `pixel` lies below 0.
    """
    roles = {run.cell.method: role_of(run.cell.config) for run in finished}
    verdicts = []
    for comparison in comparisons:
        if comparison.against != PIXEL:
            continue
        arm, effect = comparison.arm, comparison.effects[VERDICT_ON]
        beaten = [other for other in comparisons if other.arm == arm and other.against != PIXEL]
        doubts = [other.against for other in beaten if other.effects[VERDICT_ON].direction != HELPS]
        found, reason = effect.direction, _word(effect)
        if len(effect.by_seed) == 1:
            found = UNCLEAR
        elif roles[arm] == "candidate" and found == HELPS and doubts:
            found, reason = UNCLEAR, f"{reason}; but its lead over {', '.join(doubts)} is not shown"
        verdicts.append(Verdict(arm, roles[arm], found, reason))
    return verdicts


def _word(effect: Effect) -> str:
    low, high = effect.interval
    seeds = len(effect.by_seed)
    number = "1 seed, which cannot tell of others" if seeds == 1 else f"{seeds} seeds"
    ends = "no interval" if math.isnan(low) else f"95 % interval {100 * low:+.2f} to {100 * high:+.2f}"
    p_value = "" if math.isnan(effect.p_value) else f", sign-flip p = {effect.p_value:.3f}"
    return f"mean IoU {100 * effect.mean:+.2f} points, {ends}{p_value}, {number}"


def _by_arm(finished: Sequence[Finished]) -> dict[str, dict[int, Finished]]:
    arms: dict[str, dict[int, Finished]] = {}
    for run in finished:
        arms.setdefault(run.cell.method, {})[run.cell.seed] = run
    return arms


def _compare(arm: str, against: str, own: dict[int, Finished], other: dict[int, Finished]) -> Comparison | None:
    seeds = sorted(own.keys() & other.keys())
    if not seeds:
        return None
    first, second = [other[seed] for seed in seeds], [own[seed] for seed in seeds]
    for one, two in zip(first, second, strict=True):  # Raises where these are not the same images and masks.
        pair_counts(one.evaluation, two.evaluation, one.cell.id, two.cell.id)
    effects: dict[str, Effect] = {}
    for family in dict.fromkeys(measured.family for measured in MEASURED.values()):
        effects |= _effects_of(family, seeds, first, second)
    ordered = {key: effects[key] for key in MEASURED if key in effects}
    ratios = [_mean_ratio(second, first, key) for key in ("training_minutes", "peak_memory_mib")]
    return Comparison(arm, against, ordered, *ratios)


def _effects_of(
    family: str, seeds: Sequence[int], first: Sequence[Finished], second: Sequence[Finished]
) -> dict[str, Effect]:
    """Compare the figures of one family that all runs have."""
    tables = [[run.evaluation.tables.get(family) for run in runs] for runs in (first, second)]
    if any(table is None for runs in tables for table in runs):
        return {}
    head = tables[0][0]
    assert head is not None
    lower, upper = (np.stack([table.counts for table in runs if table is not None]) for runs in tables)
    wanted = {key: head.columns.index(part.column) for key, part in MEASURED.items() if part.family == family}
    columns = list(wanted.values())
    found = compare_seeds(lower, upper, lambda pooled: head.compute(pooled)[..., columns])
    return {
        key: Effect(
            key,
            {seed: float(value) for seed, value in zip(seeds, found.by_seed[:, place], strict=True)},
            (float(found.interval[0, place]), float(found.interval[1, place])),
            float(found.p_values[place]),
        )
        for place, key in enumerate(wanted)
    }


def _mean_ratio(own: Sequence[Finished], other: Sequence[Finished], key: str) -> float | None:
    pairs = [(run.figures.get(key), base.figures.get(key)) for run, base in zip(own, other, strict=True)]
    if any(value is None or base in (None, 0) for value, base in pairs):
        return None
    return float(np.mean([value / base for value, base in pairs]))  # type: ignore[operator]


def can_compare(cells: Sequence[Cell]) -> bool:
    """Tell whether `pixel` and another arm have a seed in common."""
    seeds = {cell.seed for cell in cells if cell.method == PIXEL}
    return any(cell.seed in seeds for cell in cells if cell.method != PIXEL)
