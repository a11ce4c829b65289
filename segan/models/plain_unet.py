"""U-Net as in its paper: two convolutions a level, and a skip at every size, the full one included."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 1024)


class PlainUNet(nn.Module):
    """U-Net without an encoder from elsewhere; height and width of its input are multiples of `2 ** (levels - 1)`.

    Its first level works at the size of the image, where the encoders of SMP start at half of it. Unlike the paper's,
    its convolutions keep the size by zero padding and are followed by batch norm.

    Args:
        num_classes: Channels of the logits.
        dropout: Share of channels dropped before the last convolution, in 0..1.
        channels: Width of each level, from the full size down; each halves height and width.

    Source:
        Ronneberger et al. 2015, U-Net, section 2 and figure 1.
    """

    def __init__(self, num_classes: int, dropout: float = 0.0, channels: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        upward = list(pairwise(reversed(channels)))
        self.encoder = nn.ModuleList(_level(inputs, width) for inputs, width in pairwise((3, *channels)))
        self.up = nn.ModuleList(nn.ConvTranspose2d(below, width, kernel_size=2, stride=2) for below, width in upward)
        self.decoder = nn.ModuleList(_level(2 * width, width) for _, width in upward)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(channels[0], num_classes, kernel_size=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        """Compute logits `[N, K, H, W]` of an image `[N, 3, H, W]`."""
        values = self.encoder[0](image)
        skips = []
        for level in self.encoder[1:]:
            skips.append(values)
            values = level(F.max_pool2d(values, 2))
        for up, level in zip(self.up, self.decoder, strict=True):
            values = level(torch.cat([skips.pop(), up(values)], dim=1))
        logits: Tensor = self.classifier(self.dropout(values))
        return logits


def _level(inputs: int, width: int) -> nn.Sequential:
    """Stack two 3x3 convolutions, each with batch norm and ReLU; a bias before a norm would do nothing."""
    layers: list[nn.Module] = []
    for before in (inputs, width):
        layers.append(nn.Conv2d(before, width, kernel_size=3, padding=1, bias=False))
        layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
