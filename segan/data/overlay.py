"""Draw masks in colour, alone or over their image."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.data.colors import Color
from segan.data.labels import IGNORE

_IGNORE_COLOR = (128, 128, 128)


def colorize(mask: NDArray[np.uint8], colors: Sequence[Color]) -> NDArray[np.uint8]:
    """Draw a mask in the colours of its classes.

    Args:
        mask: uint8 [H, W], class indices; what has no colour, as `IGNORE`, becomes grey.
        colors: One a class.

    Returns:
        uint8 [H, W, 3] RGB.
    """
    table = np.full((1, 256, 3), _IGNORE_COLOR, np.uint8)
    table[0, : len(colors)] = np.asarray(colors, np.uint8).reshape(-1, 3)
    drawn: NDArray[np.uint8] = cv2.LUT(cv2.merge([mask, mask, mask]), table)
    return drawn


def overlay(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], colors: Sequence[Color], alpha: float = 0.5
) -> NDArray[np.uint8]:
    """Lay the colours of a mask over its image; pixels with the label `IGNORE` stay as they are.

    Args:
        image: uint8 [H, W, 3] RGB.
        mask: uint8 [H, W], class indices.
        colors: One a class.
        alpha: Share of the mask's colour, 0 to 1.

    Returns:
        uint8 [H, W, 3] RGB.

    Raises:
        ValueError: Image and mask differ in size.
    """
    if image.shape[:2] != mask.shape:
        raise ValueError(f"overlay: image {image.shape[:2]} and mask {mask.shape} seen, expected one size.")
    blended: NDArray[np.uint8] = cv2.addWeighted(image, 1.0 - alpha, colorize(mask, colors), alpha, 0.0)
    ignored = mask == IGNORE
    if ignored.any():
        blended[ignored] = image[ignored]
    return blended
