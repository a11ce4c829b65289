import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import nn
from toy_models import Red, make_segmenter

from segan.explain.uncertainty import entropy_map, tta_variance_map


def test_entropy_of_uniform_is_one_and_of_certain_zero():
    for classes in (2, 5, 11):
        assert np.all(entropy_map(np.full((classes, 2, 3), 1 / classes)) == pytest.approx(1.0))
        assert np.all(entropy_map(np.eye(classes)[:, :, None]) == 0.0)


def test_entropy_equals_scipys():
    probs = np.random.default_rng(0).dirichlet([0.3] * 7, size=(4, 5)).transpose(2, 0, 1)
    np.testing.assert_allclose(entropy_map(probs), entropy(probs, base=7, axis=0), atol=1e-6)
    assert entropy_map(probs.astype(np.float16)).dtype == np.float32


def test_views_that_agree_have_no_variance():
    image = np.full((12, 16, 3), 200, np.uint8)
    spread = tta_variance_map(make_segmenter(Red()), image)
    assert spread.shape == (12, 16)
    assert spread.dtype == np.float32
    np.testing.assert_allclose(spread, 0.0, atol=1e-12)


class LeftIsCell(nn.Module):
    """The left half is `cell`, whatever the image: a mirrored view says the opposite everywhere."""

    def forward(self, image):
        left = torch.arange(image.shape[3]) < image.shape[3] / 2
        cell = torch.where(left, 50.0, -50.0).expand(1, 1, *image.shape[2:])
        return torch.cat([torch.zeros_like(cell), cell], dim=1)


def test_views_that_are_certain_and_split_have_a_half():
    for tta in ("none", "flip"):  # The model's own averaging would hide it, and is left out.
        spread = tta_variance_map(make_segmenter(LeftIsCell(), tta=tta), np.zeros((16, 32, 3), np.uint8))
        # Each class is certain in 3 of 6 views: variance 1/4 each. At the border scales differ.
        np.testing.assert_allclose(spread[:, :14], 0.5, atol=1e-6)
        np.testing.assert_allclose(spread[:, -14:], 0.5, atol=1e-6)


def test_maps_have_the_size_of_the_image():
    letterbox = {"name": "resize", "mode": "letterbox", "height": 32, "width": 32}
    image = np.random.default_rng(0).integers(0, 256, (21, 50, 3), dtype=np.uint8)
    assert tta_variance_map(make_segmenter(Red(), letterbox), image).shape == (21, 50)
