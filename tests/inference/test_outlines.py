import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path as Curve
from scipy import ndimage

from segan.data.labels import IGNORE, build_labels
from segan.inference.outlines import encode_outlines, trace_outlines

LABELS = build_labels(["sky", "road", "car", "tree"], colors=[(0, 0, 0), (255, 128, 0), (0, 0, 255), (1, 2, 3)])
CLASSES = range(4)


def area(ring):
    """Of the numbers as they stand, by the shoelace formula."""
    x, y = ring.T
    return int((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2


def fill(outlines, size):
    """Draw polygons by another hand: a pixel is inside where its middle lies in an odd number of rings."""
    filled = np.full(size, IGNORE, np.uint8)
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    middles = np.stack([x.ravel(), y.ravel()], axis=1)
    for outline in outlines:
        inside = sum(Curve(ring).contains_points(middles).astype(int) for ring in outline.rings).reshape(size) % 2 == 1
        assert (filled[inside] == IGNORE).all(), "polygons do not overlap"
        assert inside.sum() == outline.area_px
        filled[inside] = outline.class_index
    return filled


def check(mask, classes=CLASSES):
    """All that is promised of the outlines of a mask."""
    outlines = list(trace_outlines(mask, classes))
    assert (fill(outlines, mask.shape) == np.where(np.isin(mask, classes), mask, IGNORE)).all()
    assert len(outlines) == sum(ndimage.label(mask == index)[1] for index in classes), "one for each region"
    for outline in outlines:
        areas = [area(ring) for ring in outline.rings]
        assert areas[0] > 0, "the exterior comes first"
        assert all(hole < 0 for hole in areas[1:])
        assert sum(areas) == outline.area_px
        shared = []
        for ring in outline.rings:
            assert (ring[0] == ring[-1]).all(), "a ring is closed"
            corners = set(map(tuple, ring[:-1].tolist()))
            assert len(corners) == len(ring) - 1, "no ring touches itself"
            steps = np.diff(ring, axis=0)
            assert ((steps == 0).sum(axis=1) == 1).all(), "edges follow those of pixels"
            assert ((steps[:-1] == 0) != (steps[1:] == 0)).all(), "there are no corners on straight edges"
            shared.append(corners)
        assert all(len(a & b) <= 1 for place, a in enumerate(shared) for b in shared[:place])
    return outlines


def test_one_pixel_is_one_square():
    mask = np.zeros((3, 4), np.uint8)
    mask[1, 2] = 2
    (pixel,) = check(mask, [2])
    assert (pixel.class_index, pixel.area_px) == (2, 1)
    assert [ring.tolist() for ring in pixel.rings] == [[[2, 1], [3, 1], [3, 2], [2, 2], [2, 1]]]
    assert len(check(np.zeros((1, 1), np.uint8))) == 1


def test_a_hole_follows_the_exterior_the_other_way_round():
    mask = np.ones((3, 3), np.uint8)
    mask[1, 1] = 0
    whole, inner = check(mask)
    assert whole.rings[0].tolist() == [[0, 0], [3, 0], [3, 3], [0, 3], [0, 0]]
    assert whole.rings[1].tolist() == [[1, 1], [1, 2], [2, 2], [2, 1], [1, 1]]
    assert (inner.class_index, len(inner.rings)) == (0, 1)


def test_pixels_that_touch_by_a_corner_are_two_regions():
    assert len(check(np.eye(2, dtype=np.uint8))) == 4
    assert [outline.class_index for outline in check(np.eye(3, dtype=np.uint8), [1])] == [1, 1, 1]


def test_a_region_whose_ends_meet_at_a_corner_has_a_hole_there():
    """Cut at the corner, its exterior would touch itself."""
    mask = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], np.uint8)
    ring, *_ = check(mask, [1])
    assert len(ring.rings) == 2
    both = np.array([[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1]], np.uint8)
    (region,) = check(both, [1])
    assert len(region.rings) == 3, "two holes that share a corner"


def test_regions_lie_inside_holes():
    mask = np.zeros((9, 9), np.uint8)
    mask[1:8, 1:8] = 1
    mask[2:7, 2:7] = 2
    mask[3:6, 3:6] = 1
    mask[4, 4] = 3
    found = check(mask)
    assert [(outline.class_index, len(outline.rings)) for outline in found] == [(0, 2), (1, 2), (2, 2), (1, 2), (3, 1)]


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (5, 6)])
def test_a_mask_of_one_class_is_a_rectangle(size):
    (whole,) = check(np.full(size, 3, np.uint8))
    assert len(whole.rings) == 1
    assert whole.area_px == size[0] * size[1]


@settings(max_examples=150, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 3)), st.integers(0, 3))
def test_any_mask_comes_back(mask, first):
    check(mask, range(first, 4))


def test_values_that_are_not_asked_for_are_left_out():
    mask = np.array([[IGNORE, 1], [0, IGNORE]], np.uint8)
    assert [outline.class_index for outline in check(mask, [1, 2])] == [1]
    assert list(trace_outlines(mask, [])) == []


def test_the_file_is_a_feature_collection():
    mask = np.zeros((4, 5), np.uint8)
    mask[1:3, 1:4] = 1
    tree = json.loads(encode_outlines(mask, LABELS))
    assert tree["type"] == "FeatureCollection"
    sky, road = tree["features"]
    assert road == {
        "type": "Feature",
        "properties": {"class_index": 1, "class_name": "road", "area_px": 6, "color": "#ff8000"},
        "geometry": {"type": "Polygon", "coordinates": [[[1, 1], [4, 1], [4, 3], [1, 3], [1, 1]]]},
    }
    assert sky["properties"]["class_name"] == "sky"
    assert len(sky["geometry"]["coordinates"]) == 2


def test_a_first_class_called_background_is_left_out():
    mask = np.zeros((4, 5), np.uint8)
    labels = build_labels(["Background", "zelle „ü“"])
    assert json.loads(encode_outlines(mask, labels)) == {"type": "FeatureCollection", "features": []}
    mask[0, 0] = 1
    (feature,) = json.loads(encode_outlines(mask, labels))["features"]
    assert feature["properties"]["class_name"] == "zelle „ü“"


def test_a_street_scene_takes_milliseconds():
    """Of the unevenness of CamVid's masks: about 250 regions in 480x360; the bound is ten times what it takes."""
    noise = ndimage.gaussian_filter(np.random.default_rng(0).random((11, 360, 480)), (0, 6, 6))
    mask = noise.argmax(axis=0).astype(np.uint8)
    labels = build_labels([f"c{index}" for index in range(11)])
    begun = time.process_time()
    content = encode_outlines(mask, labels)
    assert time.process_time() - begun < 0.2
    assert len(json.loads(content)["features"]) > 200
