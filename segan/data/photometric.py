"""Preprocessing that changes intensities and not geometry: `uint8 [H, W, 3]` RGB in, the same out."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def equalize_clahe(image: Image, *, clip_limit: float, tile_px: int) -> Image:
    """Equalise the lightness (L of CIELAB) in tiles, with limited contrast; colours stay.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        clip_limit: Height at which a tile's histogram is cut, in multiples of its mean.
        tile_px: Side of a tile, in pixels.

    Source:
        Zuiderveld 1994, Contrast Limited Adaptive Histogram Equalization.
    """
    height, width = image.shape[:2]
    tiles = (max(1, round(width / tile_px)), max(1, round(height / tile_px)))
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = cv2.createCLAHE(clip_limit, tiles).apply(np.ascontiguousarray(lab[:, :, 0]))
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def filter_median(image: Image, *, size: int) -> Image:
    """Replace each value by the median of a square of `size` pixels, which is odd."""
    return np.asarray(cv2.medianBlur(image, size))


def filter_bilateral(image: Image, *, diameter: int, sigma_color: float, sigma_space: float) -> Image:
    """Average neighbours that are near in space and in colour.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        diameter: Of the neighbourhood, in pixels.
        sigma_color: Standard deviation in grey levels.
        sigma_space: Standard deviation in pixels.

    Source:
        Tomasi, Manduchi 1998.
    """
    return np.asarray(cv2.bilateralFilter(image, diameter, sigma_color, sigma_space))


def denoise_nlmeans(image: Image, *, strength: float, patch_px: int, search_px: int) -> Image:
    """Average patches that look alike.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        strength: Filter strength in grey levels, for lightness and colour.
        patch_px: Side of the patches compared.
        search_px: Side of the window searched.

    Source:
        Buades, Coll, Morel 2005.
    """
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    smooth = cv2.fastNlMeansDenoisingColored(bgr, None, strength, strength, patch_px, search_px)
    return np.asarray(cv2.cvtColor(smooth, cv2.COLOR_BGR2RGB))


def flatten_illumination(image: Image, *, sigma_px: float) -> Image:
    """Divide by the brightness blurred with a large Gaussian, and keep the mean brightness.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        sigma_px: Standard deviation of the Gaussian, in pixels; well above the size of the objects.
    """
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    # A wide blur has no detail: computed on a reduced copy it costs the same for every sigma.
    reduction = max(1.0, sigma_px / 4.0)
    small_size = (max(1, round(width / reduction)), max(1, round(height / reduction)))
    small = cv2.resize(grey, small_size, interpolation=cv2.INTER_AREA).astype(np.float32)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / reduction, borderType=cv2.BORDER_REFLECT)
    light = cv2.resize(np.maximum(small, 1.0), (width, height), interpolation=cv2.INTER_LINEAR)
    gain = float(small.mean()) / light
    return np.asarray(cv2.multiply(image, cv2.merge([gain, gain, gain]), dtype=cv2.CV_8U))


def correct_gamma(image: Image, *, gamma: float) -> Image:
    """Compute `255 * (value / 255) ** gamma`; below 1 brightens."""
    table = np.rint(255.0 * (np.arange(256) / 255.0) ** gamma).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table))


# Name of a channel -> conversion from RGB, and the index in the result.
_CHANNELS: dict[str, tuple[int | None, int]] = {
    "red": (None, 0),
    "green": (None, 1),
    "blue": (None, 2),
    "hue": (cv2.COLOR_RGB2HSV_FULL, 0),
    "saturation": (cv2.COLOR_RGB2HSV_FULL, 1),
    "value": (cv2.COLOR_RGB2HSV_FULL, 2),
    "lightness": (cv2.COLOR_RGB2LAB, 0),
}


def select_channels(image: Image, *, select: str) -> Image:
    """Keep one channel, repeated three times.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        select: `rgb` (all), `grey`, `red`, `green`, `blue`, `hue`, `saturation`, `value` or `lightness`.
    """
    if select == "rgb":
        return image
    if select == "grey":
        channel = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    else:
        conversion, index = _CHANNELS[select]
        channel = cv2.extractChannel(image if conversion is None else cv2.cvtColor(image, conversion), index)
    return np.asarray(cv2.merge([channel, channel, channel]))


PHOTOMETRIC: dict[str, Callable[..., Image]] = {
    "clahe": equalize_clahe,
    "median": filter_median,
    "bilateral": filter_bilateral,
    "nlmeans": denoise_nlmeans,
    "flatten_illumination": flatten_illumination,
    "gamma": correct_gamma,
    "channels": select_channels,
}
