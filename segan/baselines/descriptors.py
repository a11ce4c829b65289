"""Describe regions and pixels by colour, roughness and place."""

import numpy as np
from numpy.typing import NDArray

from segan.baselines.codebook import Rows
from segan.baselines.planes import read_lab
from segan.baselines.training import Image

_PLACE_RANGE = 100.0  # The side of the image is as long as L is wide.


def describe_regions(image: Image, regions: NDArray[np.int32]) -> Rows:
    """Compute the mean colour, the spread of L and the middle of each region.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        regions: Index of the region at each pixel, 0 to R - 1, each of them somewhere.

    Returns:
        `float32 [R, 6]`: L, a, b in units of L*a*b*, standard deviation of L, and y and x, 0 to 100.
    """
    index = regions.ravel()
    sizes = np.bincount(index)
    planes = describe_pixels(image).T
    means = [np.bincount(index, plane) / sizes for plane in planes]
    spread = np.sqrt(np.maximum(np.bincount(index, planes[0].astype(np.float64) ** 2) / sizes - means[0] ** 2, 0.0))
    return np.stack([*means[:3], spread, *means[3:]], axis=1).astype(np.float32)


def describe_pixels(image: Image) -> Rows:
    """Compute the colour and the place of each pixel, row by row.

    Returns:
        `float32 [H W, 5]`: L, a, b in units of L*a*b*, and y and x, 0 to 100.
    """
    height, width = image.shape[:2]
    rows = np.empty((height, width, 5), np.float32)
    rows[..., :3] = read_lab(image)
    rows[..., 3] = _PLACE_RANGE * _centres(height)[:, None]
    rows[..., 4] = _PLACE_RANGE * _centres(width)
    return rows.reshape(height * width, 5)


def _centres(count: int) -> Rows:
    return ((np.arange(count) + 0.5) / count).astype(np.float32)
