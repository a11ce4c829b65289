import doctest
import itertools
import math

import numpy as np
import pytest
from scipy import stats

from segan.evaluation import intervals, uncertainty
from segan.evaluation.uncertainty import (
    bca_levels,
    bootstrap_interval,
    difference_interval,
    permutation_p_values,
    quantiles,
    widened_tails,
)


def ratio(pooled):
    """Hits over pixels, `[..., 2]` to `[..., 1]`; NaN where there are none."""
    with np.errstate(invalid="ignore"):
        return (pooled[..., 0] / pooled[..., 1])[..., None]


def draw_counts(images, seed=0, shift=0.0):
    random = np.random.default_rng(seed)
    pixels = random.integers(50, 150, images)
    hardness = np.random.default_rng(99).normal(size=images)
    share = 1 / (1 + np.exp(-(shift + hardness + random.normal(size=images))))
    return np.stack([np.rint(pixels * share), pixels], axis=1).astype(np.int64)


@pytest.mark.parametrize("module", [uncertainty, intervals])
def test_the_examples_in_the_docstrings_hold(module):
    done = doctest.testmod(module, extraglobs={"np": np})
    assert (done.failed, done.attempted > 0) == (0, True)


def test_two_images_by_hand():
    """Two images with ratios 0 and 1: resamples give 0, 1/2 and 1, and at so wide levels the extremes."""
    counts = np.array([[0, 10], [10, 10]])
    assert bootstrap_interval(counts, ratio).tolist() == [[0.0], [1.0]]


def test_equal_images_leave_nothing_open():
    assert bootstrap_interval(np.array([[3, 4]] * 5), ratio).tolist() == [[0.75], [0.75]]


def test_images_are_weighed_by_their_pixels():
    """A large image pulls the pooled ratio; the mean of ratios would be 1/2."""
    counts = np.array([[900, 1000], [1, 10]] * 20)
    low, high = bootstrap_interval(counts, ratio)[:, 0]
    assert 0.85 < low < 901 / 1010 < high < 0.9


def test_one_image_has_no_interval_and_no_p():
    counts = np.array([[3, 4]])
    assert np.isnan(bootstrap_interval(counts, ratio)).all()
    assert np.isnan(difference_interval(counts, counts, ratio)).all()
    assert np.isnan(permutation_p_values(counts, counts, ratio)).all()


def test_a_figure_that_hangs_on_one_image_has_no_interval():
    both = lambda pooled: np.concatenate([ratio(pooled[..., :2]), ratio(pooled[..., 2:])], axis=-1)  # noqa: E731
    counts = np.array([[3, 4, 0, 0], [2, 4, 5, 9], [1, 4, 0, 0]])
    ends = bootstrap_interval(counts, both)
    assert np.isnan(ends).tolist() == [[False, True], [False, True]]


@pytest.mark.parametrize("images", [12, 60])
def test_levels_are_those_of_scipy(images):
    """On levels that are not widened, the interval is SciPy's BCa up to the chance of the drawing."""
    counts = draw_counts(images)
    hits, pixels = counts.T

    def pooled(hits, pixels, axis=-1):
        return hits.sum(axis=axis) / pixels.sum(axis=axis)

    theirs = stats.bootstrap(
        (hits, pixels), pooled, paired=True, n_resamples=20_000, method="BCa", rng=np.random.default_rng(5)
    ).confidence_interval
    samples = np.concatenate(
        [ratio(weights @ counts.astype(float)) for weights in uncertainty.draw_weights(len(counts), 20_000, 0)]
    )
    without_one = ratio((counts.sum(axis=0) - counts).astype(float))
    levels = bca_levels(samples, ratio(counts.sum(axis=0).astype(float)), without_one, stats.norm.ppf(0.975))
    ours = quantiles(np.sort(samples, axis=0), levels)[:, 0]
    width = theirs.high - theirs.low
    np.testing.assert_allclose(ours, [theirs.low, theirs.high], atol=0.03 * width)


def test_percentiles_are_those_of_numpy():
    samples = np.sort(np.random.default_rng(0).random((999, 2)), axis=0)
    levels = np.array([[0.025, 0.1], [0.975, 0.9]])
    found = quantiles(samples, levels)
    for column in (0, 1):
        expected = np.quantile(samples[:, column], levels[:, column], method="weibull")
        np.testing.assert_allclose(found[:, column], expected)


def test_percentile_intervals_of_differences_turn_with_the_sides():
    first, second = draw_counts(15), draw_counts(15, 1)
    low, high = difference_interval(first, second, ratio)[:, 0]
    turned = difference_interval(second, first, ratio)[:, 0]
    np.testing.assert_allclose(turned, [-high, -low], rtol=1e-12)


