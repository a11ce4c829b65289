import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from torchmetrics.functional.classification import binary_auroc, binary_f1_score

from segan.errors import DataError
from segan.evaluation.sums import stack_sums, unflatten_sums
from segan.evaluation.thresholds import (
    ODDS_BINS,
    ODDS_RANGE,
    area_under_roc,
    best_f1,
    f1_by_threshold,
    threshold_counts,
)
from segan.evaluation.tolerance import tolerance_counts, tolerant_f1


def draw(seed, size=(40, 50), strength=2.0):
    random = np.random.default_rng(seed)
    truth = (random.random(size) < 0.3).astype(np.uint8)
    odds = random.normal(size=size) + strength * (truth - 0.5)
    own = (1 / (1 + np.exp(-odds))).astype(np.float32)
    return np.stack([1 - own, own]), truth


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1.0, 4.0, 12.0]))
def test_the_area_equals_torchmetrics_but_for_the_bins(seed, strength):
    probs, truth = draw(seed, strength=strength)
    theirs = binary_auroc(torch.tensor(probs[1].ravel()), torch.tensor(truth.ravel()).long())
    # Pixels that share a bin count as ties, which on so few pixels now and then moves the area by more than 0.001.
    assert float(area_under_roc(threshold_counts(probs, truth, 1))) == pytest.approx(float(theirs), abs=2e-3)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1.0, 4.0, 12.0]))
def test_the_area_is_that_of_the_binned_odds(seed, strength):
    probs, truth = draw(seed, strength=strength)
    odds = np.log(probs[1].astype(np.float64) / probs[0])
    place = np.clip((odds + ODDS_RANGE) / (2 * ODDS_RANGE) * ODDS_BINS, 0, ODDS_BINS - 1).astype(int)
    expected = metrics.roc_auc_score(truth.ravel(), place.ravel())
    assert float(area_under_roc(threshold_counts(probs, truth, 1))) == pytest.approx(expected, abs=1e-9)


def test_the_area_by_hand():
    probs = np.array([[[0.9, 0.4, 0.4, 0.1]]], np.float32)
    counts = threshold_counts(np.concatenate([1 - probs, probs]), np.array([[1, 1, 0, 0]], np.uint8), 1)
    assert float(area_under_roc(counts)) == (1 + 1 + 0.5 + 1) / 4


@pytest.mark.parametrize("tolerance", [0, 2])
def test_f1_equals_that_of_the_thresholded_mask(tolerance):
    probs, truth = draw(3)
    truth[:4] = 255
    found = f1_by_threshold(threshold_counts(probs, truth, 1, tolerance))
    for step in (1, 25, 50, 80, 99):
        mask = (probs[1] >= np.float32(step / 100)).astype(np.uint8)
        expected = tolerant_f1(tolerance_counts(mask, truth, 2, (tolerance,)))[1, 0]
        assert found[step - 1] == pytest.approx(expected, abs=1e-6)
    if not tolerance:
        kept = truth != 255
        theirs = binary_f1_score(torch.tensor(probs[1][kept]), torch.tensor(truth[kept]).long(), threshold=0.4999999)
        assert found[49] == pytest.approx(float(theirs), abs=1e-6)


def test_one_threshold_for_all_is_worse_than_one_each():
    images = [threshold_counts(probs, truth, 1) for probs, truth in (draw(0), draw(1, strength=5.0))]
    stacked = stack_sums(images)
    pooled = images[0] + images[1]
    assert best_f1(stacked).shape == (2,)
    assert float(best_f1(pooled)) <= float(best_f1(stacked).max())
    assert float(best_f1(images[1])) == best_f1(stacked)[1]
    assert unflatten_sums(stacked, np.zeros((3, 512 * 2 + 300))).true.shape == (3, 100)


def test_without_a_true_pixel_there_is_no_figure():
    probs, _ = draw(0, (4, 4))
    counts = threshold_counts(probs, np.zeros((4, 4), np.uint8), 1)
    assert np.isnan(area_under_roc(counts))
    assert np.isnan(best_f1(counts))


def test_sure_probabilities_have_a_bin():
    probs = np.array([[[1.0, 0.0]], [[0.0, 1.0]]], np.float16)
    counts = threshold_counts(probs, np.array([[0, 1]], np.uint8), 1, 0)
    assert (float(area_under_roc(counts)), float(best_f1(counts))) == (1.0, 1.0)


def test_sixteen_bits_cost_nothing_where_odds_are_high():
    """Near 1 the steps of 16-bit floats are coarse; the other class tells those pixels apart."""
    random = np.random.default_rng(0)
    truth = (np.arange(20_000) < 10_000).astype(np.uint8)[None]
    odds = np.where(truth, random.normal(10, 3, truth.shape), random.normal(6, 3, truth.shape))
    own = 1 / (1 + np.exp(-odds))
    exact = binary_auroc(torch.tensor(odds.ravel()).sigmoid(), torch.tensor(truth.ravel()).long())
    stored = np.stack([1 - own, own]).astype(np.float16)
    assert float(area_under_roc(threshold_counts(stored, truth, 1))) == pytest.approx(float(exact), abs=1e-3)


def test_other_sizes_are_told():
    with pytest.raises(DataError, match=r"probabilities: height and width \(40, 50\), expected \(2, 2\)"):
        threshold_counts(draw(0)[0], np.zeros((2, 2), np.uint8), 1)
