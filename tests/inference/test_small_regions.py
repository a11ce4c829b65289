import numpy as np
import pytest

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


def test_areas_are_ordered_as_the_classes():
    assert min_areas_of(["sky", "car"], {}, "x") == ()
    assert min_areas_of(["sky", "car"], {"car": 5}, "x") == (0, 5)
    assert min_areas_of(["sky", "car"], {"all": 7, "car": 5}, "x") == (7, 5)
    with pytest.raises(ConfigError, match=r"^x: class 'cra' seen, expected sky, car or all\. Correct the name\.$"):
        min_areas_of(["sky", "car"], {"cra": 5}, "x")
