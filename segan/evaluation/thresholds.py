"""Figures over all thresholds of one class's probability: area under the ROC curve, best F1 of a set and of images.

The probability of a class is counted in bins, true pixels and others apart, so that curves of many images add up.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE
from segan.evaluation.calibration import validate_probabilities
from segan.evaluation.sums import Counts, Sums, divide
from segan.evaluation.tolerance import disc

STEPS = 100  # Thresholds 0.01, 0.02, ... 0.99 for the best F1, as papers on edges and cracks take them.
ODDS_BINS = 512  # For the ROC curve.
ODDS_RANGE = 17.0  # Of the log odds over which these lie: 16-bit floats end at 6e-8.
TOLERANCE_PX = 2

Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ThresholdCounts(Sums):
    """Pixels by the probability of the class, from low to high.

    Args:
        settings: Index of the class, and the tolerance in px.
        positives: True pixels of the class by the bin of their odds, `[512]`.
        negatives: The others, `[512]`.
        predicted: All pixels by hundredths of probability, `[100]`.
        predicted_near: Those within the tolerance of a true pixel, `[100]`.
        true: True pixels by the largest probability within the tolerance, `[100]`.
    """

    settings: tuple[int, int]
    positives: Counts
    negatives: Counts
    predicted: Counts
    predicted_near: Counts
    true: Counts


def threshold_counts(
    probs: NDArray[np.floating], truth: NDArray[np.uint8], index: int, tolerance_px: int = TOLERANCE_PX
) -> ThresholdCounts:
    """Count the pixels of one image by the probability of a class.

    Args:
        probs: `float32` or `float16 [K, H, W]`, in [0, 1].
        truth: True class indices or 255, `uint8 [H, W]`.
        index: The class, such as vessel or crack.
        tolerance_px: Distance for the best F1.

    Raises:
        DataError: The sizes differ.
    """
    validate_probabilities(probs, truth)
    own = probs[index].astype(np.float32)
    # Of two classes both shares are kept: near 1 a 16-bit float is coarse where that of the other class is fine.
    other = probs[1 - index].astype(np.float32) if len(probs) == 2 else 1.0 - own
    counted, positive = truth != IGNORE, truth == index
    negative = counted & ~positive
    visible = np.where(counted, own, np.float32(0))
    kernel = disc(tolerance_px)
    near = cv2.dilate(positive.view(np.uint8), kernel) > 0
    nearby = cv2.dilate(visible, kernel)
    return ThresholdCounts(
        (index, tolerance_px),
        _count_odds(own[positive], other[positive]),
        _count_odds(own[negative], other[negative]),
        _count_steps(own[counted]),
        _count_steps(own[counted & near]),
        _count_steps(nearby[positive]),
    )


def area_under_roc(counts: ThresholdCounts) -> Figures:
    """Compute the chance that a true pixel has a higher probability than another one; NaN where one kind is missing.

    Pixels of one bin of log odds, 0.07 wide, count as ties, one half, and so do those beyond odds of exp(17).

    Source:
        Hanley and McNeil (1982), The meaning and use of the area under a receiver operating characteristic curve.
    """
    below = np.cumsum(counts.negatives, axis=-1) - counts.negatives
    wins = (counts.positives * (below + 0.5 * counts.negatives)).sum(axis=-1)
    return divide(wins, counts.positives.sum(axis=-1) * counts.negatives.sum(axis=-1))


def f1_by_threshold(counts: ThresholdCounts) -> Figures:
    """Compute F1 with the tolerance for each threshold 0.01 to 0.99, `[99]`; NaN where no pixel is true or predicted.

    A pixel is predicted where its probability is at least the threshold.
    """
    predicted, near, found = (_count_above(own) for own in (counts.predicted, counts.predicted_near, counts.true))
    total = np.broadcast_to(counts.true.sum(axis=-1)[..., np.newaxis], found.shape)
    precision, recall = np.nan_to_num(divide(near, predicted)), np.nan_to_num(divide(found, total))
    score = np.nan_to_num(divide(2 * precision * recall, precision + recall))
    return np.where(predicted + total > 0, score, np.nan)


def best_f1(counts: ThresholdCounts) -> Figures:
    """Compute the best F1 over one threshold for all that was counted; NaN where no pixel is true.

    Of pooled counts it is the optimal data set scale (ODS). Of one image's counts it is what the optimal image scale
    (OIS) takes the mean of here; the benchmark of Arbelaez et al. pools the counts at each image's best threshold.

    Source:
        Arbelaez et al. (2011), Contour detection and hierarchical image segmentation.
    """
    best = np.nan_to_num(f1_by_threshold(counts)).max(axis=-1)
    return np.where(counts.true.sum(axis=-1) > 0, best, np.nan)


def _count_odds(own: NDArray[np.float32], other: NDArray[np.float32]) -> Counts:
    smallest = np.finfo(np.float64).tiny
    odds = np.log(np.maximum(own.astype(np.float64), smallest)) - np.log(np.maximum(other.astype(np.float64), smallest))
    place = np.floor((np.clip(odds, -ODDS_RANGE, ODDS_RANGE) + ODDS_RANGE) / (2 * ODDS_RANGE) * ODDS_BINS)
    return np.bincount(np.minimum(place, ODDS_BINS - 1).astype(np.intp), minlength=ODDS_BINS).astype(np.int64)


def _count_steps(values: NDArray[np.float32]) -> Counts:
    place = np.searchsorted(np.arange(1, STEPS) / STEPS, values.astype(np.float64), side="right")
    return np.bincount(place, minlength=STEPS).astype(np.int64)


def _count_above(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count what is at or above each threshold, `[99]`."""
    return np.asarray(np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1][..., 1:])
