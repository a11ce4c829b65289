import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.metrics import hausdorff_distance

from segan.evaluation.edges import edge_distances, find_edges
from segan.evaluation.surfaces import assd, hausdorff, mean_assd, mean_hd95, surface_sums

SHAPES = st.tuples(st.integers(2, 12), st.integers(2, 12))
AREAS = SHAPES.flatmap(lambda shape: st.tuples(*[arrays(np.uint8, shape, elements=st.integers(0, 1))] * 2))


def distances_by_pairs(mask, truth):
    """Both directed distances between edges by erosion, over all pairs."""
    edges = [np.argwhere(area & ~ndimage.binary_erosion(area)) for area in (mask == 1, truth == 1)]
    between = cdist(*edges)
    return between.min(axis=1), between.min(axis=0)


@settings(deadline=None)
@given(AREAS)
def test_distances_equal_scipy(areas):
    mask, truth = areas
    assume(mask.any() and truth.any())
    found = edge_distances(mask, truth, 2)
    there, back = distances_by_pairs(mask, truth)
    expected = max(np.percentile(there, 95), np.percentile(back, 95))
    assert hausdorff(found)[1] == pytest.approx(expected, abs=1e-9)
    assert assd(found)[1] == pytest.approx((there.sum() + back.sum()) / (there.size + back.size), abs=1e-9)


@settings(deadline=None)
@given(AREAS)
def test_the_largest_distance_equals_scikit_image(areas):
    mask, truth = areas
    assume(mask.any() and truth.any())
    edges = [find_edges(area) & (area == 1) for area in (mask, truth)]
    assert hausdorff(edge_distances(mask, truth, 2), 100.0)[1] == pytest.approx(hausdorff_distance(*edges), abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(AREAS)
def test_distances_equal_monai(areas):
    metrics = pytest.importorskip("monai.metrics")
    mask, truth = areas
    assume(mask.any() and truth.any())
    theirs = [torch.tensor(area)[None, None] for area in areas]
    found = edge_distances(mask, truth, 2)
    hd95 = metrics.compute_hausdorff_distance(*theirs, include_background=True, percentile=95)
    mean = metrics.compute_average_surface_distance(*theirs, include_background=True, symmetric=True)
    # MONAI counts in float32, so far distances agree to 1e-6 of themselves.
    assert hausdorff(found)[1] == pytest.approx(float(hd95), rel=1e-6, abs=1e-6)
    assert assd(found)[1] == pytest.approx(float(mean), rel=1e-6, abs=1e-6)


def two_pixels(distance):
    mask, truth = np.zeros((3, 4 + distance), np.uint8), np.zeros((3, 4 + distance), np.uint8)
    mask[1, 1], truth[1, 1 + distance] = 1, 1
    return mask, truth


def test_distances_by_hand():
    found = edge_distances(*two_pixels(4), 2)
    assert (hausdorff(found)[1], assd(found)[1]) == (4.0, 4.0)
    line, truth = np.zeros((1, 21), np.uint8), np.zeros((1, 21), np.uint8)
    line[0], truth[0, 0] = 1, 1
    found = edge_distances(line, truth, 2)
    # All 21 pixels are edges, 0 to 20 px away; the 95th percentile of these is 19, the way back is 0.
    assert hausdorff(found)[1] == pytest.approx(19.0)
    assert assd(found)[1] == pytest.approx(210 / 22)


def test_images_without_an_edge_follow_the_rule():
    mask, truth = two_pixels(4)
    empty = np.zeros_like(mask)
    sums = [surface_sums(edge_distances(*pair, 2)) for pair in ((mask, truth), (empty, truth), (empty, empty))]
    total = sums[0] + sums[1] + sums[2]
    assert (total.scored[1], total.one_sided[1]) == (1, 1)
    assert mean_hd95(total)[1] == mean_assd(total)[1] == 4.0
    assert mean_hd95(total, penalize=True)[1] == pytest.approx((4 + math.hypot(3, 8)) / 2, abs=1e-8)
    assert mean_assd(total, penalize=True)[1] == pytest.approx((4 + math.hypot(3, 8)) / 2, abs=1e-8)
    assert np.isnan(mean_hd95(sums[1])[1])
    assert np.isnan(mean_hd95(sums[2], penalize=True)[1])


def test_sums_are_the_same_in_any_order():
    random = np.random.default_rng(0)
    images = [surface_sums(edge_distances(*random.integers(0, 3, (2, 20, 30), np.uint8), 3)) for _ in range(8)]
    forward, backward = images[0], images[-1]
    for image in images[1:]:
        forward = forward + image
    for image in images[-2::-1]:
        backward = image + backward
    assert mean_assd(forward).tolist() == mean_assd(backward).tolist()
    assert mean_hd95(forward).tolist() == mean_hd95(backward).tolist()
