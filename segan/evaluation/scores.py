"""Scores from a confusion matrix; pure functions.

One rule for classes that do not occur: a score whose denominator is zero is NaN and is left out of means. For IoU and
Dice this is a class that is absent from both truth and prediction over the whole split; a class that is predicted but
never true has IoU 0 and counts.

Names of averages: macro is the mean of the classes' scores; micro divides the sum over classes once; pooled counts
pixels over all images before dividing, which is what a sum of matrices gives; per image scores each image first and
then takes the mean. `without` leaves classes out of an average, as `without=(0,)` does with a background of index 0;
the pixels of those classes still count as errors of the other classes, unlike ignored pixels.
"""

import math
from collections.abc import Collection, Sequence
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


def macro_mean(values: PerClass, without: Collection[int] = ()) -> float:
    """Compute the mean of the classes that have a score; NaN where none has.

    Args:
        values: `[K]`, NaN where a class has no score.
        without: Classes that are left out.

    >>> macro_mean(np.array([0.9, 0.5, np.nan, 0.25]), without=(0,))
    0.375
    """
    chosen = values[_kept(len(values), without)]
    present = chosen[~np.isnan(chosen)]
    return math.fsum(present) / present.size if present.size else math.nan


def micro_iou(matrix: Matrix, without: Collection[int] = ()) -> float:
    """Compute the sum of TP over classes, divided by that of TP + FP + FN.

    Without a class left out this is accuracy / (2 - accuracy), so that a large, easy background lifts it.

    >>> micro_iou(np.array([[8, 0], [1, 1]])), micro_iou(np.array([[8, 0], [1, 1]]), without=(0,))
    (0.8181818181818182, 0.5)
    """
    hits, true, predicted = _micro_counts(matrix, without)
    return float(_divide(hits, true + predicted - hits))


def micro_dice(matrix: Matrix, without: Collection[int] = ()) -> float:
    """Compute the sum of 2 TP over classes, divided by that of 2 TP + FP + FN."""
    hits, true, predicted = _micro_counts(matrix, without)
    return float(_divide(2 * hits, true + predicted))


def micro_precision(matrix: Matrix, without: Collection[int] = ()) -> float:
    """Compute the sum of TP over classes, divided by that of TP + FP."""
    hits, _, predicted = _micro_counts(matrix, without)
    return float(_divide(hits, predicted))


def micro_recall(matrix: Matrix, without: Collection[int] = ()) -> float:
    """Compute the sum of TP over classes, divided by that of TP + FN."""
    hits, true, _ = _micro_counts(matrix, without)
    return float(_divide(hits, true))


def frequency_weighted_iou(matrix: Matrix) -> float:
    """Compute the mean IoU weighted by the classes' shares of the true pixels; NaN where no pixel counts.

    A class that is never true weighs nothing.

    Source:
        Long, Shelhamer and Darrell (2015), Fully convolutional networks, section 5, frequency weighted IU.

    >>> frequency_weighted_iou(np.array([[3, 1], [0, 4]]))
    0.775
    """
    true = matrix.sum(axis=1)
    return float(_divide(math.fsum(true * np.nan_to_num(iou(matrix))), true.sum()))


def cohen_kappa(matrix: Matrix) -> float:
    """Compute the agreement beyond chance; NaN where truth and prediction are one and the same class everywhere.

    The sums are taken in whole numbers of any size, so that no count of pixels overflows.

    Source:
        Cohen (1960), A coefficient of agreement for nominal scales, eq. 1: (p_o - p_e) / (1 - p_e).

    >>> cohen_kappa(np.array([[20, 5], [10, 15]]))
    0.4
    """
    total = int(matrix.sum())
    chance = sum(a * b for a, b in zip(matrix.sum(axis=0).tolist(), matrix.sum(axis=1).tolist(), strict=True))
    beyond = total * total - chance
    return (total * int(np.trace(matrix)) - chance) / beyond if beyond else math.nan


def mean_over_images(values: Sequence[PerClass], without: Collection[int] = ()) -> float:
    """Compute each image's mean over its classes, then the mean over images; NaN where none has a score.

    Args:
        values: A row `[K]` an image, such as `iou(matrix)` of each; NaN where the image has no score for the class.
        without: Classes that are left out.

    Source:
        Wang et al. (2023), Revisiting evaluation metrics for semantic segmentation, mIoU^I.
    """
    return macro_mean(np.array([macro_mean(row, without) for row in values], np.float64))


def mean_over_images_by_class(values: Sequence[PerClass], without: Collection[int] = ()) -> float:
    """Compute each class's mean over the images that score it, then the mean over classes; otherwise as above.

    Source:
        Wang et al. (2023), Revisiting evaluation metrics for semantic segmentation, mIoU^C.
    """
    columns = np.array([macro_mean(column) for column in np.transpose(values)], np.float64)
    return macro_mean(columns, without)


def _kept(count: int, without: Collection[int]) -> list[int]:
    return [index for index in range(count) if index not in without]


def _micro_counts(matrix: Matrix, without: Collection[int]) -> tuple[np.int64, np.int64, np.int64]:
    """Sum TP, true pixels and predicted pixels over classes."""
    kept = _kept(len(matrix), without)
    return np.diag(matrix)[kept].sum(), matrix.sum(axis=1)[kept].sum(), matrix.sum(axis=0)[kept].sum()


def _divide(part: NDArray[np.int64] | np.int64 | float, whole: NDArray[np.int64] | np.int64) -> PerClass:
    quotient = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=quotient, where=np.asarray(whole) > 0)
    return quotient
