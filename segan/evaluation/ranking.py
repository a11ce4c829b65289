"""Area under the ROC curve of weighted scores, whole or per image, as pure functions."""

import numpy as np
from numpy.typing import NDArray

from segan.evaluation.sums import divide

RANK_BINS = 256

Counts = NDArray[np.int64]
Figures = NDArray[np.float64]
Scores = NDArray[np.floating]


def auroc(
    positive: Scores, negative: Scores, positive_weight: Scores | Counts, negative_weight: Scores | Counts
) -> float:
    """Compute the chance that a positive scores above a negative, both drawn by weight; ties count half.

    Args:
        positive: Scores of the positives, `[P]`.
        negative: Scores of the negatives, `[Q]`.
        positive_weight: `[P]`, not negative.
        negative_weight: `[Q]`, not negative.

    Returns:
        In [0, 1], 0.5 is chance; NaN where one side has no weight.

    Source:
        Bamber 1975, "The area above the ordinal dominance graph", eq. 2: the area is the Mann-Whitney statistic.

    >>> one = np.ones(2)
    >>> auroc(np.array([1.0, 3.0]), np.array([1.0, 2.0]), one, one)
    0.625
    """
    scores = np.concatenate([positive, negative])
    levels, place = np.unique(scores, return_inverse=True)
    weights = (positive_weight, negative_weight)
    places = (place[: len(positive)], place[len(positive) :])
    counts = np.stack([np.bincount(at, weight, len(levels)) for at, weight in zip(places, weights, strict=True)])
    return float(auroc_of_counts(counts))


def auroc_of_counts(counts: NDArray[np.number]) -> Figures:
    """Compute the area from the weight of positives and negatives in bins of rising scores.

    Args:
        counts: `[..., 2, B]`: positives, then negatives.

    Returns:
        `[...]`; scores of one bin are ties.

    >>> float(auroc_of_counts(np.array([[0, 1, 1], [1, 1, 0]])))
    0.875
    """
    positive, negative = (counts[..., index, :].astype(np.float64) for index in (0, 1))
    below = np.cumsum(negative, axis=-1) - 0.5 * negative
    return divide((positive * below).sum(axis=-1), positive.sum(axis=-1) * negative.sum(axis=-1))


def rank_bins(scores: Scores, bins: int = RANK_BINS) -> Scores:
    """Choose the borders between bins of about equally many scores; each score its own bin where there are few.

    Args:
        scores: `[P]`, at least one.
        bins: How many bins at most.

    Returns:
        Rising borders for `np.searchsorted(borders, scores, side="right")`.
    """
    levels = np.unique(scores)
    if len(levels) <= bins:
        return levels[1:]
    return np.unique(np.quantile(levels, np.arange(1, bins) / bins, method="nearest"))
