"""Figures of a family for any number of resamples at once, from the sums of each image."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from segan.evaluation.families import Family, Figure
from segan.evaluation.families.confusion import macro
from segan.evaluation.sums import Counts, Sums, flatten_sums, mean_of_units, to_units, unflatten_sums
from segan.evaluation.uncertainty import Compute, Figures, Pooled, bootstrap_interval

MACRO = "macro"
MACRO_WITHOUT_BACKGROUND = "macro_without_background"
PER_CLASS = "per_class"
VALUE = "value"

Value = TypeVar("Value")


@dataclass(frozen=True)
class Column:
    """Where a number stands.

    Args:
        figure: Name of the figure.
        part: `value` of a figure for the whole; `macro`, `macro_without_background` or `per_class` of one by class.
        name: Of the class, for `per_class`.
    """

    figure: str
    part: str
    name: str = ""


@dataclass(frozen=True)
class Table:
    """Sums of images and the way from any weighted total of them to figures.

    Args:
        counts: Sums of each image, then scores of each image in fixed-point units and whether it has one, `[N, P]`.
        compute: Totals `[..., P]` to figures `[..., F]`, NaN where a figure does not exist.
        columns: What the F figures are.
    """

    counts: Counts
    compute: Compute
    columns: tuple[Column, ...]

    def values(self) -> dict[Column, float]:
        """Compute the figures of all images."""
        found = self.compute(self.counts.sum(axis=0).astype(np.float64))
        return dict(zip(self.columns, found.tolist(), strict=True))

    def intervals(self) -> dict[Column, tuple[float, float]]:
        """Compute the 95 % interval of each figure over images; both ends NaN where there is none."""
        low, high = bootstrap_interval(self.counts, self.compute).tolist()
        return dict(zip(self.columns, zip(low, high, strict=True), strict=True))


def build_table(family: Family, stacked: Sums, classes: Sequence[str], background: int | None) -> Table:
    """Prepare the figures of one family.

    Args:
        family: Which.
        stacked: Sums of N images along a first axis, in the order of the images' names.
        classes: K names.
        background: Class that is left out of the figures without background; `None`: these do not exist.
    """
    figures = choose_figures(family, background)
    flat = flatten_sums(stacked)
    of_images = [figure.compute(stacked) for figure in figures.values() if figure.over_images]
    scores = [values.reshape(len(flat), -1) for values in of_images]
    parts = [part for own in scores for part in (to_units(own), (~np.isnan(own)).astype(np.int64))]
    compute = partial(_compute, list(figures.values()), stacked, flat.shape[1], len(classes), background)
    columns = [column for name, figure in figures.items() for column in _columns(name, figure, classes, background)]
    return Table(np.concatenate([flat, *parts], axis=1), compute, tuple(columns))


def choose_figures(family: Family, background: int | None) -> dict[str, Figure]:
    """Leave out what exists only beside a background, where there is none."""
    return {
        name: figure
        for name, figure in family.figures.items()
        if background is not None or not figure.without_background
    }


def nest_columns(values: dict[Column, Value]) -> dict[str, Any]:
    """Arrange values by figure, part and, below `per_class`, name."""
    nested: dict[str, Any] = {}
    for column, value in values.items():
        parts = nested.setdefault(column.figure, {})
        if column.part == PER_CLASS:
            parts.setdefault(PER_CLASS, {})[column.name] = value
        else:
            parts[column.part] = value
    return nested


def main_column(figure: str, family: Family) -> Column:
    """Name the one number that stands for a figure: its macro mean, or its value."""
    return Column(figure, MACRO if family.figures[figure].per_class else VALUE)


def score_images(family: Family, stacked: Sums, figure: str) -> Figures:
    """Compute a figure for each image by itself, `[N]`; macro over classes, NaN where an image has none."""
    values = family.figures[figure].compute(stacked)
    return macro(values) if family.figures[figure].per_class else values


def none_if_nan(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value


def _columns(name: str, figure: Figure, classes: Sequence[str], background: int | None) -> list[Column]:
    if not figure.per_class:
        return [Column(name, VALUE)]
    without = [] if background is None else [Column(name, MACRO_WITHOUT_BACKGROUND)]
    return [Column(name, MACRO), *without, *(Column(name, PER_CLASS, own) for own in classes)]


def _compute(
    figures: Sequence[Figure], like: Sums, start: int, num_classes: int, background: int | None, pooled: Pooled
) -> Figures:
    """Compute all figures from totals `[..., P]`, of which the first `start` are sums."""
    sums = unflatten_sums(like, pooled[..., :start])
    blocks: list[Figures] = []
    for figure in figures:
        if figure.over_images:
            width = num_classes if figure.per_class else 1
            units, images = pooled[..., start : start + width], pooled[..., start + width : start + 2 * width]
            start += 2 * width
            values = mean_of_units(units, images)
        else:
            values = figure.compute(sums) if figure.per_class else figure.compute(sums)[..., np.newaxis]
        if figure.per_class:
            blocks.append(macro(values)[..., np.newaxis])
            if background is not None:
                blocks.append(macro(values, (background,))[..., np.newaxis])
        blocks.append(values)
    return np.concatenate(blocks, axis=-1)
