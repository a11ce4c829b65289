import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torchmetrics.functional.classification import multiclass_confusion_matrix

from segan.errors import DataError
from segan.evaluation import confusion
from segan.evaluation.confusion import confusion_matrix

K = 4
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
TRUTHS = st.sampled_from([0, 1, 2, 3, 255])


@settings(deadline=None)
@given(st.data())
def test_counts_equal_torchmetrics(data):
    shape = data.draw(SHAPES)
    mask = data.draw(arrays(np.uint8, shape, elements=st.integers(0, K - 1)))
    truth = data.draw(arrays(np.uint8, shape, elements=TRUTHS))
    theirs = multiclass_confusion_matrix(
        torch.tensor(mask), torch.tensor(truth).long(), num_classes=K, ignore_index=255
    )
    assert confusion_matrix(mask, truth, K).tolist() == theirs.tolist()


def test_large_masks_are_counted_in_blocks(monkeypatch):
    random = np.random.default_rng(0)
    mask, truth = random.integers(0, K, (2, 37, 41), dtype=np.uint8)
    whole = confusion_matrix(mask, truth, K)
    monkeypatch.setattr(confusion, "_BLOCK_PX", 100)
    assert confusion_matrix(mask, truth, K).tolist() == whole.tolist()
    assert whole.sum() == mask.size


def test_what_is_predicted_on_ignored_pixels_does_not_matter():
    mask, truth = np.full((2, 2), 200, np.uint8), np.full((2, 2), 255, np.uint8)
    assert confusion_matrix(mask, truth, K).sum() == 0


def test_predictions_outside_the_classes_are_named():
    truth = np.zeros((1, 3), np.uint8)
    with pytest.raises(DataError, match="prediction: seen values 7, 255, expected 0 to 3"):
        confusion_matrix(np.array([[7, 255, 0]], np.uint8), truth, K)


def test_truths_outside_the_classes_are_named():
    with pytest.raises(DataError, match="true mask: seen values 9, expected 0 to 3"):
        confusion_matrix(np.zeros((1, 1), np.uint8), np.full((1, 1), 9, np.uint8), K)


def test_sizes_must_agree():
    with pytest.raises(DataError, match=r"height and width \(2, 3\), expected \(3, 2\)"):
        confusion_matrix(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), K)
