import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_auroc

from segan.evaluation.ranking import auroc, auroc_of_counts, rank_bins

LEVELS = st.lists(st.integers(-3, 3), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(LEVELS, LEVELS)
def test_the_area_equals_torchmetrics_ties_included(positive, negative):
    scores = torch.tensor([*positive, *negative], dtype=torch.float64)
    target = torch.tensor([1] * len(positive) + [0] * len(negative))
    expected = float(binary_auroc(scores.sigmoid(), target))
    found = auroc(np.array(positive), np.array(negative), np.ones(len(positive)), np.ones(len(negative)))
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_weighted_area_equals_sklearns():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    positive, negative = random.normal(0.5, 1.0, 200).round(1), random.normal(0.0, 1.0, 300).round(1)
    weights = random.random(200), random.random(300)
    expected = metrics.roc_auc_score(
        [1] * 200 + [0] * 300, np.concatenate([positive, negative]), sample_weight=np.concatenate(weights)
    )
    assert auroc(positive, negative, *weights) == pytest.approx(expected, abs=1e-9)


def test_one_side_alone_has_no_area():
    one = np.ones(1)
    assert np.isnan(auroc(one, np.empty(0), one, np.empty(0)))
    assert np.isnan(auroc(one, one, one, np.zeros(1)))


def test_few_scores_keep_a_bin_each_and_many_share_them():
    random = np.random.default_rng(0)
    few = random.normal(size=50)
    places = np.searchsorted(rank_bins(few), few, side="right")
    assert sorted(places.tolist()) == list(range(50))
    many = random.normal(size=20_000)
    sizes = np.bincount(np.searchsorted(rank_bins(many), many, side="right"))
    assert len(sizes) == 256
    assert sizes.max() < 2 * 20_000 / 256


def test_binned_area_is_close_to_the_exact_one():
    random = np.random.default_rng(0)
    positive, negative = random.normal(0.3, 1.0, 5000), random.normal(0.0, 1.0, 5000)
    borders = rank_bins(np.concatenate([positive, negative]))
    counts = [np.bincount(np.searchsorted(borders, side, side="right"), minlength=256) for side in (positive, negative)]
    one = np.ones(5000)
    assert auroc_of_counts(np.array(counts)) == pytest.approx(auroc(positive, negative, one, one), abs=1e-4)
