import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label, regionprops

from segan.errors import DataError
from segan.evaluation.confusion import confusion_matrix
from segan.evaluation.scores import recall
from segan.evaluation.sizes import object_recall, pixel_recall, size_counts

K = 3
SIZES = (2, 5)


@st.composite
def pairs(draw):
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    mask = draw(arrays(np.uint8, shape, elements=st.integers(0, K - 1)))
    return mask, draw(arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2, 255])))


@settings(deadline=None)
@given(pairs(), st.sampled_from([0.1, 0.5, 1.0]))
def test_objects_equal_scikit_image(pair, share):
    mask, truth = pair
    counts = size_counts(mask, truth, K, sizes_px=SIZES, share=share)
    for index in range(K):
        objects, found = [0, 0, 0], [0, 0, 0]
        for part in regionprops(label(truth == index, connectivity=2), (mask == index).astype(float)):
            place = sum(part.area >= size for size in SIZES)
            objects[place] += 1
            # A share of whole pixels: rounding must not decide.
            found[place] += part.image_intensity.sum() * 10 >= share * 10 * part.area
        assert (counts.objects[index].tolist(), counts.found[index].tolist()) == (objects, found)


@settings(deadline=None)
@given(pairs())
def test_all_sizes_together_give_the_recall_of_pixels(pair):
    matrix = confusion_matrix(*pair, K)
    counts = size_counts(*pair, K, sizes_px=SIZES)
    np.testing.assert_array_equal(counts.pixels.sum(axis=1), matrix.sum(axis=1))
    np.testing.assert_array_equal(counts.hits.sum(axis=1), np.diag(matrix))
    one_bin = pixel_recall(size_counts(*pair, K, sizes_px=()))
    np.testing.assert_array_equal(one_bin[:, 0], recall(matrix))


def test_recall_by_hand():
    truth = np.zeros((6, 8), np.uint8)
    truth[0, 0] = 1  # One pixel, missed,
    truth[2:4, 0:2] = 1  # four, half of which are predicted,
    truth[0:4, 4:8] = 1  # and sixteen, of which seven are.
    mask = np.zeros_like(truth)
    mask[2, 0:2] = 1
    mask.ravel()[np.flatnonzero(np.pad(truth[:, 4:], ((0, 0), (4, 0))))[:7]] = 1
    counts = size_counts(mask, truth, 2, sizes_px=(4, 16))
    assert counts.objects[1].tolist() == [1, 1, 1]
    assert object_recall(counts)[1].tolist() == [0, 1, 0]
    assert pixel_recall(counts)[1].tolist() == [0, 0.5, 7 / 16]
    both = counts + size_counts(truth, truth, 2, sizes_px=(4, 16))
    assert object_recall(both)[1].tolist() == [0.5, 1, 0.5]


def test_absent_sizes_have_no_recall():
    nothing = size_counts(np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8), 2)
    assert np.isnan([object_recall(nothing), pixel_recall(nothing)]).all()


def test_other_settings_and_sizes_are_refused():
    mask = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match="settings"):
        size_counts(mask, mask, 2) + size_counts(mask, mask, 2, share=1.0)
    with pytest.raises(DataError, match="prediction: height and width"):
        size_counts(mask, mask[:1], 2)
