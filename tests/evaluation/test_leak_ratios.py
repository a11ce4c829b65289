"""Ratios of densities from bins of rank."""

import math

import numpy as np
import pytest

from segan.evaluation.leak_pixels import Seen
from segan.evaluation.leak_ratios import fit_log_ratio, score_patches


def test_log_ratio_of_equal_samples_is_zero() -> None:
    levels = np.random.default_rng(0).integers(0, 1000, 5000).astype(np.int32)
    assert (fit_log_ratio(levels, levels)[1] == 0.0).all()


def test_log_ratio_of_known_densities() -> None:
    """Real falls linearly on 0..1, fake is even: the ratio at x is 2 (1 - x)."""
    random = np.random.default_rng(0)
    real = (1000 * (1.0 - np.sqrt(random.random(200_000)))).astype(np.int32)
    fake = (1000 * random.random(200_000)).astype(np.int32)
    borders, ratios = fit_log_ratio(real, fake)
    for value in (100, 300, 500, 700):
        seen = ratios[np.searchsorted(borders, value, side="right")]
        assert seen == pytest.approx(math.log(2 * (1 - value / 1000)), abs=0.1)


def test_a_value_that_many_share_has_a_bin_of_its_own() -> None:
    real = np.full(1000, 900, np.int32)
    fake = np.arange(400, 1400, dtype=np.int32)
    borders, ratios = fit_log_ratio(real, fake)
    at, beside = (ratios[np.searchsorted(borders, value, side="right")] for value in (900, 901))
    assert at > 5.0
    assert beside < -1.0


def test_each_half_is_scored_by_the_other() -> None:
    """The halves contradict each other, so each calls the other's real masks fake."""
    patch = np.arange(50)
    low, high = np.full((1, 50), 100, np.int32), np.full((1, 50), 900, np.int32)
    scores = score_patches([Seen(low, high, patch), Seen(high, low, patch)])
    assert all((real < fake).all() for real, fake in scores)
