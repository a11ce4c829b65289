import numpy as np
import pytest

from segan.data.crops import Window, cut_window, draw_scale, draw_window, rarity


@pytest.fixture
def scene():
    """Return an image whose red is the row, green the column; the mask has a rare class 2 in one small place."""
    rows, columns = np.indices((100, 120))
    image = np.stack([rows, columns, np.zeros_like(rows)], axis=2).astype(np.uint8)
    mask = np.zeros((100, 120), np.uint8)
    mask[:, 60:] = 1
    mask[90:93, 5:8] = 2
    return image, mask


def share_with_class_2(mask, rare_share, probabilities):
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        window = draw_window(generator, mask, (24, 24), 1.0, class_probabilities=probabilities, rare_share=rare_share)
        assert window.top >= 0
        assert window.left >= 0
        assert window.top + 24 <= 100
        assert window.left + 24 <= 120
        hits += 2 in mask[window.top : window.top + 24, window.left : window.left + 24]
    return hits / 200


def test_rare_classes_are_found_more_often(scene):
    _, mask = scene
    probabilities = rarity(np.bincount(mask.ravel()))
    assert share_with_class_2(mask, 0.0, probabilities) < 0.15
    assert share_with_class_2(mask, 1.0, probabilities) > 0.9 * probabilities[2]


def test_a_mask_without_drawable_classes_is_cropped_anywhere(scene):
    _, mask = scene
    assert share_with_class_2(mask, 1.0, np.zeros(3)) < 0.15
    assert share_with_class_2(np.full_like(mask, 255), 1.0, np.full(3, 1 / 3)) == 0.0


def test_rarity():
    probabilities = rarity([100, 400, 0])
    np.testing.assert_allclose(probabilities, [2 / 3, 1 / 3, 0.0])
    np.testing.assert_array_equal(rarity([0, 0]), [0.0, 0.0])


def test_a_cut_is_a_piece_of_image_and_mask(scene):
    image, mask = scene
    piece, labels = cut_window(image, mask, Window(85, 2, 10, 20), (10, 20), fill=255)
    np.testing.assert_array_equal(piece, image[85:95, 2:22])
    np.testing.assert_array_equal(labels, mask[85:95, 2:22])


def test_scaling_resizes_the_window_alone(scene):
    image, mask = scene
    generator = np.random.default_rng(0)
    window = draw_window(generator, mask, (32, 48), 2.0, class_probabilities=rarity([1, 1, 1]), rare_share=0.5)
    assert (window.height, window.width) == (16, 24)
    piece, labels = cut_window(image, mask, window, (32, 48), fill=255)
    assert piece.shape == (32, 48, 3)
    assert labels.shape == (32, 48)
    assert abs(int(piece[:, :, 0].min()) - window.top) <= 1


def test_small_images_are_reflected_and_their_masks_filled(scene):
    image, mask = scene[0][:10, :12], scene[1][:10, :12]
    generator = np.random.default_rng(0)
    window = draw_window(generator, mask, (64, 9), 1.0, class_probabilities=rarity([1, 1, 1]), rare_share=1.0)
    assert window.top == -27
    piece, labels = cut_window(image, mask, window, (64, 9), fill=255)
    assert piece.shape == (64, 9, 3)
    assert (labels != 255).sum() == 10 * 9
    np.testing.assert_array_equal(piece[27:37], image[:, window.left : window.left + 9])
    np.testing.assert_array_equal(piece[26], piece[27])


def test_scales_are_drawn_within_bounds_and_as_often_up_as_down():
    generator = np.random.default_rng(0)
    scales = np.array([draw_scale(generator, 0.5, 2.0) for _ in range(2000)])
    assert scales.min() >= 0.5
    assert scales.max() <= 2.0
    assert abs((scales > 1.0).mean() - 0.5) < 0.05
    assert draw_scale(generator, 1.0, 1.0) == 1.0
