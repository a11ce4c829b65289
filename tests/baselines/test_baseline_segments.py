"""Edges, thresholds and regions by themselves."""

import cv2
import numpy as np
import pytest
from drawn_scenes import flat, lines, texture

from segan.baselines.descriptors import describe_pixels, describe_regions
from segan.baselines.edges import divide_by_roberts, divide_by_sobel, fill_outlines
from segan.baselines.regions import divide_by_dbscan, divide_by_slic, divide_by_watershed
from segan.baselines.thresholds import divide_by_adaptive, divide_by_grabcut, divide_by_otsu

REGIONS = [
    (divide_by_slic, {"regions": 30, "compactness": 5.0}),
    (divide_by_watershed, {"blur_px": 1.0}),
    (divide_by_dbscan, {"distance": 3.0}),
]


@pytest.mark.parametrize(("divide", "settings"), REGIONS)
@pytest.mark.parametrize("scene", [flat, lines, texture])
@pytest.mark.parametrize("size", [(49, 66), (1, 9), (3, 3)])
def test_each_region_is_somewhere_and_indices_have_no_gaps(divide, settings, scene, size):
    image = scene(np.random.default_rng(0), (49, 66))[0][: size[0], : size[1]]
    regions = divide(np.ascontiguousarray(image), **settings)
    assert (regions.shape, regions.dtype) == (size, np.int32)
    assert np.unique(regions).tolist() == list(range(regions.max() + 1))


def test_regions_are_described_by_their_pixels():
    image = texture(np.random.default_rng(0))[0]
    regions = divide_by_slic(image, regions=20, compactness=10.0)
    rows, pixels = describe_regions(image, regions), describe_pixels(image)
    for index in range(len(rows)):
        own = pixels[regions.ravel() == index].astype(np.float64)
        expected = [*own[:, :3].mean(axis=0), own[:, 0].std(), *own[:, 3:].mean(axis=0)]
        assert rows[index] == pytest.approx(expected, abs=2e-2)


def test_density_joins_what_is_alike():
    image, mask = flat(np.random.default_rng(0))
    pieces = divide_by_slic(image, regions=400, compactness=5.0)
    joined = divide_by_dbscan(image, distance=3.0)
    assert joined.max() < pieces.max() / 4
    assert np.bincount(joined[mask > 0]).max() > 0.7 * mask.sum()  # Superpixels across the border stay alone.


def test_outlines_are_filled_and_open_ones_are_not():
    ring = cv2.circle(np.zeros((30, 30), np.uint8), (15, 15), 10, 1, 1)
    disc = cv2.circle(np.zeros((30, 30), np.uint8), (15, 15), 10, 1, -1)
    assert fill_outlines(ring).tolist() == disc.tolist()
    ring[15, :15] = 0
    assert fill_outlines(ring).tolist() == ring.tolist()


@pytest.mark.parametrize("divide", [divide_by_sobel, divide_by_roberts])
def test_a_step_is_an_edge_and_a_blank_image_has_none(divide):
    settings = {"blur_px": 1.0, "factor": 1.0, "close_px": 3, "fill": False}
    image = np.full((20, 30, 3), 50, np.uint8)
    assert not divide(image, **settings).any()
    image[:, 15:] = 200
    edges = divide(image, **settings)
    assert edges[:, 14:16].all()
    assert not edges[:, :11].any()


def test_thresholds_take_what_is_bright():
    image, mask = lines(np.random.default_rng(0))
    assert np.array_equal(divide_by_otsu(image, blur_px=0.0), mask == 0)
    assert (divide_by_adaptive(image, blur_px=0.0, window_px=31, offset=20) == (mask == 0)).mean() > 0.95


@pytest.mark.parametrize("start", ["otsu", "rectangle 0.05", "rectangle 0.2"])
def test_grabcut_repeats_itself_and_finds_a_thing_in_the_middle(start):
    image, mask = flat(np.random.default_rng(0))
    noisy = np.clip(image + np.random.default_rng(1).normal(0, 10, image.shape), 0, 255).astype(np.uint8)
    cv2.setRNGSeed(5)
    first = divide_by_grabcut(noisy, start=start)
    cv2.setRNGSeed(6)
    assert np.array_equal(first, divide_by_grabcut(noisy, start=start))
    assert max((first == mask).mean(), (first != mask).mean()) > 0.95
