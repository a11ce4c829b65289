"""Precision and recall of pixels with a tolerance: for thin structures whose drawn place is uncertain by some pixels.

Near is a distance between centres of pixels of at most the tolerance. Whole areas are compared, not their edges or
centre lines, and a pixel may be near several: no one-to-one matching, unlike the benchmark for contours of Berkeley.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.evaluation.regions import Mask, hide_ignored
from segan.evaluation.sums import Counts, Sums, divide

TOLERANCES_PX = (2, 5)  # The two that papers on cracks use.

Area = NDArray[np.bool_]
Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ToleranceCounts(Sums):
    """Pixels of each class, and those that are near the class in the other mask.

    Args:
        tolerances_px: T distances.
        predicted: Predicted pixels, `[K]`.
        true: True pixels, `[K]`.
        predicted_near: Predicted pixels within each distance of a true one, `[K, T]`.
        true_near: True pixels within each distance of a predicted one, `[K, T]`.
    """

    tolerances_px: tuple[int, ...]
    predicted: Counts
    true: Counts
    predicted_near: Counts
    true_near: Counts


def tolerance_counts(
    mask: Mask, truth: Mask, num_classes: int, tolerances_px: Sequence[int] = TOLERANCES_PX
) -> ToleranceCounts:
    """Count the pixels of one image that are near the class in the other mask.

    What is predicted where the truth is ignored counts nowhere.

    Args:
        mask: Predicted class indices, `uint8 [H, W]`.
        truth: True class indices or 255, `uint8 [H, W]`.
        num_classes: K.
        tolerances_px: Distances in px, whole numbers.

    Raises:
        DataError: The sizes differ.
    """
    mask = hide_ignored(mask, truth)
    pixels = np.zeros((2, num_classes), np.int64)
    near = np.zeros((2, num_classes, len(tolerances_px)), np.int64)
    for index in range(num_classes):
        areas = mask == index, truth == index
        pixels[:, index] = [np.count_nonzero(area) for area in areas]
        if pixels[:, index].all():
            for column, tolerance in enumerate(tolerances_px):
                grown = [grow(area, tolerance) for area in areas]
                near[:, index, column] = np.count_nonzero(areas[0] & grown[1]), np.count_nonzero(areas[1] & grown[0])
    return ToleranceCounts(tuple(map(int, tolerances_px)), pixels[0], pixels[1], near[0], near[1])


def grow(area: Area, radius_px: int) -> Area:
    """Mark the pixels within a distance of an area, `bool [H, W]`.

    >>> grow(np.array([[1, 0, 0]], bool), 1).tolist()
    [[True, True, False]]
    """
    return np.asarray(cv2.dilate(np.ascontiguousarray(area).view(np.uint8), disc(radius_px)) > 0, np.bool_)


def disc(radius_px: int) -> NDArray[np.uint8]:
    """Draw the pixels within a distance of the middle one, `uint8 [2 r + 1, 2 r + 1]`."""
    reach = np.arange(-radius_px, radius_px + 1) ** 2
    return (reach[:, np.newaxis] + reach <= radius_px**2).astype(np.uint8)


def tolerant_precision(counts: ToleranceCounts) -> Figures:
    """Compute the share of predicted pixels near a true one, `[K, T]`; NaN where none is predicted."""
    return divide(
        counts.predicted_near, np.broadcast_to(counts.predicted[..., np.newaxis], counts.predicted_near.shape)
    )


def tolerant_recall(counts: ToleranceCounts) -> Figures:
    """Compute the share of true pixels near a predicted one, `[K, T]`; NaN where none is true."""
    return divide(counts.true_near, np.broadcast_to(counts.true[..., np.newaxis], counts.true_near.shape))


def tolerant_f1(counts: ToleranceCounts) -> Figures:
    """Compute 2 P R / (P + R), `[K, T]`; NaN where a class is in neither mask, 0 where it is in one alone.

    Source:
        Fan et al. (2018), Automatic pavement crack detection based on structured prediction with the convolutional
        neural network (2 px); Shi et al. (2016), Automatic road crack detection using random structured forests (5 px).
    """
    precision, recall = np.nan_to_num(tolerant_precision(counts)), np.nan_to_num(tolerant_recall(counts))
    score = np.nan_to_num(divide(2 * precision * recall, precision + recall))
    return np.where((counts.predicted + counts.true > 0)[..., np.newaxis], score, np.nan)