def test_percentile_interval_is_scipys_on_plain_levels(monkeypatch):
    monkeypatch.setattr(uncertainty, "widened_tails", lambda level, images: stats.norm.ppf((1 + level) / 2))
    counts = draw_counts(15)
    theirs = stats.bootstrap(
        tuple(counts.T),
        lambda hits, pixels, axis=-1: hits.sum(axis=axis) / pixels.sum(axis=axis),
        paired=True,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    ours = bootstrap_interval(counts, ratio, corrected=False, resamples=20_000)[:, 0]
    np.testing.assert_allclose(ours, [theirs.low, theirs.high], atol=0.03 * (theirs.high - theirs.low))


def test_levels_are_widened_by_student_and_by_the_spread():
    assert widened_tails(0.95, 10) == pytest.approx(stats.t.ppf(0.975, 9) * math.sqrt(10 / 9))
    assert widened_tails(0.95, 100_000) == pytest.approx(stats.norm.ppf(0.975), abs=1e-4)


def test_the_seed_decides_and_blocks_do_not(monkeypatch):
    counts = draw_counts(30)
    ends, p_value = bootstrap_interval(counts, ratio), permutation_p_values(counts, draw_counts(30, 1), ratio)
    assert (bootstrap_interval(counts, ratio, seed=0) == ends).all()
    assert (bootstrap_interval(counts, ratio, seed=1) != ends).any()
    monkeypatch.setattr(uncertainty, "_BLOCK", 30 * 128)
    assert (bootstrap_interval(counts, ratio) == ends).all()
    assert (permutation_p_values(counts, draw_counts(30, 1), ratio) == p_value).all()


def test_many_figures_are_computed_in_smaller_blocks(monkeypatch):
    monkeypatch.setattr(uncertainty, "_BLOCK", 1000)
    assert [len(block) for block in uncertainty.draw_weights(30, 20, 0, width=100)] == [10, 10]
    wide = np.concatenate(list(uncertainty.draw_weights(30, 20, 0, width=100)))
    assert (wide == np.concatenate(list(uncertainty.draw_weights(30, 20, 0)))).all()


def test_pairs_are_drawn_together():
    """One evaluation is the other with a hit more in each image: no resample shows another difference."""
    first = draw_counts(20)
    first[:, 1] = 200
    second = first + np.array([1, 0])
    low, high = difference_interval(first, second, ratio)[:, 0]
    assert low == pytest.approx(1 / 200)
    assert high == pytest.approx(1 / 200)


def test_p_is_never_zero_and_counts_ties():
    first, second = np.array([[0, 10]] * 12), np.array([[10, 10]] * 12)
    # Of 2^12 assignments two are as extreme; with 99 tosses none is likely to be one of them.
    assert permutation_p_values(first, second, ratio, resamples=99, seed=1).tolist() == [1 / 100]
    assert permutation_p_values(first, first, ratio).tolist() == [1.0]


def test_p_nears_the_share_of_all_assignments():
    first, second = draw_counts(8), draw_counts(8, 1, shift=0.8)
    seen = abs(ratio(second.sum(axis=0)) - ratio(first.sum(axis=0)))[0]
    extreme = []
    for swaps in itertools.product([False, True], repeat=8):
        chosen = np.array(swaps)[:, None]
        one, other = np.where(chosen, second, first).sum(axis=0), np.where(chosen, first, second).sum(axis=0)
        extreme.append(abs(ratio(other) - ratio(one))[0] >= seen - 1e-12)
    assert permutation_p_values(first, second, ratio, resamples=40_000)[0] == pytest.approx(np.mean(extreme), abs=0.01)


def test_p_equals_scipys():
    first, second = draw_counts(9), draw_counts(9, 2, shift=0.5)
    first[:, 1] = second[:, 1] = 1000  # Of one size the pooled ratio is a mean, which SciPy's test takes.
    theirs = stats.permutation_test(
        (first[:, 0], second[:, 0]),
        lambda a, b, axis: np.mean(b, axis=axis) - np.mean(a, axis=axis),
        permutation_type="samples",
        vectorized=True,
    )
    assert permutation_p_values(first, second, ratio, resamples=40_000)[0] == pytest.approx(theirs.pvalue, abs=0.01)


def test_a_figure_that_one_side_lacks_has_no_p():
    first, second = np.array([[0, 0], [0, 0]]), np.array([[1, 2], [1, 2]])
    assert np.isnan(permutation_p_values(first, second, ratio)).all()
