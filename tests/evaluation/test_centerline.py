import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.morphology import skeletonize

from segan.errors import DataError
from segan.evaluation.centerline import centerline_counts, cl_dice

SHAPES = st.tuples(st.integers(1, 14), st.integers(1, 14))
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(*[arrays(np.uint8, shape, elements=st.integers(0, 1))] * 2))


def authors_cl_dice(predicted, true):
    """The formula as published beside the paper, where both skeletons exist."""
    precision = np.sum(skeletonize(predicted) * true) / np.sum(skeletonize(predicted))
    sensitivity = np.sum(skeletonize(true) * predicted) / np.sum(skeletonize(true))
    return 2 * precision * sensitivity / (precision + sensitivity) if precision + sensitivity else 0.0


@settings(deadline=None)
@given(PAIRS)
def test_cl_dice_equals_the_authors_formula(pair):
    mask, truth = pair
    found = cl_dice(centerline_counts(mask, truth, 2))
    for index in (0, 1):
        areas = [picture == index for picture in (mask, truth)]
        if areas[0].any() and areas[1].any():
            assert found[index] == pytest.approx(authors_cl_dice(*areas), abs=1e-12)
        else:
            assert found[index] == 0 if areas[0].any() or areas[1].any() else np.isnan(found[index])


def test_cl_dice_by_hand():
    truth, mask = np.zeros((7, 20), np.uint8), np.zeros((7, 20), np.uint8)
    truth[3, 2:18] = 1  # 16 pixels of line.
    mask[3, 2:10] = 1  # Half of it, and 2 pixels of another.
    mask[6, 18:20] = 1
    counts = centerline_counts(mask, truth, 2)
    assert [int(own[1]) for own in (counts.predicted, counts.predicted_inside, counts.true, counts.true_inside)] == [
        10, 8, 16, 8,
    ]  # fmt: skip
    assert cl_dice(counts)[1] == pytest.approx(2 * 0.8 * 0.5 / 1.3)


def test_thick_lines_follow_thin_ones():
    truth = np.zeros((11, 30), np.uint8)
    truth[5, 3:27] = 1
    mask = np.zeros_like(truth)
    mask[4:7, 2:28] = 1
    counts = centerline_counts(mask, truth, 2)
    # The skeleton of the thick line has 25 pixels; one is beyond the thin line's end and one is a row off.
    assert (counts.predicted[1], counts.predicted_inside[1], counts.true_inside[1]) == (25, 23, 24)
    assert cl_dice(counts)[1] == pytest.approx(2 * 0.92 / 1.92)


def test_ignored_pixels_and_absent_classes_do_not_count():
    truth = np.array([[1, 1, 255, 255]], np.uint8)
    counts = centerline_counts(np.ones((1, 4), np.uint8), truth, 3)
    assert counts.predicted[1] == counts.true[1] == counts.true_inside[1]
    assert np.isnan(cl_dice(counts)[[0, 2]]).all()
    assert cl_dice(counts + counts)[1] == 1.0


def test_sizes_must_agree():
    with pytest.raises(DataError, match="prediction: height and width"):
        centerline_counts(np.zeros((1, 2), np.uint8), np.zeros((2, 2), np.uint8), 2)
