import numpy as np
import pytest
from toy_folders import mask_of

from segan.data.masks import IGNORE
from segan.data.overlay import colorize, overlay

COLORS = ((0, 0, 0), (200, 100, 50))


def test_colorize():
    assert colorize(np.array([[0, 1, IGNORE]], np.uint8), COLORS).tolist() == [
        [[0, 0, 0], [200, 100, 50], [128, 128, 128]]
    ]


def test_overlay_blends_and_leaves_ignored_pixels():
    image = np.full((1, 3, 3), 100, np.uint8)
    drawn = overlay(image, np.array([[0, 1, IGNORE]], np.uint8), COLORS, alpha=0.5)
    assert drawn.tolist() == [[[50, 50, 50], [150, 100, 75], [100, 100, 100]]]
    assert (image == 100).all()
    with pytest.raises(ValueError, match=r"image \(1, 3\) and mask \(2, 2\) seen, expected one size"):
        overlay(image, mask_of([0], (2, 2)), COLORS)
