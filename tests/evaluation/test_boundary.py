import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.morphology import disk

from segan.evaluation.boundary import (
    TOLERANCES_PX,
    band_counts,
    boundary_counts,
    boundary_f1,
    boundary_iou,
    boundary_precision,
    boundary_recall,
)
from segan.evaluation.edges import edge_distances

K = 3


def square(size, start, stop):
    mask = np.zeros((size, size), np.uint8)
    mask[start:stop, start:stop] = 1
    return mask


def draw_masks(data, ignored=False):
    shape = data.draw(st.tuples(st.integers(1, 14), st.integers(1, 14)))
    few = st.sampled_from(data.draw(st.sampled_from([[0], [0, 1], [0, 1, 2]])))
    mask = data.draw(arrays(np.uint8, shape, elements=few))
    return mask, data.draw(arrays(np.uint8, shape, elements=few | st.just(255) if ignored else few))


def edge_by_erosion(area, frame):
    """The edge as MONAI and MedPy draw it."""
    return area & ~ndimage.binary_erosion(area, border_value=0 if frame else 1)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), frame=st.booleans())
def test_boundary_f1_equals_dilation_with_disks(data, frame):
    mask, truth = draw_masks(data)
    found = boundary_f1(boundary_counts(edge_distances(mask, truth, K, frame=frame)))
    for index in range(K):
        predicted, true = (edge_by_erosion(picture == index, frame) for picture in (mask, truth))
        for column, tolerance in enumerate(TOLERANCES_PX):
            near = [ndimage.binary_dilation(edge, disk(int(tolerance))) for edge in (true, predicted)]
            if not predicted.any() and not true.any():
                expected = np.nan
            elif not (near[0] & predicted).any():
                expected = 0.0
            else:
                precision = (near[0] & predicted).sum() / predicted.sum()
                recall = (near[1] & true).sum() / true.sum()
                expected = 2 * precision * recall / (precision + recall)
            np.testing.assert_allclose(found[index, column], expected, atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), frame=st.booleans(), ratio=st.sampled_from([0.02, 0.1, 0.3]))
def test_boundary_iou_equals_erosion_step_by_step(data, frame, ratio):
    mask, truth = draw_masks(data)
    reach = max(1, round(ratio * np.sqrt(mask.shape[0] ** 2 + mask.shape[1] ** 2)))
    found = boundary_iou(band_counts(mask, truth, K, ratio=ratio, frame=frame))
    for index in range(K):
        bands = []
        for area in (mask == index, truth == index):
            eroded = ndimage.binary_erosion(area, np.ones((3, 3)), iterations=reach, border_value=0 if frame else 1)
            bands.append(area & ~eroded)
        union = (bands[0] | bands[1]).sum()
        expected = (bands[0] & bands[1]).sum() / union if union else np.nan
        np.testing.assert_allclose(found[index], expected, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_sums_do_not_depend_on_the_order(data):
    pairs = [draw_masks(data, ignored=True) for _ in range(3)]
    counts = [boundary_counts(edge_distances(*pair, K)) for pair in pairs]
    bands = [band_counts(*pair, K) for pair in pairs]
    np.testing.assert_array_equal(
        boundary_f1(counts[0] + counts[1] + counts[2]), boundary_f1(counts[2] + (counts[0] + counts[1]))
    )
    np.testing.assert_array_equal(boundary_iou(bands[0] + bands[1]), boundary_iou(bands[1] + bands[0]))


def test_boundary_f1_by_hand():
    truth = square(10, 2, 8)
    mask = np.roll(truth, 1, axis=1)
    counts = boundary_counts(edge_distances(mask, truth, 2))
    # The ring of a 6x6 square has 20 pixels; moved by one column, the 5 pixels of each horizontal side's overlap stay.
    assert counts.predicted[1] == counts.true[1] == 20
    assert counts.predicted_near[1].tolist() == [10, 20, 20, 20, 20]
    assert boundary_f1(counts)[1].tolist() == [0.5, 1, 1, 1, 1]


def test_precision_and_recall_by_hand():
    truth, mask = np.zeros((1, 9), np.uint8), np.zeros((1, 9), np.uint8)
    truth[0, 2] = 1
    mask[0, [2, 6]] = 1
    counts = boundary_counts(edge_distances(mask, truth, 2, frame=False), (0, 3, 4))
    assert boundary_precision(counts)[1].tolist() == [0.5, 0.5, 1.0]
    assert boundary_recall(counts)[1].tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_allclose(boundary_f1(counts)[1], [2 / 3, 2 / 3, 1])


def test_pooled_and_per_image_scores_differ():
    truth = square(10, 2, 8)
    images = [boundary_counts(edge_distances(mask, truth, 2), (0,)) for mask in (truth, 0 * truth)]
    assert boundary_f1(images[0] + images[1])[1, 0] == pytest.approx(2 / 3)
    assert np.mean([boundary_f1(image)[1, 0] for image in images]) == 0.5


def test_an_edge_in_one_mask_scores_zero_and_in_none_nothing():
    counts = boundary_counts(edge_distances(square(6, 2, 4), 0 * square(6, 2, 4), 3))
    assert boundary_f1(counts)[1].tolist() == [0] * 5
    assert np.isnan(boundary_f1(counts)[2]).all()
    assert np.isnan(boundary_recall(counts)[1]).all()


def test_other_tolerances_are_not_added():
    distances = edge_distances(square(6, 2, 4), square(6, 2, 4), 2)
    with pytest.raises(ValueError, match="tolerances_px"):
        boundary_counts(distances) + boundary_counts(distances, (1,))


def test_boundary_iou_by_hand():
    truth, mask = square(20, 4, 14), square(20, 5, 15)
    # d is 1: rings of 36 pixels whose common pixels are the two crossings.
    assert band_counts(mask, truth, 2, ratio=0.02).common[1] == 2
    assert boundary_iou(band_counts(mask, truth, 2))[1] == pytest.approx(2 / 70)
    assert boundary_iou(band_counts(truth, truth, 2)).tolist() == [1, 1]


def test_ignored_pixels_have_no_band():
    truth = np.full((9, 9), 1, np.uint8)
    truth[4] = 255
    counts = band_counts(np.ones((9, 9), np.uint8), truth, 2, frame=False)
    assert counts.either.tolist() == [0, 0]
