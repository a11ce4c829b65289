"""How much likelier what is seen is in real masks than in fake ones.

For each feature the ratio of the two densities is read from bins of rank, on one half of the samples, and judged on the
other half, both ways round. A ratio finds what a threshold cannot: a value that is fixed in one and on both sides of it
in the other. A discriminator sees patches, so log ratios are averaged over squares: a difference of few pixels, or a
small one of all, then shows as it would to a discriminator.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segan.evaluation.leak_pixels import Levels, Seen

BINS = 64

Ratios = NDArray[np.float64]


def score_patches(seen: Sequence[Seen]) -> list[tuple[Ratios, Ratios]]:
    """Compute the mean log ratio of each patch, with ratios from the samples of the other half.

    Args:
        seen: Two samples at least; every second one makes a half.

    Returns:
        For each sample the scores of real and of fake, `[F, T]` each, for F features and T patches.
    """
    fitted = [
        [fit_log_ratio(*_join(seen[half::2], feature)) for feature in range(len(seen[0].real))] for half in (0, 1)
    ]
    scores = []
    for index, sample in enumerate(seen):
        ratios = fitted[1 - index % 2]
        size = np.bincount(sample.patch)
        sides = [
            np.stack(
                [
                    np.bincount(sample.patch, values[np.searchsorted(borders, levels, side="right")]) / size
                    for levels, (borders, values) in zip(side, ratios, strict=True)
                ]
            )
            for side in (sample.real, sample.fake)
        ]
        scores.append((sides[0], sides[1]))
    return scores


def fit_log_ratio(real: Levels, fake: Levels) -> tuple[Levels, Ratios]:
    """Estimate the log of the ratio of two densities, real over fake, in bins of rank.

    Args:
        real: `[P]`.
        fake: `[Q]`.

    Returns:
        Rising borders for `np.searchsorted(borders, values, side="right")`, and the log ratio in each bin. A value
        that many share has a bin of its own.

    >>> borders, ratios = fit_log_ratio(np.full(99, 5, np.int32), np.repeat(np.array([4, 6], np.int32), (49, 50)))
    >>> np.sign(ratios[np.searchsorted(borders, [4, 5, 6], side="right")]).tolist()
    [-1.0, 1.0, -1.0]
    """
    levels = np.concatenate([real, fake])
    quantiles = np.quantile(levels, np.arange(1, BINS) / BINS, method="nearest").astype(np.int32)
    shared = quantiles[1:][np.diff(quantiles) == 0]
    borders = np.unique(np.concatenate([quantiles, shared + 1]))
    places = (np.searchsorted(borders, side, side="right") for side in (real, fake))
    # One more in each bin: what was never seen is not impossible.
    counts = [np.bincount(place, minlength=len(borders) + 1) + 1.0 for place in places]
    shares = [count / count.sum() for count in counts]
    return borders, np.log(shares[0] / shares[1])


def _join(seen: Sequence[Seen], feature: int) -> tuple[Levels, Levels]:
    real, fake = (np.concatenate([getattr(sample, side)[feature] for sample in seen]) for side in ("real", "fake"))
    return real, fake
