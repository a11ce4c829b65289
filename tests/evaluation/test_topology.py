import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.measure import euler_number, label

from segan.evaluation.topology import (
    betti_0_error,
    betti_1_error,
    betti_numbers,
    component_error,
    label_components,
    topology_counts,
)

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))
MASKS = SHAPES.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1)))
EIGHT = np.ones((3, 3))


@given(MASKS)
def test_betti_numbers_equal_scikit_image(mask):
    components, holes = betti_numbers(mask == 1)
    assert components == label(mask, connectivity=2).max()
    assert components - holes == euler_number(mask, connectivity=2)


@pytest.mark.parametrize(("connectivity", "order"), [(4, 1), (8, 2)])
@given(mask=MASKS)
def test_components_equal_scikit_image(connectivity, order, mask):
    ours, theirs = label_components(mask == 1, connectivity), label(mask, connectivity=order)
    assert len(np.unique(np.stack((ours, theirs)).reshape(2, -1), axis=1).T) == len(np.unique(theirs))


@settings(deadline=None)
@given(st.data())
def test_component_counts_equal_scipy(data):
    mask = data.draw(MASKS)
    truth = data.draw(arrays(np.uint8, mask.shape, elements=st.integers(0, 1)))
    counts = topology_counts(mask, truth, 2)
    for index in (0, 1):
        (ours, num_ours), (theirs, num_theirs) = (ndimage.label(picture == index, EIGHT) for picture in (mask, truth))
        by_ours = [len(set(theirs[ours == part]) - {0}) for part in range(1, num_ours + 1)]
        by_theirs = [len(set(ours[theirs == part]) - {0}) for part in range(1, num_theirs + 1)]
        assert (counts.predicted[index], counts.true[index]) == (num_ours, num_theirs)
        assert counts.betti0_error[index] == abs(num_ours - num_theirs)
        assert (counts.invented[index], counts.missed[index]) == (by_ours.count(0), by_theirs.count(0))
        assert counts.merges[index] == sum(max(0, number - 1) for number in by_ours)
        assert counts.splits[index] == sum(max(0, number - 1) for number in by_theirs)


def test_a_diagonal_ring_closes_a_hole():
    ring = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], bool)
    assert betti_numbers(ring) == (1, 1)
    assert betti_numbers(np.zeros((3, 3), bool)) == (0, 0)
    assert betti_numbers(np.ones((1, 1), bool)) == (1, 0)


def test_what_reaches_the_border_is_no_hole():
    bars = np.zeros((5, 5), bool)
    bars[:, 2] = True
    assert betti_numbers(bars) == (1, 0)


def test_errors_by_hand():
    truth = np.zeros((5, 9), np.uint8)
    truth[1:4, 1:4] = 1
    truth[2, 2] = 0  # A ring,
    truth[1, 5:9] = 1  # a bar that is split,
    truth[4, 8] = 1  # and a dot that is missed.
    mask = np.zeros_like(truth)
    mask[1:4, 1:4] = 1
    mask[1, [5, 8]] = 1
    mask[4, 5] = 1
    counts = topology_counts(mask, truth, 2)
    assert (counts.predicted[1], counts.true[1], counts.splits[1], counts.merges[1]) == (4, 3, 1, 0)
    assert (counts.missed[1], counts.invented[1]) == (1, 1)
    assert component_error(counts)[1] == pytest.approx(2 / 7)
    twice = counts + topology_counts(truth, truth, 2)
    assert betti_0_error(twice)[1] == pytest.approx(0.5)
    assert betti_1_error(twice)[1] == pytest.approx(0.5)


def test_an_absent_class_has_no_image():
    counts = topology_counts(np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8), 2)
    assert counts.images.tolist() == [0, 0]
    assert np.isnan([betti_0_error(counts), betti_1_error(counts), component_error(counts)]).all()
