"""The views of an image over which test-time augmentation averages, and the way back from each."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor


class View(NamedTuple):
    """One way to look at a tile: scaled, then transposed, then flipped.

    Args:
        scale: Factor of height and width.
        transposed: Whether height and width change places.
        axes: Axes of `[N, C, H, W]` to flip.
    """

    scale: float = 1.0
    transposed: bool = False
    axes: tuple[int, ...] = ()

    @property
    def cost(self) -> float:
        """Pixels the network sees, as a multiple of the tile's."""
        return self.scale**2

    def show(self, image: Tensor) -> Tensor:
        """Turn an image `float32 [N, C, H, W]` into this view of it."""
        if self.scale != 1.0:
            height, width = (max(1, round(side * self.scale)) for side in image.shape[2:])
            # Cubic, so that thin lines stay sharp; antialiased, so that a smaller picture has no false ones.
            image = F.interpolate(image, (height, width), mode="bicubic", align_corners=False, antialias=True)
        image = image.transpose(2, 3) if self.transposed else image
        return image.flip(self.axes) if self.axes else image

    def undo(self, planes: Tensor, size: tuple[int, int]) -> Tensor:
        """Bring planes `float32 [N, K, h, w]` over this view back to the tile, whose height and width are `size`."""
        planes = planes.flip(self.axes) if self.axes else planes
        planes = planes.transpose(2, 3) if self.transposed else planes
        if planes.shape[2:] == size:
            return planes
        return F.interpolate(planes, size, mode="bilinear", align_corners=False)


_FLIPS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))
_SCALES = (0.85, 1.0, 1.15)

# The views of each name. `d4` are the eight symmetries of the square, for pictures without an upright, such as those
# from a microscope.
TTA: dict[str, tuple[View, ...]] = {
    "none": (View(),),
    "flip": (View(), View(axes=(3,))),
    "scales": tuple(View(scale=scale, axes=axes) for scale in _SCALES for axes in _FLIPS[:2]),
    "d4": tuple(View(transposed=transposed, axes=axes) for transposed in (False, True) for axes in _FLIPS),
}
