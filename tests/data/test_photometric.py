import cv2
import numpy as np
import pytest

from segan.data.photometric import (
    PHOTOMETRIC,
    correct_gamma,
    denoise_nlmeans,
    equalize_clahe,
    filter_bilateral,
    filter_median,
    flatten_illumination,
    select_channels,
)
from segan.data.steps import STEPS


@pytest.fixture
def noisy():
    generator = np.random.default_rng(0)
    return np.clip(120 + 20 * generator.standard_normal((64, 80, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", PHOTOMETRIC)
@pytest.mark.parametrize("size", [(1, 1), (7, 300)])
def test_every_step_keeps_size_and_type_with_its_defaults(name, size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    before = image.copy()
    result = PHOTOMETRIC[name](image, **STEPS[name](name=name).parameters())
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


def test_denoising_lowers_the_noise(noisy):
    for smooth in (
        filter_median(noisy, size=5),
        filter_bilateral(noisy, diameter=7, sigma_color=80.0, sigma_space=5.0),
        denoise_nlmeans(noisy, strength=20.0, patch_px=5, search_px=11),
    ):
        assert smooth.std() < 0.7 * noisy.std()


def test_clahe_raises_contrast_and_keeps_grey_grey():
    ramp = np.tile(np.linspace(100, 130, 128).astype(np.uint8), (128, 1))
    result = equalize_clahe(cv2.merge([ramp, ramp, ramp]), clip_limit=4.0, tile_px=64)
    assert np.ptp(result) > 1.5 * np.ptp(ramp)
    assert np.ptp(result.astype(int), axis=2).max() <= 2


@pytest.mark.parametrize("sigma_px", [10.0, 60.0, 500.0])
def test_flattening_removes_a_gradient_and_keeps_the_mean(sigma_px):
    light = np.linspace(60, 200, 400, dtype=np.float32)
    image = np.repeat(np.tile(light, (300, 1))[:, :, None], 3, axis=2).astype(np.uint8)
    flat = flatten_illumination(image, sigma_px=sigma_px)
    assert abs(float(flat.mean()) - float(image.mean())) < 12
    if sigma_px < 100:
        assert flat[:, 150:250].std() < 0.5 * image[:, 150:250].std()


def test_gamma_follows_its_formula():
    image = np.full((2, 2, 3), 64, np.uint8)
    assert correct_gamma(image, gamma=0.5)[0, 0, 0] == round(255 * (64 / 255) ** 0.5)
    np.testing.assert_array_equal(correct_gamma(image, gamma=1.0), image)


@pytest.mark.parametrize(
    ("select", "value"),
    [("red", 200), ("green", 100), ("blue", 0), ("grey", 118), ("value", 200), ("saturation", 255), ("hue", 21)],
)
def test_channels(select, value):
    image = np.full((3, 4, 3), (200, 100, 0), np.uint8)
    result = select_channels(image, select=select)
    assert result.shape == image.shape
    np.testing.assert_allclose(result.astype(int), value, atol=1)


def test_rgb_is_the_identity(noisy):
    assert select_channels(noisy, select="rgb") is noisy
