import numpy as np
import pytest
from scipy import ndimage

from segan.errors import ConfigError
from segan.inference.small_regions import absorb_small_regions, min_areas_of


def test_a_speck_goes_and_a_region_stays():
    mask = np.zeros((20, 20), np.uint8)
    mask[2:4, 2:4] = 1
    mask[10:14, 10:14] = 1
    cleaned = absorb_small_regions(mask, (0, 5))
    assert not cleaned[:6, :6].any()
    assert (cleaned[10:14, 10:14] == 1).all()
    assert mask[2, 2] == 1, "the mask given is left alone"


def test_corners_hold_a_region_together():
    mask = np.eye(8, dtype=np.uint8)
    assert (absorb_small_regions(mask, (0, 8)) == mask).all()
    assert not absorb_small_regions(mask, (0, 9)).any()


def test_a_speck_takes_the_class_that_is_nearest():
    mask = np.zeros((9, 20), np.uint8)
    mask[:, 10:] = 2
    mask[4, 8:11] = 1  # Two pixels among class 0, one among class 2.
    cleaned = absorb_small_regions(mask, (0, 4, 0))
    assert (cleaned[:, :10] == 0).all()
    assert (cleaned[:, 10:] == 2).all()


def test_specks_within_specks_take_what_is_around_both():
    mask = np.zeros((15, 15), np.uint8)
    mask[5:8, 5:8] = 1
    mask[6, 6] = 2
    assert not absorb_small_regions(mask, (0, 9, 9)).any()


def test_a_mask_of_nothing_but_specks_stays():
    mask = np.zeros((4, 4), np.uint8)
    assert absorb_small_regions(mask, (17,)) is mask
    assert absorb_small_regions(mask, ()) is mask


@pytest.mark.parametrize("seed", range(20))
def test_small_regions_are_those_of_a_plain_search(seed):
    """Found pixel by pixel; between two classes the other is always the nearest."""
    mask = (np.random.default_rng(seed).random((24, 24)) < 0.35).astype(np.uint8)
    expected, seen = mask.copy(), np.zeros(mask.shape, bool)
    for start in zip(*np.nonzero(mask), strict=True):
        if seen[start]:
            continue
        region, todo = [], [start]
        seen[start] = True
        while todo:
            y, x = todo.pop()
            region.append((y, x))
            for near in ((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
                if all(0 <= at < 24 for at in near) and mask[near] and not seen[near]:
                    seen[near] = True
                    todo.append(near)
        if len(region) < 6:
            for place in region:
                expected[place] = 0
    assert (absorb_small_regions(mask, (0, 6)) == expected).all()


@pytest.mark.parametrize("seed", range(10))
def test_a_least_area_of_the_background_fills_holes(seed):
    """Holes are those of SciPy, whose background hangs together by corners too."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random((60, 70)), 1.0)
    mask = (noise > 0.48).astype(np.uint8)
    corners = np.ones((3, 3))
    regions, count = ndimage.label(mask == 0, corners)
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    holes = ndimage.binary_fill_holes(mask, corners) & (mask == 0)
    small = (sizes[regions] <= 30) & (mask == 0)
    assert (holes & small).any()
    assert (absorb_small_regions(mask, (31, 0)) == (mask | small)).all(), "small ones at the border go as holes do"
    inside = mask.copy()
    inside[small & ~holes] = 1
    assert (absorb_small_regions(inside, (31, 0)) == (inside | (holes & small))).all()


def test_a_hole_takes_the_class_around_it():
    mask = np.zeros((20, 40), np.uint8)
    mask[2:18, 2:18], mask[2:18, 22:38] = 1, 2
    mask[8:10, 8:10] = mask[8:10, 28:30] = 0
    mask[4, 34] = 1
    cleaned = absorb_small_regions(mask, (5, 5, 0))
    assert (cleaned[2:18, 2:18] == 1).all()
    assert (cleaned[2:18, 22:38] == 2).all()
    assert (absorb_small_regions(mask, (4, 0, 0)) == mask).all(), "a region of exactly the least area stays"


def test_areas_are_ordered_as_the_classes():
    assert min_areas_of(["sky", "car"], {}, "x") == ()
    assert min_areas_of(["sky", "car"], {"car": 5}, "x") == (0, 5)
    assert min_areas_of(["sky", "car"], {"all": 7, "car": 5}, "x") == (7, 5)
    with pytest.raises(ConfigError, match=r"^x: class 'cra' seen, expected sky, car or all\. Correct the name\.$"):
        min_areas_of(["sky", "car"], {"cra": 5}, "x")
