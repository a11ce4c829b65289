"""Where an image lies in the network's input, and the way back to its own pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]


def resize_image(image: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize to `(height, width)`: by area averages where it shrinks, else bilinear."""
    if image.shape[:2] == size:
        return image
    shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (size[1], size[0]), interpolation=method))


def resize_mask(mask: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize class indices to `(height, width)`: the value at the nearest pixel centre."""
    if mask.shape == size:
        return mask
    return np.asarray(cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT))


@dataclass(frozen=True)
class Placement:
    """The geometry of one image: resized from `original` to `resized`, then put at `(top, left)` into `canvas`.

    All sizes are `(height, width)` in pixels.
    """

    original: Size
    resized: Size
    canvas: Size
    top: int = 0
    left: int = 0

    def place_image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize `uint8 [H, W, 3]` and fill the rest of the canvas by reflection."""
        resized = resize_image(image, self.resized)
        return resized if self._is_bare() else np.asarray(self._pad(resized, cv2.BORDER_REFLECT, 0))

    def place_mask(self, mask: NDArray[np.uint8], fill: int) -> NDArray[np.uint8]:
        """Resize class indices `uint8 [H, W]` and fill the rest of the canvas with `fill`."""
        resized = resize_mask(mask, self.resized)
        return resized if self._is_bare() else np.asarray(self._pad(resized, cv2.BORDER_CONSTANT, fill))

    def restore(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring planes over the canvas back to the original size, bilinearly.

        Args:
            planes: Logits or probabilities `float32 [K, h, w]` over the canvas.

        Returns:
            `float32 [K, H, W]` at the original size.
        """
        restored = np.empty((len(planes), *self.original), np.float32)
        for index, plane in enumerate(planes):
            restored[index] = self._restore_plane(plane)
        return restored

    def argmax_with_value(self, planes: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Find the highest plane at every original pixel; memory does not grow with the number of classes.

        Args:
            planes: Logits or probabilities `float32 [K, h, w]` over the canvas; K is 255 at most.

        Returns:
            The class `uint8 [H, W]`, the first among equals, and its value `float32 [H, W]`.
        """
        if self.resized == self.original:
            inner = self._cut(planes)
            mask = inner.argmax(axis=0).astype(np.uint8)
            return mask, np.take_along_axis(inner, mask[None].astype(np.intp), axis=0)[0]
        mask = np.zeros(self.original, np.uint8)
        best = np.array(self._restore_plane(planes[0]))
        for index in range(1, len(planes)):
            plane = self._restore_plane(planes[index])
            mask[plane > best] = index
            np.maximum(best, plane, out=best)
        return mask, best

    def _is_bare(self) -> bool:
        return self.resized == self.canvas

    def _pad(self, array: NDArray[np.uint8], border: int, fill: int) -> NDArray[np.uint8]:
        bottom = self.canvas[0] - self.top - self.resized[0]
        right = self.canvas[1] - self.left - self.resized[1]
        padded = cv2.copyMakeBorder(array, self.top, bottom, self.left, right, border, value=(fill, fill, fill))
        return np.asarray(padded)

    def _cut(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width = self.resized
        return planes[..., self.top : self.top + height, self.left : self.left + width]

    def _restore_plane(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        inner = self._cut(plane)
        if self.resized == self.original:
            return inner
        height, width = self.original
        return np.asarray(cv2.resize(inner, (width, height), interpolation=cv2.INTER_LINEAR))
