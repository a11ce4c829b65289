"""A confidence for every pixel from a wide view: coarse logits, interpolated up to what is seen."""

import torch.nn.functional as F
from torch import Tensor, nn

from segan.models.discriminator_base import Discriminator, Shape
from segan.models.discriminator_layers import convolution, hidden_layer, over, up_to_multiple, widths_of


class Confidence(Discriminator):
    """Stride-2 convolutions alone, and one logit for each seen pixel, `[N, 1, H', W']`.

    Args:
        shape: What it is shown.
        hidden: Layers of stride 2 whose outputs are the features.
        last: From the last features to one channel, of stride 2 too.

    Source:
        Hung et al. 2018 (AdvSemiSeg), section 3.2: kernels 4x4, 64, 128, 256, 512 and 1 channels, leaky ReLU of 0.2,
        no norm, bilinear upsampling. Here: `depth` 4, `channels` 64, `norm` none, `input` mask, `input_scale` 1.
    """

    def __init__(self, shape: Shape, hidden: list[nn.Sequential], last: nn.Module) -> None:
        super().__init__(shape)
        self.hidden = nn.ModuleList(hidden)
        self.last = last
        self.cell: int = 2 ** (len(hidden) + 1)

    def judge(self, values: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge what is seen; cells of the picture's continuation are dropped."""
        continued = up_to_multiple(values, self.cell, self.cell)
        features, below = [], continued
        for layer in self.hidden:
            below = layer(below)
            features.append(below)
        logits = F.interpolate(self.last(below), size=continued.shape[-2:], mode="bilinear", align_corners=False)
        return over(logits, values, continued), [over(feature, values, continued) for feature in features]

    def field(self) -> int:
        """Compute the side of the square that one logit depends on: those of two coarse cells side by side."""
        coarse = 1
        for _ in range(len(self.hidden) + 1):
            coarse = 2 * coarse + 2  # Kernel 4, stride 2.
        return coarse + self.cell

    def grid(self, side: int) -> tuple[float, float, int]:
        """Place one logit in the middle of each seen pixel."""
        return 0.5, 1.0, side


def build_confidence(shape: Shape) -> Confidence:
    """Build `depth` hidden layers of stride 2, and a last one."""
    widths = [shape.inputs, *widths_of(shape.channels, shape.depth)]
    hidden = [
        hidden_layer(widths[index], widths[index + 1], 4, 2, shape.norm, first=index == 0)
        for index in range(shape.depth)
    ]
    return Confidence(shape, hidden, convolution(widths[-1], 1, 4, 2, shape.norm))
