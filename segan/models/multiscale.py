"""Patches of several sizes: the same discriminator on the picture and on smaller and smaller copies of it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segan.models.discriminator_base import Discriminator, Shape
from segan.models.patchgan import PatchGAN, build_patch
from segan.models.shrink import shrink


class Multiscale(Discriminator):
    """PatchGANs with weights of their own, on the seen picture averaged down by 1, 2, 4 and so on.

    Logits are `[N, S, h, w]`, one channel for each scale, finest first. Coarser ones are repeated to the finest grid,
    so that each scale weighs the same in a mean.

    Args:
        shape: What it is shown.
        parts: One for each scale, finest first.

    Source:
        Wang et al. 2018 (pix2pixHD), section 3.2, "multi-scale discriminators".
    """

    def __init__(self, shape: Shape, parts: list[PatchGAN]) -> None:
        super().__init__(shape)
        self.parts = nn.ModuleList(parts)

    def judge(self, values: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge what is seen at each scale; the features are those of all scales, finest first."""
        maps, features = [], []
        for index, part in enumerate(self._patches()):
            logits, own = part.judge(shrink(values, 0.5**index))
            maps.append(logits)
            features += own
        size = maps[0].shape[-2:]
        return torch.cat([F.interpolate(logits, size=size, mode="nearest-exact") for logits in maps], dim=1), features

    def field(self) -> int:
        """Compute the side of the square that the coarsest scale looks at."""
        coarsest: int = max(part.field() * 2**index for index, part in enumerate(self._patches()))
        return coarsest

    def grid(self, side: int) -> tuple[float, float, int]:
        """Compute where the finest scale looks, whose grid all have."""
        return self._patches()[0].grid(side)

    def _patches(self) -> list[PatchGAN]:
        return [part for part in self.parts if isinstance(part, PatchGAN)]


def build_multiscale(shape: Shape) -> Multiscale:
    """Build `scales` PatchGANs of one shape."""
    return Multiscale(shape, [build_patch(shape) for _ in range(shape.scales)])
