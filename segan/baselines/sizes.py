"""The working size of classical methods: images up to a limit as they are, larger ones reduced to it."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

# 724 x 724 pixels: bounds time and memory for any image; CamVid and the membranes stay as they are.
MAX_PX = 1 << 19

Size = tuple[int, int]


def working_size(size: Size, max_px: int = MAX_PX) -> Size:
    """Compute the size at which an image is looked at, of about the same shape.

    Args:
        size: `(height, width)` in pixels.
        max_px: Pixels at most, but for sides that would fall below 1.

    >>> working_size((360, 480)), working_size((2000, 4000), 80_000)
    ((360, 480), (200, 400))
    """
    height, width = size
    if height * width <= max_px:
        return size
    scale = math.sqrt(max_px / (height * width))
    return max(1, int(height * scale)), max(1, int(width * scale))


def reduce_image(image: NDArray[np.uint8], max_px: int = MAX_PX) -> NDArray[np.uint8]:
    """Bring an image `uint8 [H, W, 3]` to the working size, by area."""
    return resize(image, working_size((image.shape[0], image.shape[1]), max_px), cv2.INTER_AREA)


def reduce_mask(mask: NDArray[np.uint8], max_px: int = MAX_PX) -> NDArray[np.uint8]:
    """Bring a mask `uint8 [H, W]` to the working size; each pixel takes the class at its centre."""
    return resize(mask, working_size((mask.shape[0], mask.shape[1]), max_px), cv2.INTER_NEAREST_EXACT)


def resize(array: NDArray[np.uint8], size: Size, interpolation: int) -> NDArray[np.uint8]:
    """Resize to `(height, width)`; what has that size is returned as it is."""
    if array.shape[:2] == size:
        return array
    resized: NDArray[np.uint8] = cv2.resize(array, (size[1], size[0]), interpolation=interpolation)
    return resized
