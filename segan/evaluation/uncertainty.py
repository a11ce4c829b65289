"""How far figures of pooled counts would move on other images: intervals and paired tests; pure functions.

Each takes counts of images that add up, `int64 [N, ...]` (confusion matrices, or sums of them), and a function that
turns pooled counts `[..., *shape]` into figures `[..., F]`, NaN where a figure does not exist. Images are drawn,
so that figures of pooled pixels keep their meaning. Weights times counts are whole numbers, exact in
`float64` below 2^53: results depend on the seed alone, not on threads.

Levels are widened for few images (Hesterberg 2015). Intervals of figures are BCa on these (Efron 1987), which helps
where a class is in few images; those of differences are percentiles, since differences are nearly symmetric and what
BCa would correct is noise. `benchmarks/interval_coverage.py` measures the four ways.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

LEVEL = 0.95
RESAMPLES = 2000

Counts = NDArray[np.int64]
Pooled = NDArray[np.float64]
Figures = NDArray[np.float64]
Compute = Callable[[Pooled], Figures]

_BLOCK = 1 << 22  # Numbers at a time: 32 MiB, however many images and figures there are.


def bootstrap_interval(
    counts: Counts,
    compute: Compute,
    *,
    corrected: bool = True,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Figures:
    """Compute an interval for each figure, by drawing images with replacement.

    A figure has no interval (NaN) where it hangs on one image, that is, where it does not exist without it.

    Args:
        counts: Counts of each image, `[N, ...]`.
        compute: Pooled counts to figures.
        corrected: Correct for bias and acceleration (BCa), else read percentiles.
        level: Wanted share of intervals that cover the true figure.
        resamples: How many times N images are drawn.
        seed: Of the drawing.

    Returns:
        `[2, F]`: low and high ends.

    Source:
        Efron 1987, "Better bootstrap confidence intervals", section 2; Efron & Tibshirani 1993, "An introduction to the
        bootstrap", chapter 14. Hesterberg 2015, "What teachers should know about the bootstrap", section 4.
    """
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    whole = flat.sum(axis=0)
    observed = compute(whole.reshape(counts.shape[1:]))
    if len(counts) < 2:
        return np.full((2, observed.size), np.nan)
    without_one = compute((whole - flat).reshape(counts.shape))
    drawn = [
        compute((weights @ flat).reshape(-1, *counts.shape[1:]))
        for weights in draw_weights(len(flat), resamples, seed, flat.shape[1])
    ]
    samples = np.sort(np.concatenate(drawn), axis=0)  # NaN, where a resample lacks a figure, comes last.
    tail = widened_tails(level, len(counts))
    if corrected:
        levels = bca_levels(samples, observed, without_one, tail)
    else:
        levels = percentile_levels(tail, observed.size)
    ends = quantiles(samples, levels)
    hangs_on_one = np.isnan(without_one).any(axis=0) | np.isnan(observed)
    ends[:, hangs_on_one] = np.nan
    return ends


def difference_interval(
    first: Counts,
    second: Counts,
    compute: Compute,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Figures:
    """Compute an interval for each figure of `second` minus that of `first`, on the same images in the same order.

    Each resample draws images, and takes both counts of each: what makes an image hard for both cancels.

    Args:
        first: Counts of each image, `[N, ...]`.
        second: As `first`.
        compute: Pooled counts to figures.
        level: Wanted share of intervals that cover the true difference.
        resamples: How many times N images are drawn.
        seed: Of the drawing.

    Returns:
        `[2, F]`: low and high ends; see `bootstrap_interval`.
    """

    def subtract(pooled: Pooled) -> Figures:
        both = compute(np.moveaxis(pooled, -first.ndim, 0))
        gain: Figures = both[1] - both[0]
        return gain

    paired = np.stack([first, second], axis=1)
    return bootstrap_interval(paired, subtract, corrected=False, level=level, resamples=resamples, seed=seed)


def permutation_p_values(
    first: Counts, second: Counts, compute: Compute, *, resamples: int = 10_000, seed: int = 0
) -> Figures:
    """Test whether the figures of two evaluations of the same images differ by more than chance.

    Under the hypothesis, which of the two made the prediction of an image does not matter. So both are exchanged at
    each image by the toss of a coin, and p is the share of tosses with a difference at least as large, in either
    direction: p = (b + 1) / (m + 1), with b of m tosses. The 1 is the assignment that was seen.

    Args:
        first: Counts of each image, `[N, ...]`.
        second: As `first`, in the same order.
        compute: Pooled counts to figures.
        resamples: m, the number of tosses over all images.
        seed: Of the tosses.

    Returns:
        `[F]`; NaN where one of the two has no figure, and for a single image.

    Source:
        Good 2005, "Permutation, parametric and bootstrap tests of hypotheses", chapter 3, for matched pairs; Phipson &
        Smyth 2010, "Permutation p-values should never be zero".
    """
    shape = first.shape[1:]
    flat = first.reshape(len(first), -1).astype(np.float64)
    gain = second.reshape(len(second), -1) - flat
    low, high = flat.sum(axis=0), flat.sum(axis=0) + gain.sum(axis=0)
    observed = np.abs(compute(high.reshape(shape)) - compute(low.reshape(shape)))
    if len(first) < 2:
        return np.full(observed.size, np.nan)
    random = np.random.default_rng(seed)
    extreme = np.zeros(observed.size, np.int64)
    for size in _blocks(max(len(first), 2 * flat.shape[1]), resamples):
        moved = random.integers(0, 2, (size, len(first))).astype(np.float64) @ gain
        swapped = compute((high - moved).reshape(-1, *shape)) - compute((low + moved).reshape(-1, *shape))
        # A toss in which a figure does not exist speaks for chance; the margin keeps ties from rounding apart.
        extreme += (~(np.abs(swapped) < observed - 1e-12)).sum(axis=0)
    return np.where(np.isnan(observed), np.nan, (extreme + 1) / (resamples + 1))


def widened_tails(level: float, images: int) -> float:
    """Compute the normal quantile at which to read a bootstrap distribution of N images, Hesterberg's expansion.

    Resampling sees a spread too small by sqrt((N - 1) / N), and a normal quantile where Student's is due.

    >>> round(widened_tails(0.95, 10), 3), round(widened_tails(0.95, 10_000), 3)
    (2.385, 1.96)
    """
    student = -float(stdtrit(images - 1, (1.0 - level) / 2.0))
    return student * math.sqrt(images / (images - 1))


def percentile_levels(tail: float, number: int) -> Figures:
    """Compute the same levels of both ends, `[2, F]`, for F figures.

    >>> percentile_levels(1.96, 1).round(3).tolist()
    [[0.025], [0.975]]
    """
    return np.repeat(ndtr(np.array([[-tail], [tail]])), number, axis=1)


def bca_levels(samples: Figures, observed: Figures, without_one: Figures, tail: float) -> Figures:
    """Compute the levels of both ends, corrected for bias and acceleration.

    Args:
        samples: Figures of each resample, `[R, F]`; may hold NaN.
        observed: Figures of all images, `[F]`.
        without_one: Figures with each image left out in turn, `[N, F]`.
        tail: Normal quantile of the upper end before correction, positive.

    Returns:
        `[2, F]`, in [0, 1].

    Source:
        Efron & Tibshirani 1993, equations 14.10, 14.14 and 14.15; ties count half.
    """
    valid = np.maximum((~np.isnan(samples)).sum(axis=0), 1)
    below = (samples < observed).sum(axis=0) + 0.5 * (samples == observed).sum(axis=0)
    bias = ndtri(np.clip(below / valid, 1.0 / (valid + 1), valid / (valid + 1)))
    pull = without_one.mean(axis=0) - without_one
    spread = (pull**2).sum(axis=0) ** 1.5
    acceleration = np.divide((pull**3).sum(axis=0), 6.0 * spread, out=np.zeros_like(spread), where=spread > 0)
    shifted = bias + np.array([[-tail], [tail]])
    levels: Figures = ndtr(bias + shifted / (1.0 - acceleration * shifted))
    return levels


def quantiles(samples: Figures, levels: Figures) -> Figures:
    """Read quantiles of each column, between neighbours by (R + 1) p; NaN is left out.

    Args:
        samples: `[R, F]`, each column sorted with NaN last.
        levels: `[L, F]`, in [0, 1].

    Returns:
        `[L, F]`.

    >>> quantiles(np.array([[1.0], [2.0], [3.0], [np.nan]]), np.array([[0.5], [0.999]])).ravel().tolist()
    [2.0, 3.0]
    """
    last = np.maximum((~np.isnan(samples)).sum(axis=0) - 1, 0)
    position = np.clip(np.nan_to_num(levels) * (last + 2) - 1, 0, last)
    index = np.floor(position).astype(np.intp)
    left: Figures = np.take_along_axis(samples, index, axis=0)
    right: Figures = np.take_along_axis(samples, np.minimum(index + 1, last), axis=0)
    between: Figures = left + (right - left) * (position - index)
    return between


def draw_weights(images: int, resamples: int, seed: int, width: int = 1) -> Iterator[Pooled]:
    """Draw how often each of N images is in each resample: multinomial counts `[block, N]`, in blocks of resamples.

    Args:
        images: N.
        resamples: How many.
        seed: Of the drawing; it alone decides what is drawn.
        width: Sums of an image: blocks are small enough for these too.
    """
    random = np.random.default_rng(seed)
    for size in _blocks(max(images, width), resamples):
        # Counting drawn indices gives multinomial counts, about three times faster than drawing those.
        index = random.integers(0, images, (size, images)) + images * np.arange(size)[:, None]
        yield np.bincount(index.ravel(), minlength=size * images).reshape(size, images).astype(np.float64)


def _blocks(width: int, resamples: int) -> Iterator[int]:
    """Divide resamples so that rows of this width stay within the memory of a block."""
    size = max(1, _BLOCK // width)
    for start in range(0, resamples, size):
        yield min(size, resamples - start)
