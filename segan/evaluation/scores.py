"""Scores from a confusion matrix; pure functions.

One rule for classes that do not occur: a score whose denominator is zero is NaN and is left out of means. For IoU and
Dice this is a class that is absent from both truth and prediction over the whole split; a class that is predicted but
never true has IoU 0 and counts.

Averages other than the mean IoU are in `families/confusion.py`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONVENTION = (
    "mean_iou is the macro average of the classes' IoU; pixels are counted over the whole split before dividing; "
    "ignored pixels count nowhere; a class absent from both truth and prediction has no score (null) and is left out "
    "of the mean."
)

Matrix = NDArray[np.int64]
PerClass = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """All scores of one matrix; NaN where a class has none.

    Args:
        mean_iou: Mean over the classes that have an IoU, in [0, 1].
        pixel_accuracy: Share of counted pixels with the true class, in [0, 1].
        iou: `[K]`, as are `dice`, `precision` and `recall`.
    """

    mean_iou: float
    pixel_accuracy: float
    iou: PerClass
    dice: PerClass
    precision: PerClass
    recall: PerClass


def scores(matrix: Matrix) -> Scores:
    """Compute all scores of a confusion matrix `[K, K]` whose rows are the truth."""
    return Scores(
        mean_iou(matrix), pixel_accuracy(matrix), iou(matrix), dice(matrix), precision(matrix), recall(matrix)
    )


def iou(matrix: Matrix) -> PerClass:
    """Compute each class's intersection over union, TP / (TP + FP + FN), also named Jaccard index.

    >>> iou(np.array([[3, 1], [0, 4]])).tolist()
    [0.75, 0.8]
    """
    hits = np.diag(matrix)
    return _divide(hits, matrix.sum(axis=0) + matrix.sum(axis=1) - hits)


def dice(matrix: Matrix) -> PerClass:
    """Compute each class's 2 TP / (2 TP + FP + FN), also named F1 score."""
    return _divide(2 * np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1))


def precision(matrix: Matrix) -> PerClass:
    """Compute each class's TP / (TP + FP); NaN where it is never predicted."""
    return _divide(np.diag(matrix), matrix.sum(axis=0))


def recall(matrix: Matrix) -> PerClass:
    """Compute each class's TP / (TP + FN); NaN where it is never true."""
    return _divide(np.diag(matrix), matrix.sum(axis=1))


def pixel_accuracy(matrix: Matrix) -> float:
    """Compute the share of counted pixels that have the true class; NaN where no pixel counts."""
    return float(_divide(np.trace(matrix), matrix.sum()))


def mean_iou(matrix: Matrix) -> float:
    """Compute the mean IoU over the classes that occur in truth or prediction; NaN where none does.

    >>> mean_iou(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))
    0.775
    """
    values = iou(matrix)
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")


def _divide(part: NDArray[np.int64] | np.int64 | float, whole: NDArray[np.int64] | np.int64) -> PerClass:
    quotient = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=quotient, where=np.asarray(whole) > 0)
    return quotient
