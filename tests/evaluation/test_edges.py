import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.segmentation import find_boundaries

from segan.errors import DataError
from segan.evaluation.edges import FAR, edge_distances, find_edges

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
MASKS = SHAPES.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 2)))


@settings(deadline=None)
@given(MASKS)
def test_edges_equal_scikit_image(mask):
    # Class 0 is background there, which has no inner edge, so classes are counted from 1.
    theirs = find_boundaries(mask + 1, connectivity=1, mode="thick")
    np.testing.assert_array_equal(find_edges(mask, frame=False), theirs)


def test_the_frame_is_an_edge_where_asked():
    mask = np.zeros((3, 4), np.uint8)
    mask[0, 0] = 255
    assert not find_edges(mask, frame=False).any()
    assert find_edges(mask).tolist() == [[False, True, True, True], [True, False, False, True], [True] * 4]


@settings(deadline=None)
@given(st.data())
def test_distances_equal_those_of_all_pairs(data):
    mask = data.draw(MASKS)
    truth = data.draw(arrays(np.uint8, mask.shape, elements=st.sampled_from([0, 1, 2, 255])))
    frame = data.draw(st.booleans())
    found = edge_distances(mask, truth, 3, frame=frame)
    hidden = np.where(truth == 255, truth, mask)
    for index in range(3):
        ours, theirs = (
            np.argwhere(find_edges(picture, frame=frame) & (picture == index)) for picture in (hidden, truth)
        )
        squares = cdist(ours, theirs, "sqeuclidean") if len(ours) and len(theirs) else None
        expected = (np.full(len(ours), FAR), np.full(len(theirs), FAR)) if squares is None else None
        np.testing.assert_array_equal(found.from_mask[index], expected[0] if expected else squares.min(axis=1))
        np.testing.assert_array_equal(found.from_truth[index], expected[1] if expected else squares.min(axis=0))


@pytest.mark.parametrize("size", [(400, 500), (3, 2000), (700, 700), (1500, 20)])
def test_large_distances_are_exact(size):
    random = np.random.default_rng(0)
    mask, truth = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    mask[random.random(size) < 0.01] = 1
    truth[-1, -1] = 1
    found = edge_distances(mask, truth, 2, frame=False)
    np.testing.assert_array_equal(
        found.from_mask[1], np.square(np.argwhere(mask == 1) - (np.array(size) - 1)).sum(axis=1)
    )


@settings(deadline=None, max_examples=30)
@given(MASKS, st.integers(0, 2**16))
def test_distances_equal_the_distance_transform(truth, seed):
    mask = np.random.default_rng(seed).permutation(truth.ravel()).reshape(truth.shape)
    found = edge_distances(mask, truth, 3)
    for index in range(3):
        edges = [find_edges(picture) & (picture == index) for picture in (mask, truth)]
        if edges[1].any():
            expected = ndimage.distance_transform_edt(~edges[1])[edges[0]]
            np.testing.assert_allclose(np.sqrt(found.from_mask[index]), expected, atol=1e-9)


def test_ignored_pixels_have_no_edge():
    truth = np.array([[0, 0, 255, 1, 1]], np.uint8)
    mask = np.array([[0, 0, 1, 1, 1]], np.uint8)
    found = edge_distances(mask, truth, 2, frame=False)
    assert [len(own) for own in (*found.from_mask, *found.from_truth)] == [0, 0, 0, 0]


def test_masks_of_other_sizes_have_no_distances():
    with pytest.raises(DataError, match="prediction: height and width"):
        edge_distances(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 2)
