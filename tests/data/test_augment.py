import numpy as np
import pytest

from segan.data.augment import PRESETS, build_augmentation
from segan.errors import ConfigError

CHANGING = [preset for preset in PRESETS if preset != "none"]


@pytest.fixture
def sample():
    """Return an image of a bright shape and the mask of just that shape, without any symmetry."""
    mask = np.zeros((64, 64), np.uint8)
    mask[8:40, 10:20] = 1
    mask[30:40, 10:44] = 1
    mask[45:52, 40:58] = 1
    return np.repeat((40 + 160 * mask)[:, :, None], 3, axis=2).astype(np.uint8), mask


@pytest.mark.parametrize("preset", CHANGING)
def test_the_result_depends_on_the_seed_alone(sample, preset):
    augment, other = build_augmentation(preset), build_augmentation(preset)
    results = [augment(*sample, seed) for seed in range(40)]
    for seed in reversed(range(40)):  # In another order, by another object.
        image, mask = other(*sample, seed)
        np.testing.assert_array_equal(image, results[seed][0])
        np.testing.assert_array_equal(mask, results[seed][1])
    assert len({image.tobytes() for image, _ in results}) > 3


@pytest.mark.parametrize("preset", CHANGING)
def test_geometry_moves_image_and_mask_alike(sample, preset):
    augment = build_augmentation(preset)
    for seed in range(60):
        image, mask = augment(*sample, seed)
        assert image.shape == sample[0].shape
        assert mask.shape == sample[1].shape
        assert (image.dtype, mask.dtype) == (np.uint8, np.uint8)
        assert set(np.unique(mask)) <= {0, 1, 255}
        seen = mask != 255
        values = image.mean(axis=2)
        bright = values > (values[seen & (mask == 1)].mean() + values[seen & (mask == 0)].mean()) / 2
        assert (bright == mask)[seen].mean() > 0.9, seed


def test_transforms_draw_independently(sample):
    """Flips along both axes, each with probability 0.5, must not always come together."""
    augment = build_augmentation("microscopy")
    oblong = sample[0][:40], sample[1][:40]
    corners = np.zeros((40, 64), np.uint8)
    corners[0, 0] = 1
    seen = set()
    for seed in range(200):
        _, mask = augment(oblong[0], corners, seed)
        seen.update((int(row), int(column)) for row, column in np.argwhere(mask) if mask.sum() == 1)
    assert {(0, 0), (0, 63), (39, 0), (39, 63)} <= seen


@pytest.mark.parametrize("preset", PRESETS)
def test_inputs_stay_and_oblong_samples_keep_their_shape(sample, preset):
    image, mask = sample[0][:40].copy(), sample[1][:40].copy()
    before = image.copy(), mask.copy()
    augment = build_augmentation(preset)
    for seed in range(20):
        changed, labels = augment(image, mask, seed)
        assert changed.shape == image.shape
        assert labels.shape == mask.shape
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])


def test_none_changes_nothing(sample):
    image, mask = build_augmentation("none")(*sample, 5)
    np.testing.assert_array_equal(image, sample[0])
    np.testing.assert_array_equal(mask, sample[1])


def test_unknown_presets_are_refused():
    with pytest.raises(ConfigError, match=r"augmentation.preset: seen 'microscop'.*Did you mean microscopy\?"):
        build_augmentation("microscop")
