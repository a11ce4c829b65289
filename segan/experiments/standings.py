"""What the finished cells say together: a row for each method, and adversarial minus pixel-only."""

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from segan.evaluation.comparison import pair_counts
from segan.evaluation.intervals import Ends, figures
from segan.evaluation.result import Evaluation, read_evaluation
from segan.evaluation.uncertainty import LEVEL, Counts, Figures, Pooled, bootstrap_interval
from segan.experiments.cells import Cell, cell_folder
from segan.experiments.perform import FIGURES, SCORES


@dataclass(frozen=True)
class Finished:
    """A cell with its figures and the counts of each image."""

    cell: Cell
    figures: dict[str, Any]
    evaluation: Evaluation


@dataclass(frozen=True)
class Standing:
    """One method on one data set, over its seeds.

    Args:
        runs: A finished cell for each seed.
        mean_iou: Mean over the seeds; NaN where there is none.
        spread: Standard deviation over the seeds; `None` for one seed.
        interval: 95 % interval of `mean_iou` over images, these seeds given.
        is_best: It has the highest mean IoU of its data set, and the paired interval of its lead over the next one
            does not hold 0.
    """

    runs: tuple[Finished, ...]
    mean_iou: float
    spread: float | None
    interval: Ends
    is_best: bool = False

    @property
    def cell(self) -> Cell:
        """The first of the cells; all have one data set and label."""
        return self.runs[0].cell

    def mean(self, key: str) -> float | None:
        """Mean of a figure over the seeds, `None` where one has none."""
        values = [run.figures.get(key) for run in self.runs]
        return None if any(value is None for value in values) else statistics.fmean(map(float, values))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Gain:
    """Adversarial minus pixel-only of one network, over the seeds that both have.

    Args:
        dataset: Name of the data set.
        method: Name of the network.
        by_seed: Difference of mean IoU for each seed.
        interval: 95 % interval of the mean difference over images, these seeds given.
        seed_interval: 95 % interval of the mean difference over seeds, Student's; NaN for one seed.
    """

    dataset: str
    method: str
    by_seed: dict[int, float]
    interval: Ends
    seed_interval: Ends

    @property
    def difference(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.by_seed.values())

    @property
    def verdict(self) -> str:
        """`better` or `worse` where no interval holds 0; one seed cannot tell about others."""
        ends = [self.interval] if len(self.by_seed) == 1 else [self.interval, self.seed_interval]
        if all(low > 0 for low, _ in ends):
            found = "better"
        elif all(high < 0 for _, high in ends):
            found = "worse"
        else:
            found = "not shown"
        return f"{found}; 1 seed, so not of other seeds" if len(self.by_seed) == 1 else found


def read_finished(cells: Sequence[Cell], out: Path) -> list[Finished]:
    """Read the finished ones of these cells.

    Raises:
        DataError: A file of them is damaged.
    """
    found = []
    for cell in cells:
        folder = cell_folder(out, cell)
        if (folder / FIGURES).exists():
            content = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
            found.append(Finished(cell, content, read_evaluation(folder / SCORES)))
    return found


def rank(finished: Sequence[Finished]) -> list[Standing]:
    """Sum up each method on each data set, in the order of the cells.

    Raises:
        DataError: Cells of one data set scored other images.
    """
    groups: dict[tuple[str, str], list[Finished]] = {}
    for run in finished:
        groups.setdefault((run.cell.dataset, run.cell.label), []).append(run)
    standings = [_stand(group) for group in groups.values()]
    for dataset in dict.fromkeys(standing.cell.dataset for standing in standings):
        places = [place for place, standing in enumerate(standings) if standing.cell.dataset == dataset]
        places.sort(key=lambda place: -np.nan_to_num(standings[place].mean_iou, nan=-1.0))
        if len(places) > 1 and _leads(standings[places[0]], standings[places[1]]):
            best = standings[places[0]]
            standings[places[0]] = Standing(best.runs, best.mean_iou, best.spread, best.interval, is_best=True)
    return standings


def find_gains(finished: Sequence[Finished]) -> list[Gain]:
    """Compare the two modes of each network, seed by seed and image by image.

    Raises:
        DataError: The two scored other images.
    """
    found: dict[tuple[str, str], dict[str, dict[int, Finished]]] = {}
    for run in finished:
        modes = found.setdefault((run.cell.dataset, run.cell.method), {})
        modes.setdefault(run.cell.mode, {})[run.cell.seed] = run
    gains = []
    for (dataset, method), modes in found.items():
        pixel, adversarial = modes.get("pixel", {}), modes.get("adversarial", {})
        seeds = sorted(pixel.keys() & adversarial.keys())
        if seeds:
            first, second = [pixel[seed] for seed in seeds], [adversarial[seed] for seed in seeds]
            by_seed = {
                seed: two.evaluation.mean_iou - one.evaluation.mean_iou
                for seed, one, two in zip(seeds, first, second, strict=True)
            }
            between = seed_interval(list(by_seed.values()))
            gains.append(Gain(dataset, method, by_seed, lead_interval(first, second), between))
    return gains


def lead_interval(first: Sequence[Finished], second: Sequence[Finished]) -> Ends:
    """Compute the 95 % interval of the second's mean IoU minus the first's, each a mean over its runs.

    Images are drawn, and each takes the counts of all runs with it: what makes an image hard for all cancels.

    Raises:
        DataError: The runs scored other images.
    """
    count = len(first)

    def lead(pooled: Pooled) -> Figures:
        scores = figures(pooled)[..., 0]
        return np.asarray(scores[..., count:].mean(axis=-1) - scores[..., :count].mean(axis=-1))[..., None]

    (low,), (high,) = bootstrap_interval(stack_counts([*first, *second]), lead, corrected=False).tolist()
    return low, high


def score_interval(runs: Sequence[Finished]) -> Ends:
    """Compute the 95 % interval over images of the mean IoU, averaged over runs; of one run, that of its evaluation.

    Raises:
        DataError: The runs scored other images.
    """

    def score(pooled: Pooled) -> Figures:
        return np.asarray(figures(pooled)[..., 0].mean(axis=-1))[..., None]

    (low,), (high,) = bootstrap_interval(stack_counts(runs), score).tolist()
    return low, high


def seed_interval(differences: Sequence[float]) -> Ends:
    """Compute Student's 95 % interval of a mean over seeds; NaN for one seed.

    >>> [round(end, 4) for end in seed_interval([0.01, 0.02, 0.03])]
    [-0.0048, 0.0448]
    """
    count = len(differences)
    if count < 2:
        return math.nan, math.nan
    middle = statistics.fmean(differences)
    reach = -float(stdtrit(count - 1, (1.0 - LEVEL) / 2.0)) * statistics.stdev(differences) / math.sqrt(count)
    return middle - reach, middle + reach


def stack_counts(runs: Sequence[Finished]) -> Counts:
    """Stack the margins of S runs on the same N images, `[N, S, 3, K]`, in the order of the images' names.

    Raises:
        DataError: The runs scored other images.
    """
    head = runs[0]
    pairs = [pair_counts(head.evaluation, run.evaluation, head.cell.id, run.cell.id) for run in runs]
    return np.stack([second for _, second in pairs], axis=1)


def _stand(runs: Sequence[Finished]) -> Standing:
    scores = [run.evaluation.mean_iou for run in runs]
    spread = statistics.stdev(scores) if len(scores) > 1 else None
    return Standing(tuple(runs), statistics.fmean(scores), spread, score_interval(runs))


def _leads(best: Standing, following: Standing) -> bool:
    return lead_interval(following.runs, best.runs)[0] > 0.0
