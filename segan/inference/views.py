"""The views of an image over which test-time augmentation averages, and the way back from each."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.errors import CheckpointError
from segan.inference.planes import PlaneOperations, Planes


class View(NamedTuple):
    """One way to look at an image or a tile: scaled, then transposed, then flipped.

    Args:
        scale: Factor of height and width.
        transposed: Whether height and width change places.
        axes: Axes of height, 0, and width, 1, to flip.
    """

    scale: float = 1.0
    transposed: bool = False
    axes: tuple[int, ...] = ()

    @property
    def cost(self) -> float:
        """Pixels the network sees, as a multiple of the image's."""
        return self.scale**2

    def show(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn an image `uint8 [H, W, 3]` into this view of it."""
        if self.scale != 1.0:
            height, width = (max(1, round(side * self.scale)) for side in image.shape[:2])
            # Cubic, so that thin lines stay sharp; by areas, so that a smaller picture has no false ones.
            method = cv2.INTER_AREA if self.scale < 1.0 else cv2.INTER_CUBIC
            image = np.asarray(cv2.resize(image, (width, height), interpolation=method))
        image = image.swapaxes(0, 1) if self.transposed else image
        return np.ascontiguousarray(np.flip(image, self.axes) if self.axes else image)

    def undo(self, planes: Planes, size: tuple[int, int], operations: PlaneOperations) -> Planes:
        """Bring planes `float32 [K, h, w]` over this view back to the image, whose height and width are `size`."""
        planes = operations.flip(planes, self.axes) if self.axes else planes
        planes = operations.transpose(planes) if self.transposed else planes
        return planes if tuple(planes.shape[1:]) == size else operations.resize(planes, size)


_FLIPS: tuple[tuple[int, ...], ...] = ((), (1,), (0,), (0, 1))


def mirrored_scales(scales: tuple[float, ...]) -> tuple[View, ...]:
    """List the image and its mirror at each scale."""
    return tuple(View(scale=scale, axes=axes) for scale in scales for axes in _FLIPS[:2])


# The views of each name. `d4` are the eight symmetries of the square, for pictures without an upright, such as those
# from a microscope.
TTA: dict[str, tuple[View, ...]] = {
    "none": (View(),),
    "flip": mirrored_scales((1.0,)),
    "scales": mirrored_scales((0.85, 1.0, 1.15)),
    "d4": tuple(View(transposed=transposed, axes=axes) for transposed in (False, True) for axes in _FLIPS),
}


def choose_views(stored: str, wanted: bool | None, path: Path) -> str:
    """Choose the views of a model.

    Args:
        stored: Key of `TTA` that is stored with the model.
        wanted: Whether to average over views; `None`: as stored.
        path: Of the model, for the message.

    Raises:
        CheckpointError: The stored key is none of `TTA`.
    """
    if stored not in TTA:
        raise CheckpointError(f"{path}: views {stored!r} seen, expected one of {', '.join(TTA)}. Update segan.")
    if wanted is None:
        return stored
    if not wanted:
        return "none"
    return "flip" if stored == "none" else stored
