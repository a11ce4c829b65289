import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCohenKappa,
    MulticlassF1Score,
    MulticlassJaccardIndex,
    MulticlassPrecision,
    MulticlassRecall,
    MultilabelF1Score,
    MultilabelJaccardIndex,
)
from torchmetrics.segmentation import MeanIoU

from segan.evaluation.confusion import confusion_matrix
from segan.evaluation.families.confusion import CONFUSION, FIGURES, macro, read_margins
from segan.evaluation.family_figures import MACRO, VALUE, Column, build_table
from segan.evaluation.scores import iou, mean_iou, pixel_accuracy, scores
from segan.evaluation.sums import stack_sums

K = 5


def random_masks(seed=0, share_ignored=0.1):
    random = np.random.default_rng(seed)
    truth = random.integers(0, K, (40, 50), dtype=np.uint8)
    mask = np.where(random.random(truth.shape) < 0.6, truth, random.integers(0, K, truth.shape)).astype(np.uint8)
    truth[random.random(truth.shape) < share_ignored] = 255
    return mask, truth


def figure(name, matrix, background=()):
    """Compute a figure of one matrix, or the one without background."""
    suffix = "_without_background" if background else ""
    return float(FIGURES[f"{name}{suffix}"].compute(read_margins(matrix, background)))


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


def draw_pair(data, with_ignored=True):
    """Masks of few pixels and often of few classes."""
    shape = (data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6)))
    few = st.sampled_from(data.draw(st.sampled_from([[0], [1], [0, 1], [1, 3], [0, 1, 2, 3, 4]])))
    mask = data.draw(arrays(np.uint8, shape, elements=few))
    return mask, data.draw(arrays(np.uint8, shape, elements=few | st.just(255) if with_ignored else few))


@settings(deadline=None)
@given(st.data())
def test_kappa_and_weighted_iou_equal_torchmetrics(data):
    mask, truth = draw_pair(data)
    matrix = confusion_matrix(mask, truth, K)
    if not matrix.any():
        assert np.isnan([figure("kappa", matrix), figure("frequency_weighted_iou", matrix)]).all()
        return
    theirs = [
        float(metric(torch.tensor(mask).long(), torch.tensor(truth).long()))
        for metric in (
            MulticlassCohenKappa(K, ignore_index=255),
            MulticlassJaccardIndex(K, average="weighted", ignore_index=255),
        )
    ]
    one_class_only = matrix.max() == matrix.sum() and np.trace(matrix) == matrix.sum()
    # Where 0 is divided by 0 torchmetrics answers NaN or, in older versions, 0.
    expected = np.nan if one_class_only else theirs[0]
    np.testing.assert_allclose(figure("kappa", matrix), expected, atol=1e-6)
    assert figure("frequency_weighted_iou", matrix) == pytest.approx(theirs[1], abs=1e-6)


@pytest.mark.parametrize(
    ("ours", "metric"),
    [
        ("micro_iou", MultilabelJaccardIndex),
        ("micro_dice", MultilabelF1Score),
    ],
)
@pytest.mark.parametrize("without", [(), (0,), (0, 3)])
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_micro_scores_equal_torchmetrics(ours, metric, without, data):
    mask, truth = draw_pair(data, with_ignored=False)
    kept = [index for index in range(K) if index not in without]
    # A class of a pixel is a label of its own, so that the other classes can be left out of the sum.
    layers = [torch.tensor(picture.reshape(-1, 1) == np.array(kept)).long() for picture in (mask, truth)]
    found = figure(ours, confusion_matrix(mask, truth, K), without)
    if np.isnan(found):
        assert not (layers[0] | layers[1]).any()
    else:
        assert found == pytest.approx(float(metric(len(kept), average="micro")(*layers)), abs=1e-6)


def test_averages_by_hand():
    first, second = np.array([[8, 0], [1, 1]]), np.array([[0, 0], [4, 2]])
    assert figure("frequency_weighted_iou", first) == pytest.approx(0.8 * 8 / 9 + 0.2 * 1 / 2)
    assert figure("kappa", first) == pytest.approx((0.9 - 0.74) / (1 - 0.74))
    np.testing.assert_allclose([iou(first), iou(second)], [[8 / 9, 1 / 2], [0, 1 / 3]])
    stacked = stack_sums([read_margins(matrix, (0,)) for matrix in (first, second)])
    found = build_table(CONFUSION, stacked, ("a", "b"), 0).values()
    mean = found[Column("mean_iou_of_images", VALUE)]
    assert mean == pytest.approx(((8 / 9 + 1 / 2) / 2 + 1 / 6) / 2)
    without = found[Column("mean_iou_of_images_without_background", VALUE)]
    assert without == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert found[Column("iou_of_images", MACRO)] == pytest.approx(((8 / 9 + 0) / 2 + 5 / 12) / 2)
    assert figure("micro_iou", first + second, (0,)) == pytest.approx(3 / 8)


def test_micro_iou_of_all_classes_is_a_function_of_the_accuracy():
    matrix = confusion_matrix(*random_masks(3), K)
    accuracy = pixel_accuracy(matrix)
    assert figure("micro_iou", matrix) == pytest.approx(accuracy / (2 - accuracy))
    assert figure("micro_dice", matrix) == accuracy


def test_means_of_nothing_are_no_number():
    nothing = np.zeros((2, 2), np.int64)
    assert np.isnan([float(macro(iou(nothing))), figure("micro_iou", nothing), figure("kappa", nothing)]).all()
    assert float(macro(np.array([0.5, np.nan]))) == 0.5


def test_the_macro_mean_is_the_mean_iou():
    matrix = confusion_matrix(*random_masks(4), K)
    assert float(macro(iou(matrix))) == pytest.approx(mean_iou(matrix), abs=1e-15)


def test_kappa_does_not_overflow():
    huge = np.array([[20, 5], [10, 15]]) * 10**16
    assert figure("kappa", huge) == pytest.approx(0.4)
