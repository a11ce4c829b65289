import numpy as np
import pytest

from segan.data.placement import Placement, resize_image, resize_mask

PLACEMENTS = [
    Placement((20, 30), (20, 30), (20, 30)),
    Placement((20, 30), (40, 60), (40, 60)),
    Placement((40, 60), (20, 30), (32, 32), 6, 1),
    Placement((33, 17), (64, 33), (64, 64), 0, 15),
]


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_argmax_equals_that_of_the_restored_planes(placement):
    planes = np.random.default_rng(0).standard_normal((5, *placement.canvas)).astype(np.float32)
    restored = placement.restore(planes)
    mask, value = placement.argmax_with_value(planes)
    assert restored.shape == (5, *placement.original)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, restored.argmax(axis=0))
    np.testing.assert_array_equal(value, restored.max(axis=0))


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_a_mask_put_in_comes_back_out(placement):
    mask = np.zeros(placement.original, np.uint8)
    mask[4:14, 3:12] = 1
    placed = placement.place_mask(mask, 255)
    planes = np.stack([placed == 0, placed == 1]).astype(np.float32)
    assert (placement.argmax_with_value(planes)[0] == mask).mean() > 0.93


def test_the_first_of_equal_classes_wins():
    planes = np.ones((3, 8, 8), np.float32)
    assert Placement((16, 16), (8, 8), (8, 8)).argmax_with_value(planes)[0].max() == 0


def test_the_canvas_is_reflection_in_the_image_and_fill_in_the_mask():
    placement = Placement((4, 4), (4, 4), (20, 12), 8, 4)
    image = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    placed = placement.place_image(image)
    np.testing.assert_array_equal(placed[8:12, 4:8], image)
    np.testing.assert_array_equal(placed[7, 4:8], image[0])
    mask = placement.place_mask(np.ones((4, 4), np.uint8), 255)
    assert (mask == 255).sum() == 20 * 12 - 16
    assert mask.shape == placed.shape[:2]


def test_placing_does_not_mix_classes_or_shift_edges():
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 4:] = 3
    np.testing.assert_array_equal(resize_mask(mask, (16, 16)), np.repeat(np.repeat(mask, 2, 0), 2, 1))
    np.testing.assert_array_equal(resize_mask(resize_mask(mask, (24, 24)), (8, 8)), mask)


def test_images_shrink_by_averaging():
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, ::2] = 200
    np.testing.assert_array_equal(resize_image(stripes, (4, 4)), 100)
