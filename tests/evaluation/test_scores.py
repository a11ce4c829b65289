import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassJaccardIndex,
    MulticlassPrecision,
    MulticlassRecall,
)
from torchmetrics.segmentation import MeanIoU

from segan.evaluation.confusion import confusion_matrix
from segan.evaluation.scores import scores

K = 5


def random_masks(seed=0, share_ignored=0.1):
    random = np.random.default_rng(seed)
    truth = random.integers(0, K, (40, 50), dtype=np.uint8)
    mask = np.where(random.random(truth.shape) < 0.6, truth, random.integers(0, K, truth.shape)).astype(np.uint8)
    truth[random.random(truth.shape) < share_ignored] = 255
    return mask, truth


def test_scores_by_hand():
    matrix = np.array([[6, 2, 0], [1, 3, 0], [0, 0, 0]])
    found = scores(matrix)
    np.testing.assert_allclose(found.iou, [6 / 9, 3 / 6, np.nan])
    np.testing.assert_allclose(found.dice, [12 / 15, 6 / 9, np.nan])
    np.testing.assert_allclose(found.precision, [6 / 7, 3 / 5, np.nan])
    np.testing.assert_allclose(found.recall, [6 / 8, 3 / 4, np.nan])
    assert found.pixel_accuracy == pytest.approx(9 / 12)
    assert found.mean_iou == pytest.approx((6 / 9 + 3 / 6) / 2)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("iou", MulticlassJaccardIndex),
        ("dice", MulticlassF1Score),
        ("precision", MulticlassPrecision),
        ("recall", MulticlassRecall),
    ],
)
def test_each_class_equals_torchmetrics(name, metric):
    mask, truth = random_masks()
    theirs = metric(K, average="none", ignore_index=255)(torch.tensor(mask).long(), torch.tensor(truth).long())
    np.testing.assert_allclose(getattr(scores(confusion_matrix(mask, truth, K)), name), theirs.numpy(), rtol=1e-6)


def test_pixel_accuracy_equals_torchmetrics():
    mask, truth = random_masks(1)
    metric = MulticlassAccuracy(K, average="micro", ignore_index=255)
    theirs = metric(torch.tensor(mask).long(), torch.tensor(truth).long())
    assert scores(confusion_matrix(mask, truth, K)).pixel_accuracy == pytest.approx(float(theirs))


def test_mean_iou_of_one_image_equals_the_segmentation_metric():
    mask, truth = random_masks(2, share_ignored=0)
    metric = MeanIoU(num_classes=K, input_format="index")
    theirs = metric(torch.tensor(mask).long()[None], torch.tensor(truth).long()[None])
    assert scores(confusion_matrix(mask, truth, K)).mean_iou == pytest.approx(float(theirs))


@settings(deadline=None)
@given(st.data())
def test_mean_iou_equals_torchmetrics_also_where_classes_are_absent(data):
    shape = (data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6)))
    few = st.sampled_from(data.draw(st.sampled_from([[0], [1, 3], [0, 2, 4]])))
    mask = data.draw(arrays(np.uint8, shape, elements=few))
    truth = data.draw(arrays(np.uint8, shape, elements=few | st.just(255)))
    found = scores(confusion_matrix(mask, truth, K))
    if (truth == 255).all():
        assert np.isnan([found.mean_iou, found.pixel_accuracy, *found.iou]).all()
        return
    metric = MulticlassJaccardIndex(K, average="macro", ignore_index=255)
    assert found.mean_iou == pytest.approx(
        float(metric(torch.tensor(mask).long(), torch.tensor(truth).long())), abs=1e-6
    )


def test_a_class_that_is_only_predicted_counts_as_zero():
    found = scores(np.array([[3, 1], [0, 0]]))
    assert found.iou.tolist() == [0.75, 0.0]
    assert found.mean_iou == 0.375
    assert np.isnan(found.recall[1])
