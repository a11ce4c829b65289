"""Planes of an image that several methods look at."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.baselines.training import Image

Plane = NDArray[np.float32]


def read_grey(image: Image) -> Plane:
    """Compute the luma of RGB `uint8 [H, W, 3]` as `float32 [H, W]`, 0 to 255."""
    grey: Plane = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return grey


def read_lab(image: Image) -> Plane:
    """Convert RGB `uint8 [H, W, 3]` to CIE L*a*b* `float32 [H, W, 3]`, L from 0 to 100."""
    lab: Plane = cv2.cvtColor(image.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    return lab


def blur(plane: Plane, sigma_px: float) -> Plane:
    """Blur with a Gaussian of this standard deviation in pixels; 0 leaves the plane as it is."""
    if sigma_px == 0:
        return plane
    smooth: Plane = cv2.GaussianBlur(plane, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    return smooth
