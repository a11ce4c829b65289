import itertools
import math

import numpy as np
import pytest
from scipy import stats

from segan.evaluation.hierarchy import compare_seeds, detectable, detectable_with, sign_flip_p_values
from segan.evaluation.intervals import figures


def mean(pooled):
    """The mean of images from sums `[..., 2]`: total and count."""
    return (pooled[..., 0] / pooled[..., 1])[..., None]


def counts(values):
    """Sums of images whose figure is `values [S, N]`, in thousandths."""
    values = np.rint(1000 * np.asarray(values)).astype(np.int64)
    return np.stack([values, np.full_like(values, 1000)], axis=-1)


def test_effects_are_those_of_all_images_by_seed():
    first, second = np.zeros((3, 4)), np.arange(12.0).reshape(3, 4)
    found = compare_seeds(counts(first), counts(second), mean)
    assert found.by_seed[:, 0] == pytest.approx([1.5, 5.5, 9.5])
    assert found.mean == pytest.approx([5.5])


def test_seeds_alone_give_students_interval():
    differences = np.array([0.1, 0.4, -0.2, 0.3, 0.5, 0.15, 0.22, -0.05])
    second = np.repeat(differences[:, None], 30, axis=1)
    found = compare_seeds(counts(np.zeros_like(second)), counts(second), mean, resamples=20_000)
    expected = stats.t.interval(0.95, 7, differences.mean(), stats.sem(differences))
    assert found.interval[:, 0] == pytest.approx(expected, abs=0.03)


def test_images_alone_give_students_interval():
    differences = np.random.default_rng(1).normal(0.2, 1.0, 40)
    second = np.repeat(differences[None], 5, axis=0)
    found = compare_seeds(counts(np.zeros_like(second)), counts(second), mean, resamples=20_000)
    expected = stats.t.interval(0.95, 39, differences.mean(), stats.sem(differences))
    assert found.interval[:, 0] == pytest.approx(expected, abs=0.03)


def test_it_is_paired_what_is_hard_for_both_cancels():
    random = np.random.default_rng(2)
    hard = random.normal(0.0, 10.0, (5, 20))
    found = compare_seeds(counts(hard), counts(hard + 1.0 + random.normal(0.0, 0.01, (5, 20))), mean)
    low, high = found.interval[:, 0]
    assert 0.98 < low < 1.0 < high < 1.02


def test_one_seed_has_an_interval_over_images_and_no_test():
    differences = np.random.default_rng(3).normal(0.0, 1.0, (1, 25))
    found = compare_seeds(counts(np.zeros_like(differences)), counts(differences), mean, resamples=20_000)
    expected = stats.t.interval(0.95, 24, differences.mean(), stats.sem(differences[0]))
    assert found.interval[:, 0] == pytest.approx(expected, abs=0.05)
    assert np.isnan(found.p_values).all()


def test_one_image_has_no_interval():
    found = compare_seeds(counts([[0.0], [0.0]]), counts([[1.0], [2.0]]), mean)
    assert np.isnan(found.interval).all()
    assert found.mean == pytest.approx([1.5])


def test_equal_methods_give_an_interval_of_nothing():
    same = counts(np.random.default_rng(4).random((3, 6)))
    found = compare_seeds(same, same, mean)
    assert found.interval.tolist() == [[0.0], [0.0]]
    assert found.p_values.tolist() == [1.0]


def test_a_figure_that_does_not_exist_has_no_interval():
    margins = np.ones((2, 5, 3, 2), np.int64).reshape(2, 5, 6)
    margins[..., [1, 3, 5]] = 0
    found = compare_seeds(margins, margins, lambda pooled: figures(pooled.reshape(*pooled.shape[:-1], 3, 2)))
    assert np.isnan(found.interval[:, 3]).all()
    assert np.isfinite(found.interval[:, 0]).all()


def test_the_same_seed_gives_the_same_interval():
    first, second = (counts(np.random.default_rng(seed).random((3, 6))) for seed in (5, 6))
    one, two = (compare_seeds(first, second, mean) for _ in range(2))
    assert np.array_equal(one.interval, two.interval)


@pytest.mark.parametrize("seeds", [2, 5, 9])
def test_sign_flips_are_counted_as_by_hand(seeds):
    values = np.random.default_rng(seeds).normal(0.5, 1.0, seeds)
    flips = [abs(np.dot(signs, values)) for signs in itertools.product([-1, 1], repeat=seeds)]
    expected = np.mean([flip >= abs(values.sum()) - 1e-9 for flip in flips])
    assert sign_flip_p_values(values[:, None])[0] == pytest.approx(expected)


def test_many_seeds_draw_signs():
    values = np.random.default_rng(0).normal(0.4, 1.0, (20, 1))
    exact = stats.permutation_test(
        (values[:, 0],), np.mean, permutation_type="samples", n_resamples=50_000, rng=np.random.default_rng(1)
    ).pvalue
    assert sign_flip_p_values(values)[0] == pytest.approx(exact, abs=0.02)


def test_five_seeds_never_show_less_than_a_sixteenth():
    assert sign_flip_p_values(np.ones((5, 1)))[0] == 0.0625


@pytest.mark.parametrize("seeds", [5, 10])
def test_the_detectable_difference_has_the_power_it_claims(seeds):
    size, random = detectable(1.0, seeds), np.random.default_rng(seeds)
    draws = random.normal(size, 1.0, (20_000, seeds))
    reach = stats.t.ppf(0.975, seeds - 1) * draws.std(axis=1, ddof=1) / math.sqrt(seeds)
    assert np.mean(draws.mean(axis=1) > reach) == pytest.approx(0.8, abs=0.04)


def test_an_interval_tells_the_difference_that_it_would_show():
    draws = np.random.default_rng(0).normal(detectable_with((-1.96, 1.96)), 1.0, 100_000)
    assert np.mean(draws > 1.96) == pytest.approx(0.8, abs=0.01)
    assert math.isnan(detectable_with((math.nan, math.nan)))


def test_one_seed_detects_nothing():
    assert detectable(1.0, 1) == math.inf
