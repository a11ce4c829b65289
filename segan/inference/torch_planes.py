"""Planes as tensors on a GPU: all that `ArrayPlanes` does, without bringing them to the processor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from segan.inference.planes import Highest, Planes


@dataclass(frozen=True)
class TensorPlanes:
    """Planes as tensors.

    Args:
        device: Where they live.
    """

    device: torch.device

    def zeros(self, shape: Sequence[int]) -> Planes:
        """Make planes of zeros."""
        return torch.zeros(tuple(shape), device=self.device)

    def place(self, array: NDArray[np.float32]) -> Planes:
        """Put an array beside the planes."""
        return torch.from_numpy(array).to(self.device)

    def flip(self, planes: Planes, axes: Sequence[int]) -> Planes:
        """Flip along height, 0, and width, 1."""
        return planes.flip([axis + 1 for axis in axes])

    def transpose(self, planes: Planes) -> Planes:
        """Let height and width change places."""
        return planes.transpose(1, 2)

    def resize(self, planes: Planes, size: tuple[int, int]) -> Planes:
        """Resize bilinearly."""
        return F.interpolate(planes[None], size, mode="bilinear", align_corners=False)[0]

    def to_array(self, planes: Planes) -> NDArray[np.float32]:
        """Bring planes to the processor."""
        array: NDArray[np.float32] = planes.float().cpu().numpy()
        return array

    def highest(self, planes: Planes) -> Highest:
        """Find the highest plane at each pixel."""
        best, index = planes.max(dim=0)
        return Highest(index.to(torch.uint8).cpu().numpy(), float(best.mean(dtype=torch.float64)))
