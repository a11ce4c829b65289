"""Whether probabilities mean what they say: expected calibration error and Brier score, over pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE
from segan.errors import DataError
from segan.evaluation.sums import UNITS, Counts, Sums, divide, mean_of_units, to_units

BINS = 15  # As Guo et al. (2017) use.

Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CalibrationSums(Sums):
    """What is needed of the labelled pixels; confidence is the largest of a pixel's probabilities.

    Args:
        pixels: Pixels of each bin of confidence, `[B]`.
        correct: Those whose most probable class is the true one, `[B]`.
        confidence: Sum of their confidences in fixed-point units, `[B]`.
        brier: Sum of the pixels' Brier scores in fixed-point units.
    """

    pixels: Counts
    correct: Counts
    confidence: Counts
    brier: int


def calibration_sums(probs: NDArray[np.floating], truth: NDArray[np.uint8], bins: int = BINS) -> CalibrationSums:
    """Sum up the probabilities of one image.

    Each pixel is rounded by itself, by at most 2e-9, so the sums are the same in any order and batch.

    Args:
        probs: `float32` or `float16 [K, H, W]`, in [0, 1], adding up to 1 over the classes.
        truth: True class indices or 255, `uint8 [H, W]`.
        bins: Number of bins of equal width, of which the m-th is ((m - 1) / bins, m / bins]; the first holds 0 too.

    Raises:
        DataError: The sizes differ, or the truth holds a value that is no class.
    """
    validate_probabilities(probs, truth)
    counted = truth != IGNORE
    target = truth[counted].astype(np.intp)
    if target.max(initial=0) >= len(probs):
        raise DataError(
            f"true mask: seen value {target.max()}, expected 0 to {len(probs) - 1}. "
            "Check the mapping of the mask's values."
        )
    # One class at a time, so that a large image needs no second copy of all its probabilities.
    squares = np.zeros(target.shape)
    largest, best = np.full(target.shape, -1.0), np.zeros(target.shape, np.intp)
    for index, layer in enumerate(probs):
        own = layer[counted].astype(np.float64)
        is_target = target == index
        best[own > largest] = index
        np.maximum(largest, own, out=largest)
        squares += np.square(own - is_target)
    correct = best == target
    # A 32-bit float times a small whole number is exact in 64 bits: no pixel falls on the wrong side of a bin's edge.
    place = np.clip(np.ceil(largest * bins).astype(np.intp) - 1, 0, bins - 1)
    confidence = np.zeros(bins, np.int64)
    np.add.at(confidence, place, to_units(largest))
    return CalibrationSums(
        np.bincount(place, minlength=bins).astype(np.int64),
        np.bincount(place[correct], minlength=bins).astype(np.int64),
        confidence,
        int(to_units(squares).sum()),
    )


def validate_probabilities(probs: NDArray[np.floating], truth: NDArray[np.uint8]) -> None:
    """Refuse probabilities of another size than the true mask.

    Raises:
        DataError: The sizes differ.
    """
    if probs.shape[1:] != truth.shape:
        raise DataError(
            f"probabilities: height and width {probs.shape[1:]}, expected {truth.shape} as the true mask has. "
            "Save probabilities at the size of the image."
        )


def expected_calibration_error(sums: CalibrationSums) -> Figures:
    """Compute the mean over pixels of |accuracy - confidence| of their bins, in [0, 1]; NaN without a pixel.

    Source:
        Guo et al. (2017), On calibration of modern neural networks, eq. 3; top-label, L1, equal-width bins.
    """
    gaps = np.abs(sums.correct * UNITS - sums.confidence)
    return mean_of_units(gaps.sum(axis=-1), sums.pixels.sum(axis=-1))


def brier_score(sums: CalibrationSums) -> Figures:
    """Compute the mean over pixels of the sum over classes of (p - y)², in [0, 2]; NaN without a pixel.

    For two classes this is twice the score of the one probability.

    Source:
        Brier (1950), Verification of forecasts expressed in terms of probability, eq. 2.
    """
    return mean_of_units(sums.brier, sums.pixels.sum(axis=-1))


def reliability(sums: CalibrationSums) -> tuple[Figures, Figures]:
    """Compute the accuracy and the mean confidence of each bin, `[B]` each, for a diagram; NaN in empty bins."""
    return divide(sums.correct, sums.pixels), mean_of_units(sums.confidence, sums.pixels)
