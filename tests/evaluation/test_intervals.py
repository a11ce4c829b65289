import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segan.evaluation.intervals import PER_CLASS, figures, margins, name_figures, score_intervals
from segan.evaluation.scores import scores


@settings(deadline=None)
@given(arrays(np.int64, (3, 4, 4), elements=st.sampled_from([0, 0, 1, 5, 1000])))
def test_figures_are_those_of_the_scores(matrices):
    for matrix, row in zip(matrices, figures(margins(matrices).astype(float)), strict=True):
        expected = scores(matrix)
        named = name_figures(row, "abcd")
        np.testing.assert_allclose(named["mean_iou", ""], expected.mean_iou, rtol=1e-12)
        np.testing.assert_allclose(named["pixel_accuracy", ""], expected.pixel_accuracy)
        for figure in PER_CLASS:
            np.testing.assert_allclose([named[figure, name] for name in "abcd"], getattr(expected, figure))


def test_each_figure_has_an_interval_around_it():
    random = np.random.default_rng(0)
    matrices = random.integers(1, 30, (25, 2, 2)) + np.diag([100, 50])
    found = score_intervals(matrices, ["wall", "cell"])
    whole = scores(matrices.sum(axis=0))
    for figure in ("mean_iou", "pixel_accuracy"):
        low, high = found.whole[figure]
        assert low < getattr(whole, figure) < high
    for figure in PER_CLASS:
        for index, name in enumerate(("wall", "cell")):
            low, high = found.per_class[figure][name]
            assert low < getattr(whole, figure)[index] < high
    plain = found.to_json()
    assert plain["mean_iou"] == list(found.whole["mean_iou"])
    assert plain["dice"]["cell"] == list(found.per_class["dice"]["cell"])
    assert (plain["level"], plain["resamples"], plain["seed"]) == (0.95, 2000, 0)


def test_the_interval_of_dice_is_that_of_iou_bent():
    """Dice is 2 IoU / (1 + IoU), and the levels follow: nothing depends on the scale but the acceleration."""
    random = np.random.default_rng(1)
    found = score_intervals(random.integers(1, 30, (60, 2, 2)) + np.diag([100, 50]), ["wall", "cell"])
    for iou, dice in zip(found.per_class["iou"]["cell"], found.per_class["dice"]["cell"], strict=True):
        assert math.isclose(2 * iou / (1 + iou), dice, abs_tol=0.005)


def test_classes_in_one_image_and_single_images_have_none():
    lone = np.array([[[5, 1, 0], [1, 5, 0], [0, 0, 0]]] * 6)
    lone[0, 2, 2] = 4
    found = score_intervals(lone, ["wall", "cell", "moon"]).to_json()
    assert found["iou"]["moon"] is None
    assert found["iou"]["wall"] is not None
    single = score_intervals(lone[:1], ["wall", "cell", "moon"]).to_json()
    assert single["mean_iou"] is None
    assert single["dice"] == {"wall": None, "cell": None, "moon": None}
