import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from segan.evaluation.tolerance import grow, tolerance_counts, tolerant_f1, tolerant_precision, tolerant_recall

PAIRS = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda shape: st.tuples(*[arrays(np.uint8, shape, elements=st.integers(0, 1))] * 2)
)


def share_near(area, other, tolerance):
    """Share of an area within a distance of another, by SciPy's exact distance transform."""
    if not area.any():
        return np.nan
    return (ndimage.distance_transform_edt(~other)[area] <= tolerance).mean() if other.any() else 0.0


@settings(deadline=None)
@given(PAIRS)
def test_shares_equal_scipy(pair):
    mask, truth = pair
    counts = tolerance_counts(mask, truth, 2, (0, 2, 5))
    for index in (0, 1):
        for column, tolerance in enumerate((0, 2, 5)):
            precision = share_near(mask == index, truth == index, tolerance)
            recall = share_near(truth == index, mask == index, tolerance)
            np.testing.assert_allclose(tolerant_precision(counts)[index, column], precision, atol=1e-12)
            np.testing.assert_allclose(tolerant_recall(counts)[index, column], recall, atol=1e-12)


def test_a_shifted_line_by_hand():
    truth, mask = np.zeros((9, 9), np.uint8), np.zeros((9, 9), np.uint8)
    truth[4], mask[1] = 1, 1
    counts = tolerance_counts(mask, truth, 2)
    assert tolerant_f1(counts)[1].tolist() == [0.0, 1.0]
    mask[2, :3] = 1
    assert tolerant_precision(tolerance_counts(mask, truth, 2))[1, 0] == 3 / 12
    assert tolerant_recall(tolerance_counts(mask, truth, 2))[1, 0] == 3 / 9


def test_ignored_and_absent_pixels_follow_the_rule():
    truth, mask = np.full((3, 3), 255, np.uint8), np.ones((3, 3), np.uint8)
    assert np.isnan(tolerant_f1(tolerance_counts(mask, truth, 2))).all()
    truth[0] = 0
    assert tolerant_f1(tolerance_counts(mask, truth, 2)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_growing_takes_a_disc():
    point = np.zeros((7, 7), bool)
    point[3, 3] = True
    assert int(grow(point, 2).sum()) == 13
    assert grow(point, 0).tolist() == point.tolist()
