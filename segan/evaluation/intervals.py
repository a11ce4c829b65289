"""The figures of an evaluation with their intervals over images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from segan.evaluation.uncertainty import LEVEL, RESAMPLES, Counts, Figures, Pooled, bootstrap_interval

WHOLE = ("mean_iou", "pixel_accuracy")
PER_CLASS = ("iou", "dice", "precision", "recall")
METHOD = "bootstrap over images, BCa with widened levels (Efron 1987, Hesterberg 2015)"

Ends = tuple[float, float]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Intervals:
    """An interval for each figure; both ends NaN where there is none.

    Args:
        whole: By figure: `mean_iou`, `pixel_accuracy`.
        per_class: By figure and class name: `iou`, `dice`, `precision`, `recall`.
    """

    whole: dict[str, Ends]
    per_class: dict[str, dict[str, Ends]]

    def to_json(self) -> dict[str, Any]:
        """Return the content of `intervals` in `metrics.json`: `[low, high]`, or `None` where there is none."""
        tables = {
            figure: {name: plain_ends(ends) for name, ends in table.items()} for figure, table in self.per_class.items()
        }
        whole = {figure: plain_ends(ends) for figure, ends in self.whole.items()}
        return {"level": LEVEL, "method": METHOD, "resamples": RESAMPLES, "seed": 0, **whole, **tables}


def score_intervals(matrices: Counts, classes: Sequence[str]) -> Intervals:
    """Compute the interval of each figure.

    Args:
        matrices: Confusion matrix of each image, `[N, K, K]`, rows are true classes.
        classes: K names.
    """
    ends = bootstrap_interval(margins(matrices), figures)
    named = name_figures([(float(low), float(high)) for low, high in ends.T], classes)
    return Intervals(
        {figure: named[figure, ""] for figure in WHOLE},
        {figure: {name: named[figure, name] for name in classes} for figure in PER_CLASS},
    )


def margins(matrices: NDArray[np.int64]) -> Counts:
    """Sum confusion matrices `[..., K, K]` to what the figures need: hits, true and predicted pixels, `[..., 3, K]`.

    >>> margins(np.array([[3, 1], [0, 4]])).tolist()
    [[3, 4], [4, 4], [3, 5]]
    """
    hits = np.diagonal(matrices, axis1=-2, axis2=-1)
    return np.stack([hits, matrices.sum(axis=-1), matrices.sum(axis=-2)], axis=-2)


def figures(pooled: Pooled) -> Figures:
    """Compute the figures of `scores.scores` from margins, many at once.

    Args:
        pooled: Margins `[..., 3, K]`.

    Returns:
        `[..., 2 + 4 K]`: mean IoU, pixel accuracy, then IoU, Dice, precision and recall of each class.

    >>> figures(np.array([[3.0, 4.0], [4.0, 4.0], [3.0, 5.0]]))[:4].tolist()
    [0.775, 0.875, 0.75, 0.8]
    """
    hits, true, predicted = pooled[..., 0, :], pooled[..., 1, :], pooled[..., 2, :]
    iou = _divide(hits, true + predicted - hits)
    present = ~np.isnan(iou)
    mean = _divide(np.where(present, iou, 0.0).sum(axis=-1), present.sum(axis=-1))
    accuracy = _divide(hits.sum(axis=-1), true.sum(axis=-1))
    per_class = [iou, _divide(2 * hits, true + predicted), _divide(hits, predicted), _divide(hits, true)]
    return np.concatenate([mean[..., None], accuracy[..., None], *per_class], axis=-1)


def name_figures(values: Sequence[Value], classes: Sequence[str]) -> dict[tuple[str, str], Value]:
    """Give the columns of `figures` their names: figure, and class or an empty string."""
    keys = [(figure, "") for figure in WHOLE] + [(figure, name) for figure in PER_CLASS for name in classes]
    return dict(zip(keys, values, strict=True))


def plain_ends(ends: Ends) -> list[float] | None:
    """Write an interval for JSON, which has no NaN."""
    return None if math.isnan(ends[0]) else list(ends)


def _divide(part: Pooled, whole: NDArray[Any]) -> Figures:
    quotient = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=quotient, where=np.asarray(whole) > 0)
    return quotient
