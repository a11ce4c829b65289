"""What is done with the planes a network gives, on the processor; `torch_planes` does the same on a GPU."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

# `float32 [..., H, W]`: an array, or a tensor on a GPU. Slices, `+=` and `*` mean the same for both.
Planes = Any

# Values of one plane looked at together: few enough that planes, mask and maximum stay in the cache.
_BLOCK_PX = 32_768


class Highest(NamedTuple):
    """The highest plane at each pixel.

    Args:
        mask: Its index, the first among equals, `uint8 [H, W]` on the processor.
        mean: Mean of its values over the pixels.
    """

    mask: NDArray[np.uint8]
    mean: float


class PlaneOperations(Protocol):
    """How planes of one kind are made, turned and read."""

    def zeros(self, shape: Sequence[int]) -> Planes:
        """Make planes of zeros."""

    def place(self, array: NDArray[np.float32]) -> Planes:
        """Put an array beside the planes."""

    def flip(self, planes: Planes, axes: Sequence[int]) -> Planes:
        """Flip `[K, H, W]` along height, 0, and width, 1."""

    def transpose(self, planes: Planes) -> Planes:
        """Let height and width of `[K, H, W]` change places."""

    def resize(self, planes: Planes, size: tuple[int, int]) -> Planes:
        """Resize `[K, h, w]` bilinearly, pixel centres on pixel centres."""

    def to_array(self, planes: Planes) -> NDArray[np.float32]:
        """Bring planes to the processor."""

    def highest(self, planes: Planes) -> Highest:
        """Find the highest of `[K, H, W]` at each pixel."""


class ArrayPlanes:
    """Planes as NumPy arrays."""

    def zeros(self, shape: Sequence[int]) -> Planes:
        """Make planes of zeros."""
        return np.zeros(shape, np.float32)

    def place(self, array: NDArray[np.float32]) -> Planes:
        """Put an array beside the planes."""
        return array

    def flip(self, planes: Planes, axes: Sequence[int]) -> Planes:
        """Flip along height, 0, and width, 1."""
        return np.flip(planes, tuple(axis + 1 for axis in axes))

    def transpose(self, planes: Planes) -> Planes:
        """Let height and width change places."""
        return planes.swapaxes(1, 2)

    def resize(self, planes: Planes, size: tuple[int, int]) -> Planes:
        """Resize bilinearly."""
        resized = np.empty((len(planes), *size), np.float32)
        for plane, target in zip(planes, resized, strict=True):
            cv2.resize(np.ascontiguousarray(plane), (size[1], size[0]), dst=target, interpolation=cv2.INTER_LINEAR)
        return resized

    def to_array(self, planes: Planes) -> NDArray[np.float32]:
        """Bring planes to the processor."""
        array: NDArray[np.float32] = planes
        return array

    def highest(self, planes: Planes) -> Highest:
        """Find the highest plane at each pixel."""
        height, width = planes.shape[1:]
        index, total = np.zeros((height, width), np.uint8), 0.0
        step = max(1, _BLOCK_PX // width)
        for top in range(0, height, step):
            rows = slice(top, top + step)
            total += _highest_of_block(planes[:, rows], index[rows])
        return Highest(index, total / index.size)


def _highest_of_block(planes: NDArray[np.float32], index: NDArray[np.uint8]) -> float:
    """Write the index of the highest, over zeros, and give the sum of its values."""
    best = planes[0].copy()
    higher = np.empty(best.shape, np.bool_)
    own = higher.view(np.uint8)
    for number, plane in enumerate(planes[1:], start=1):
        np.greater(plane, best, out=higher)
        # Numbers rise, so the last that was higher is the largest. A masked copy would look at each pixel by itself.
        np.multiply(own, np.uint8(number), out=own)
        np.maximum(index, own, out=index)
        np.maximum(best, plane, out=best)
    return float(best.sum(dtype=np.float64))
