"""Give segments their classes from counts of training pixels; pure functions."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE
from segan.evaluation.scores import mean_iou

Counts = NDArray[np.int64]


class Assignment(NamedTuple):
    """The class of each segment.

    Args:
        classes: `uint8 [S]`.
        shares: Share of the segment's training pixels that have this class, `[S]`; of all where it has none.
        mean_iou: On the counted pixels.
    """

    classes: NDArray[np.uint8]
    shares: NDArray[np.float64]
    mean_iou: float


def count_classes(segments: NDArray[np.integer], mask: NDArray[np.uint8], shape: tuple[int, int]) -> Counts:
    """Count the pixels of each segment and class; ignored pixels count nowhere.

    Args:
        segments: Index of the segment at each pixel, of any integer type.
        mask: Class indices or 255, of the same shape.
        shape: Number of segments S and of classes K.

    Returns:
        `int64 [S, K]`.

    >>> count_classes(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 255], np.uint8), (2, 2)).tolist()
    [[0, 2], [1, 0]]
    """
    counted = mask != IGNORE
    joint = segments[counted].astype(np.int64) * shape[1] + mask[counted]
    return np.bincount(joint, minlength=shape[0] * shape[1]).reshape(shape)


def assign_majority(counts: Counts) -> Assignment:
    """Give each segment its most frequent class; one without pixels gets that of the whole.

    >>> assign_majority(np.array([[1, 5], [0, 0], [8, 0]])).classes.tolist()
    [1, 0, 0]
    """
    totals = counts.sum(axis=1)
    classes = np.where(totals > 0, counts.argmax(axis=1), counts.sum(axis=0).argmax()).astype(np.uint8)
    return _complete(counts, classes)


def assign_two(counts: Counts) -> Assignment:
    """Give two segments the pair of classes, which may be one class twice, that maximises the mean IoU.

    With different classes, the IoU of a segment's class does not depend on the other segment, so that all pairs are
    a sum of two columns.

    Args:
        counts: `int64 [2, K]`.

    >>> assign_two(np.array([[9, 1, 0], [2, 0, 3]])).classes.tolist()
    [0, 2]
    """
    true = counts.sum(axis=0)
    union = true + counts.sum(axis=1, keepdims=True) - counts
    # A class without pixels must not be chosen: it would count as one more class, with IoU 0.
    iou = np.where(true > 0, counts / np.maximum(union, 1), -1.0)
    scores = iou[0][:, None] + iou[1]
    np.fill_diagonal(scores, np.where(true > 0, true / max(1, true.sum()), -1.0))
    pair = np.unravel_index(scores.argmax(), scores.shape)
    return _complete(counts, np.array(pair, np.uint8))


def score_assignment(counts: Counts, classes: NDArray[np.uint8]) -> float:
    """Compute the mean IoU of segments that have been given classes.

    Args:
        counts: `int64 [S, K]`.
        classes: `uint8 [S]`.
    """
    matrix = np.zeros((counts.shape[1], counts.shape[1]), np.int64)
    np.add.at(matrix.T, classes, counts)
    return mean_iou(matrix)


def _complete(counts: Counts, classes: NDArray[np.uint8]) -> Assignment:
    # What was never seen is judged by the whole.
    seen = np.where(counts.any(axis=1, keepdims=True), counts, counts.sum(axis=0))
    chosen = np.take_along_axis(seen, classes[:, None].astype(np.intp), axis=1)[:, 0]
    return Assignment(classes, chosen / np.maximum(seen.sum(axis=1), 1), score_assignment(counts, classes))
