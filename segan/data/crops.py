"""Random crops that find rare classes more often than chance does; pure functions of a generator."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.data.placement import Size, resize_image, resize_mask


@dataclass(frozen=True)
class Window:
    """A rectangle of source pixels, which may reach beyond the image."""

    top: int
    left: int
    height: int
    width: int


def rarity(pixel_counts: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute how likely each class is drawn: one over the square root of its pixels, summing to 1.

    The square root lies between drawing all classes alike and drawing the rarest nearly always. A class without a
    pixel is never drawn.

    Args:
        pixel_counts: Pixels of each class in the training split, K numbers.

    >>> rarity([90000, 100, 0]).round(3).tolist()
    [0.032, 0.968, 0.0]
    """
    counts = np.asarray(pixel_counts, np.float64)
    weights = np.where(counts > 0, 1.0 / np.sqrt(np.maximum(counts, 1.0)), 0.0)
    total = weights.sum()
    return weights / total if total > 0 else weights


def draw_scale(generator: np.random.Generator, smallest: float, largest: float) -> float:
    """Draw a scale, log-uniformly, so that doubling is as likely as halving."""
    return float(np.exp(generator.uniform(np.log(smallest), np.log(largest))))


def draw_window(
    generator: np.random.Generator,
    mask: NDArray[np.uint8],
    size: Size,
    scale: float,
    *,
    class_probabilities: NDArray[np.float64],
    rare_share: float,
) -> Window:
    """Draw where to crop.

    Args:
        generator: Source of all randomness.
        mask: Class indices `uint8 [H, W]`.
        size: Crop `(height, width)` in pixels after scaling.
        scale: Above 1 magnifies: the window covers `size / scale` source pixels.
        class_probabilities: From `rarity`, K numbers.
        rare_share: Probability of a crop around a pixel of a class drawn by rarity; else it lies anywhere.
    """
    height, width = max(1, round(size[0] / scale)), max(1, round(size[1] / scale))
    center = _draw_pixel(generator, mask, class_probabilities) if generator.random() < rare_share else None
    top = _draw_start(generator, mask.shape[0], height, None if center is None else center[0])
    left = _draw_start(generator, mask.shape[1], width, None if center is None else center[1])
    return Window(top, left, height, width)


def cut_window(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], window: Window, size: Size, *, fill: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut a window and resize it, and nothing outside it.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        mask: Class indices `uint8 [H, W]`.
        window: From `draw_window`; beyond the border the image is reflected.
        size: `(height, width)` of the result.
        fill: Value of the mask beyond the border.

    Returns:
        Image `uint8 [h, w, 3]` and mask `uint8 [h, w]`.
    """
    top, left = max(0, window.top), max(0, window.left)
    bottom, right = window.top + window.height, window.left + window.width
    inner_image, inner_mask = image[top:bottom, left:right], mask[top:bottom, left:right]
    pads = (top - window.top, max(0, bottom - mask.shape[0]), left - window.left, max(0, right - mask.shape[1]))
    if any(pads):
        inner_image = np.asarray(cv2.copyMakeBorder(inner_image, *pads, cv2.BORDER_REFLECT))
        inner_mask = np.asarray(cv2.copyMakeBorder(inner_mask, *pads, cv2.BORDER_CONSTANT, value=(fill,)))
    return resize_image(inner_image, size), resize_mask(inner_mask, size)


def _draw_pixel(
    generator: np.random.Generator, mask: NDArray[np.uint8], class_probabilities: NDArray[np.float64]
) -> tuple[int, int] | None:
    """Draw a class among those in the mask, then one of its pixels; `None` where no class can be drawn."""
    counts = cv2.calcHist([mask], [0], None, [256], [0, 256]).ravel()[: len(class_probabilities)]
    weights = np.where(counts > 0, class_probabilities, 0.0)
    total = weights.sum()
    if total <= 0:
        return None
    chosen = generator.choice(len(weights), p=weights / total)
    positions = np.flatnonzero(mask == chosen)
    row, column = divmod(int(positions[generator.integers(len(positions))]), mask.shape[1])
    return row, column


def _draw_start(generator: np.random.Generator, length: int, window: int, center: int | None) -> int:
    """Draw the first pixel of the window along one axis; one larger than the image is centred on it."""
    if window >= length:
        return -((window - length) // 2)
    if center is None:
        return int(generator.integers(length - window + 1))
    # The pixel lies somewhere in the middle half, so that its surroundings differ from crop to crop.
    jitter = generator.uniform(0.25, 0.75)
    return int(np.clip(center - int(jitter * window), 0, length - window))
