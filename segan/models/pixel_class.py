"""A judge of each pixel and class: an encoder and decoder that segments pairs into the true classes and "fake"."""

from collections import OrderedDict
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segan.models.discriminator_base import Discriminator, Shape
from segan.models.discriminator_layers import SLOPE, convolution, over, up_to_multiple, widths_of


class Block(nn.Module):
    """Two 3x3 convolutions beside one of 1x1; their sum is scaled so that its variance stays.

    Args:
        inputs: Channels.
        outputs: Channels.
        norm: As in `build_discriminator`.
        first: Whether it looks at the picture itself, whose brightness instance norm would take away.

    Source:
        He et al. 2016, with the shortcut of a change of width; the scale is that of Karras et al. 2020 (StyleGAN2).
    """

    def __init__(self, inputs: int, outputs: int, norm: str, *, first: bool) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for name, before in (("1", inputs), ("2", outputs)):
            layers[f"conv{name}"] = convolution(before, outputs, 3, 1, norm, std=None)
            if norm == "instance" and not first:
                layers[f"norm{name}"] = nn.InstanceNorm2d(outputs)
            layers[f"activation{name}"] = nn.LeakyReLU(SLOPE)
        self.activation = layers.pop("activation2")
        self.wide = nn.Sequential(layers)
        self.straight = convolution(inputs, outputs, 1, 1, norm, std=None)

    def forward(self, values: Tensor) -> Tensor:
        """Turn `[N, inputs, h, w]` into `[N, outputs, h, w]`."""
        changed: Tensor = self.activation((self.wide(values) + self.straight(values)) * 0.5**0.5)
        return changed


class PixelClass(Discriminator):
    """A U-Net of residual blocks with K + 1 logits for each seen pixel, `[N, K + 1, H', W']`; the last is "fake".

    Args:
        shape: What it is shown, `depth` levels below the seen pixels, and the width of the finest.

    Source:
        Schönfeld et al. 2021 (OASIS), section 3.1; the shape is that of Schönfeld et al. 2020 (U-Net GAN).
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        widths, norm = widths_of(shape.channels, shape.depth + 1), shape.norm
        self.down = nn.ModuleList(
            Block(before, after, norm, first=index == 0)
            for index, (before, after) in enumerate(pairwise([shape.inputs, *widths]))
        )
        self.up = nn.ModuleList(
            Block(below + beside, beside, norm, first=False) for below, beside in pairwise(reversed(widths))
        )
        self.last = convolution(widths[0], shape.num_classes + 1, 1, 1, norm)

    def judge(self, values: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge what is seen; the features are those of all blocks, down and up."""
        # Two cells at least on the coarsest level: instance norm needs more than one.
        depth = self.shape.depth
        continued = up_to_multiple(values, 2**depth, 2 ** (depth + 1))
        levels: list[Tensor] = []
        for block in self.down:
            levels.append(block(F.avg_pool2d(levels[-1], 2) if levels else continued))
        features = list(levels)
        for block, beside in zip(self.up, reversed(levels[:-1]), strict=True):
            below = F.interpolate(features[-1], size=beside.shape[-2:], mode="nearest-exact")
            features.append(block(torch.cat([below, beside], dim=1)))
        logits = self.last(features[-1])
        return over(logits, values, continued), [over(feature, values, continued) for feature in features]

    def field(self) -> int:
        """Compute the side of the largest square that a logit depends on, by the way through the coarsest level."""
        side = 5  # Two 3x3 convolutions.
        for _ in range(self.shape.depth):
            side = side // 2 + 1 + 4  # So many cells of the next level touch it, and two convolutions there.
        for _ in range(self.shape.depth):
            side = 2 * side + 4
        return side

    def grid(self, side: int) -> tuple[float, float, int]:
        """Place one logit in the middle of each seen pixel."""
        return 0.5, 1.0, side

    def realness(self, logits: Tensor) -> Tensor:
        """Compute the log odds of any true class against "fake", `[N, 1, h, w]`."""
        return logits[:, :-1].logsumexp(dim=1, keepdim=True) - logits[:, -1:]
