import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torchmetrics.functional.classification import multiclass_calibration_error

from segan.errors import DataError
from segan.evaluation.calibration import (
    brier_score,
    calibration_sums,
    expected_calibration_error,
    reliability,
)

K = 4


def softmax(logits):
    return torch.tensor(logits, dtype=torch.float32).softmax(0).numpy()


@st.composite
def predictions(draw):
    shape = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)))
    logits = draw(arrays(np.float64, (K, *shape), elements=st.floats(-30, 30, width=32)))
    truth = draw(arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, 3, 255])))
    return softmax(logits), truth


def ece_by_definition(probs, truth, bins):
    confidence, best = probs.max(axis=0)[truth != 255].astype(np.float64), probs.argmax(axis=0)[truth != 255]
    correct = best == truth[truth != 255]
    error = 0.0
    for index in range(bins):
        own = (confidence * bins > index) & (confidence * bins <= index + 1)
        if own.any():
            error += own.mean() * abs(correct[own].mean() - confidence[own].mean())
    return error


@settings(deadline=None)
@given(predictions(), st.sampled_from([1, 10, 15]))
def test_calibration_error_equals_its_definition(prediction, bins):
    probs, truth = prediction
    found = expected_calibration_error(calibration_sums(probs, truth, bins))
    if (truth == 255).all():
        assert np.isnan(found)
    else:
        assert found == pytest.approx(ece_by_definition(probs, truth, bins), abs=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_calibration_error_equals_torchmetrics(seed):
    random = np.random.default_rng(seed)
    probs = softmax(random.normal(size=(K, 30, 40)) * (1 + seed))
    truth = random.choice([0, 1, 2, 3, 255], (30, 40)).astype(np.uint8)
    theirs = multiclass_calibration_error(
        torch.tensor(probs, dtype=torch.float64)[None], torch.tensor(truth).long()[None], K, n_bins=15, ignore_index=255
    )
    assert expected_calibration_error(calibration_sums(probs, truth)) == pytest.approx(float(theirs), abs=1e-6)


@settings(deadline=None)
@given(predictions())
def test_brier_score_equals_torch(prediction):
    probs, truth = prediction
    found = brier_score(calibration_sums(probs, truth))
    kept = truth != 255
    if not kept.any():
        assert np.isnan(found)
        return
    wanted = torch.nn.functional.one_hot(torch.tensor(truth[kept]).long(), K).double()
    rows = torch.tensor(probs[:, kept].T).double()
    theirs = torch.nn.functional.mse_loss(rows, wanted, reduction="none").sum(dim=1).mean()
    assert found == pytest.approx(float(theirs), abs=1e-8)


@settings(deadline=None)
@given(predictions(), st.integers(0, 8))
def test_parts_add_up_to_the_whole_in_any_order(prediction, row):
    probs, truth = prediction
    whole = calibration_sums(probs, truth)
    upper = calibration_sums(probs[:, :row], truth[:row])
    lower = calibration_sums(probs[:, row:], truth[row:])
    for parts in (upper + lower, lower + upper):
        assert parts.brier == whole.brier
        for name in ("pixels", "correct", "confidence"):
            np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_figures_by_hand():
    probs = np.array([[[0.75, 0.75, 0.5]], [[0.25, 0.25, 0.5]]], np.float32)
    sums = calibration_sums(probs, np.array([[0, 1, 0]], np.uint8), 2)
    # 0.5 closes the first bin; the second has an accuracy of 0.5 at a confidence of 0.75.
    assert (sums.pixels.tolist(), sums.correct.tolist()) == ([1, 2], [1, 1])
    assert expected_calibration_error(sums) == pytest.approx(0.5 / 3 + 0.25 * 2 / 3)
    assert brier_score(sums) == pytest.approx((2 * 0.25**2 + 2 * 0.75**2 + 2 * 0.5**2) / 3)
    accuracy, confidence = reliability(sums)
    assert (accuracy.tolist(), confidence.tolist()) == ([1.0, 0.5], [0.5, 0.75])


def test_sure_predictions_have_a_bin():
    probs = np.array([[[1.0, 1.0]], [[0.0, 0.0]]], np.float32)
    sums = calibration_sums(probs, np.array([[0, 1]], np.uint8))
    assert sums.pixels.tolist() == [0] * 14 + [2]
    assert (expected_calibration_error(sums), brier_score(sums)) == (0.5, 1.0)
    assert np.isnan(reliability(sums)[0][0])


def test_wrong_sizes_and_values_are_told():
    probs = np.full((2, 2, 2), 0.5, np.float32)
    with pytest.raises(DataError, match=r"probabilities: height and width \(2, 2\), expected \(2, 3\)"):
        calibration_sums(probs, np.zeros((2, 3), np.uint8))
    with pytest.raises(DataError, match="true mask: seen value 2, expected 0 to 1"):
        calibration_sums(probs, np.full((2, 2), 2, np.uint8))
