import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label
from skimage.metrics import adapted_rand_error, variation_of_information

from segan.evaluation.segments import (
    label_segments,
    mean_information,
    mean_rand_error,
    score_segments,
    segment_sums,
)

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))


@settings(deadline=None)
@given(st.data())
def test_scores_equal_scikit_image(data):
    shape = data.draw(SHAPES)
    predicted, true = (
        data.draw(arrays(np.int32, shape, elements=st.integers(0, data.draw(st.integers(0, 5))))) for _ in range(2)
    )
    found = score_segments(predicted, true)
    if not true.any():
        assert np.isnan([found.rand_error, found.split_information, found.merge_information]).all()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Zero divided by zero there.
        error, recall, precision = adapted_rand_error(
            true, predicted
        )  # Its documentation names these two the other way.
    theirs = (error, precision, recall)
    np.testing.assert_allclose((found.rand_error, found.rand_precision, found.rand_recall), theirs, atol=1e-9)
    split, merge = variation_of_information(true, predicted, ignore_labels=(0,))
    np.testing.assert_allclose((found.split_information, found.merge_information), (split, merge), atol=1e-9)


@given(SHAPES.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, 255]))))
def test_segments_equal_scikit_image(mask):
    theirs = label((mask != 1) & (mask != 255), connectivity=1)
    ours = label_segments(mask, 1)
    assert len(np.unique(np.stack((ours, theirs)).reshape(2, -1), axis=1).T) == len(np.unique(theirs))


def cells(walls):
    mask = np.zeros((4, 9), np.uint8)
    mask[:, walls] = 1
    return mask


def test_scores_by_hand():
    truth, merged = cells([4]), cells([])
    found = score_segments(label_segments(merged, 1), label_segments(truth, 1))
    # Two cells of 16 pixels are one of 32: 2 * 16 * 15 of 32 * 31 joined pairs are right, and one bit is lost.
    assert found.rand_precision == pytest.approx(480 / 992)
    assert found.rand_recall == 1.0
    assert found.rand_error == pytest.approx(1 - 2 * 480 / (992 + 480))
    assert (found.split_information, found.merge_information) == (0.0, pytest.approx(1.0))


def test_a_false_wall_splits():
    found = score_segments(label_segments(cells([4]), 1), label_segments(cells([]), 1))
    assert found.rand_precision == 1.0
    assert found.merge_information == 0.0
    assert found.split_information > 1.0


def test_a_diagonal_membrane_divides():
    mask = np.eye(4, dtype=np.uint8)
    assert label_segments(mask, 1).max() == 2


def test_means_over_images():
    perfect, merged = segment_sums(cells([4]), cells([4]), 1), segment_sums(cells([]), cells([4]), 1)
    total = merged + perfect
    assert mean_rand_error(total) == pytest.approx((1 - 960 / 1472) / 2, abs=1e-8)
    assert mean_information(total) == (0.0, pytest.approx(0.5, abs=1e-8))
    assert mean_information(perfect + merged) == mean_information(total)


def test_images_without_a_cell_do_not_count():
    empty = segment_sums(cells([]), np.full((4, 9), 1, np.uint8), 1)
    ignored = segment_sums(cells([]), np.full((4, 9), 255, np.uint8), 1)
    total = empty + ignored
    assert (total.images, total.rand_images) == (0, 0)
    assert math.isnan(mean_rand_error(total))
    assert np.isnan(mean_information(total)).all()


def test_a_single_pixel_has_no_pair():
    one = segment_sums(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8), 1)
    assert (one.images, one.rand_images) == (1, 0)
