"""Layers of discriminators, and the border that lets them take pictures of any size."""

import math
from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

NORMS = ("spectral", "instance", "none")
SLOPE = 0.2
_LARGEST_GROWTH = 8


def widths_of(channels: int, count: int) -> list[int]:
    """List the widths of layers, each twice the one before, up to 8 times the first.

    >>> widths_of(32, 5)
    [32, 64, 128, 256, 256]
    """
    return [channels * min(2**index, _LARGEST_GROWTH) for index in range(count)]


def convolution(
    inputs: int, outputs: int, kernel: int, stride: int, norm: str, *, std: float | None = 0.02
) -> nn.Module:
    """Make a convolution; with a kernel of 1 or 3, or of 4 and stride 2, cell i covers pixels i * stride and on.

    Args:
        inputs: Channels.
        outputs: Channels.
        kernel: Side of the kernel.
        stride: Step.
        norm: `spectral` normalises the weight; others change nothing here.
        std: Of the weights at the start, as in pix2pix; `None`: He et al. 2015, which keeps the variance.
    """
    made = nn.Conv2d(inputs, outputs, kernel, stride, padding=1 if kernel > 1 else 0)
    gain = math.sqrt(2.0 / (1.0 + SLOPE**2))
    nn.init.normal_(made.weight, std=gain / (kernel * math.sqrt(inputs)) if std is None else std)
    return spectral_norm(made) if norm == "spectral" else made


def hidden_layer(inputs: int, outputs: int, kernel: int, stride: int, norm: str, *, first: bool) -> nn.Sequential:
    """Make convolution, instance norm (where asked for, and not on the first layer) and leaky ReLU."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(conv=convolution(inputs, outputs, kernel, stride, norm))
    if norm == "instance" and not first:
        layers["norm"] = nn.InstanceNorm2d(outputs)
    layers["activation"] = nn.LeakyReLU(SLOPE)
    return nn.Sequential(layers)


def at_least(values: Tensor, minimum: int) -> Tensor:
    """Give a picture smaller than `minimum` a border of zeros all around, as the convolutions themselves do."""
    missing = [max(0, minimum - side) for side in values.shape[-2:]]
    if not any(missing):
        return values
    top, left = missing[0] // 2, missing[1] // 2
    return F.pad(values, (left, missing[1] - left, top, missing[0] - top))


def up_to_multiple(values: Tensor, multiple: int, minimum: int) -> Tensor:
    """Continue a picture by zeros at the right and the bottom, so that its cells stay where they are.

    Args:
        values: `[N, C, h, w]`.
        multiple: Of which height and width become one.
        minimum: Least height and width, itself such a multiple.
    """
    height, width = values.shape[-2:]
    wanted = [max(minimum, -(-side // multiple) * multiple) for side in (height, width)]
    if wanted == [height, width]:
        return values
    return F.pad(values, (0, wanted[1] - width, 0, wanted[0] - height))


def over(values: Tensor, seen: Tensor, continued: Tensor) -> Tensor:
    """Keep the cells that lie over a picture, in part at least, and drop those over its continuation alone.

    Args:
        values: `[N, C, h, w]`, cells over all of `continued`.
        seen: The picture, `[N, C, H, W]`.
        continued: As `up_to_multiple` made it of `seen`.
    """
    sides = zip(seen.shape[-2:], values.shape[-2:], continued.shape[-2:], strict=True)
    height, width = (-(-side * cells // whole) for side, cells, whole in sides)
    return values[..., :height, :width]
