"""The difference of two methods over several seeds and the same images: its interval and its test; pure functions.

Two things move such a difference: other seeds would train other networks, and other images would show other scenes.
Every seed scores the same images, so both are crossed: a resample draws seeds, and images once for all of them.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from segan.evaluation.uncertainty import (
    LEVEL,
    RESAMPLES,
    Compute,
    Counts,
    Figures,
    draw_weights,
    percentile_levels,
    quantiles,
)

_MOST_FLIPS = 14  # Seeds up to which all signs are tried: 16 384 assignments.
_FLIPS = 10_000


@dataclass(frozen=True)
class Effects:
    """Figures of the second method minus those of the first.

    Args:
        by_seed: Of all images, `[S, F]`.
        interval: Low and high ends, `[2, F]`; NaN where there is none.
        p_values: Of the sign-flip test over seeds, `[F]`; NaN for one seed.
    """

    by_seed: Figures
    interval: Figures
    p_values: Figures

    @property
    def mean(self) -> Figures:
        """Mean over the seeds, `[F]`."""
        return np.asarray(self.by_seed.mean(axis=0))


def compare_seeds(
    first: Counts, second: Counts, compute: Compute, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Effects:
    """Compare two methods, seed by seed and image by image.

    The interval comes from a bootstrap that draws seeds and images with replacement, scaled to the variance of a
    two-way layout: that over seeds plus that over images, less what belongs to one seed on one image, which both hold.
    It is read at Student's quantile with Satterthwaite's degrees of freedom. A crossed bootstrap alone counts that
    third part three times, and sees few seeds with too small a spread.

    Args:
        first: Counts of S runs on N images, `[S, N, P]`.
        second: As `first`: the same seeds and images in the same order.
        compute: Pooled counts `[..., P]` to figures `[..., F]`.
        level: Wanted share of intervals that cover the true difference.
        resamples: How many times seeds and images are drawn.
        seed: Of the drawing.

    Source:
        Owen 2007, "The pigeonhole bootstrap", for the crossed drawing; Cameron, Gelbach and Miller 2011, "Robust
        inference with multiway clustering", for the variance; Satterthwaite 1946, "An approximate distribution of
        estimates of variance components".
    """
    seeds, images, width = first.shape
    whole = np.stack([first, second]).sum(axis=2).astype(np.float64)
    lower, upper = compute(whole)
    by_seed: Figures = upper - lower
    none = np.full((2, by_seed.shape[1]), np.nan)
    p_values = sign_flip_p_values(by_seed, seed=seed)
    if images < 2:
        return Effects(by_seed, none, p_values)

    # Every drawing of images, seen by every seed, then averaged over all seeds and over drawn ones.
    both = np.stack([first, second], axis=2).transpose(1, 0, 2, 3).reshape(images, -1).astype(np.float64)
    random = np.random.default_rng([seed, seeds])
    over_images, joint = [], []
    for weights in draw_weights(images, resamples, seed, both.shape[1]):
        scores = compute((weights @ both).reshape(-1, seeds, 2, width))
        gains = scores[:, :, 1] - scores[:, :, 0]
        drawn = random.multinomial(seeds, np.full(seeds, 1.0 / seeds), len(weights)) / seeds
        over_images.append(gains.mean(axis=1))
        joint.append(np.where(drawn[..., None] > 0, drawn[..., None] * gains, 0.0).sum(axis=1))
    of_images = _variance(np.concatenate(over_images)) * images / (images - 1)
    of_seeds = by_seed.var(axis=0, ddof=1) / seeds if seeds > 1 else np.zeros_like(of_images)
    of_both = _interaction(first, second, compute)
    samples = np.sort(np.concatenate(joint), axis=0)
    parts = np.stack([of_seeds, of_images, of_both])
    freedom = np.array([seeds - 1, images - 1, (seeds - 1) * (images - 1)])
    interval = np.stack(
        [_read(samples[:, [column]], parts[:, column], freedom, level) for column in range(samples.shape[1])], axis=1
    )
    interval[:, np.isnan(by_seed).any(axis=0)] = np.nan
    return Effects(by_seed, interval, p_values)


def sign_flip_p_values(by_seed: Figures, *, seed: int = 0) -> Figures:
    """Test whether the mean of differences is 0, by giving each seed's difference a random sign.

    All assignments of signs are tried for up to 14 seeds; the least p is 2 / 2^S, so 5 seeds never give less than
    0.0625.

    Args:
        by_seed: Differences, `[S, F]`.
        seed: Of the signs where there are more seeds.

    Returns:
        Two-sided, `[F]`; NaN for one seed and where a seed has no figure.

    Source:
        Fisher 1935, "The design of experiments", section 21; Good 2005, chapter 3.

    >>> sign_flip_p_values(np.array([[1.0], [2.0], [3.0]])).tolist()
    [0.25]
    """
    seeds = len(by_seed)
    if seeds < 2:
        return np.full(by_seed.shape[1], np.nan)
    if seeds <= _MOST_FLIPS:
        bits = np.arange(1 << seeds)[:, None] >> np.arange(seeds) & 1
        signs, extra = 1.0 - 2.0 * bits, 0
    else:
        signs, extra = np.random.default_rng(seed).choice([-1.0, 1.0], (_FLIPS, seeds)), 1
    flipped = np.abs(signs @ by_seed / seeds)
    observed = np.abs(by_seed.mean(axis=0))
    extreme = (~(flipped < observed - 1e-12)).sum(axis=0) + extra
    return np.where(np.isnan(observed), np.nan, extreme / (len(signs) + extra))


def detectable(spread: float, seeds: int, *, level: float = LEVEL, power: float = 0.8) -> float:
    """Compute the difference that paired seeds would show with the given power.

    Args:
        spread: Standard deviation over seeds of the difference.
        seeds: S, two or more.
        level: Of the interval that must not hold 0.
        power: Wanted share of experiments that show it.

    Returns:
        In the unit of `spread`; infinite for one seed.

    Source:
        Cohen 1988, "Statistical power analysis", chapter 2, with Student's quantiles as an approximation.

    >>> round(detectable(1.0, 5), 2)
    1.66
    """
    if seeds < 2:
        return math.inf
    quantiles_of = [-float(stdtrit(seeds - 1, tail)) for tail in ((1.0 - level) / 2.0, 1.0 - power)]
    return sum(quantiles_of) * spread / math.sqrt(seeds)


def detectable_with(interval: tuple[float, float], *, level: float = LEVEL, power: float = 0.8) -> float:
    """Compute the difference that an experiment with an interval this wide would show with the given power.

    Args:
        interval: Of a difference, over seeds and images; NaN where there is none.
        level: Of the interval, which must not hold 0.
        power: Wanted share of experiments that show it.

    Returns:
        In the unit of the interval. Normal quantiles: somewhat too large where seeds or images are few.

    >>> round(detectable_with((-0.1, 0.3)), 2)
    0.29
    """
    low, high = interval
    wanted, held = float(ndtri(power)), -float(ndtri((1.0 - level) / 2.0))
    return (high - low) / 2.0 * (1.0 + wanted / held)


def _interaction(first: Counts, second: Counts, compute: Compute) -> Figures:
    """Estimate the variance of the mean difference by what belongs to one seed on one image alone, `[F]`.

    By what leaving each image out changes for each seed (the jackknife), with rows and columns taken out.
    """
    seeds, images, _ = first.shape
    if seeds < 2:
        return np.zeros(compute(first.sum(axis=1)[0].astype(np.float64)).shape)
    both = np.stack([first, second]).astype(np.float64)
    left = compute(both.sum(axis=2, keepdims=True) - both)  # [2, S, N, F]
    changes = (images - 1) * (left[1] - left[0])
    rest = changes - changes.mean(axis=0) - changes.mean(axis=1, keepdims=True) + changes.mean(axis=(0, 1))
    return np.asarray((rest**2).sum(axis=(0, 1)) / ((seeds - 1) * (images - 1) * seeds * images))


def _read(
    samples: NDArray[np.float64], parts: NDArray[np.float64], freedom: NDArray[np.int_], level: float
) -> NDArray[np.float64]:
    """Read both ends of one figure from its sorted resamples, `[2]`, for variances over seeds, images and both."""
    of_seeds, of_images, of_both = (0.0 if np.isnan(part) else float(part) for part in parts)
    # Few images or seeds may put the difference below what either alone shows.
    variance = max(of_seeds + of_images - of_both, of_seeds, of_images)
    drawn = float(_variance(samples)[0])
    if not variance > 0.0 or not drawn > 0.0:  # No two resamples differ, or the figure does not exist.
        return quantiles(samples, percentile_levels(0.0, 1))[:, 0]
    squares = sum(part**2 / free for part, free in zip((of_seeds, of_images, of_both), freedom, strict=True) if free)
    # The estimate itself is uncertain, and most where the parts nearly cancel: never fewer than the scarcest part has.
    degrees = max(variance**2 / squares, float(freedom[freedom > 0].min()))
    student = -float(stdtrit(degrees, (1.0 - level) / 2.0))
    tail = student * math.sqrt(variance / drawn)
    return quantiles(samples, percentile_levels(tail, 1))[:, 0]


def _variance(samples: Figures) -> Figures:
    """Compute the variance of each column, resamples without the figure left out."""
    counts = np.maximum((~np.isnan(samples)).sum(axis=0), 1)
    mean = np.nansum(samples, axis=0) / counts
    return np.asarray(np.nansum((samples - mean) ** 2, axis=0) / counts)
