"""Discriminators of (image, mask) pairs: one family from single pixels over patches to the whole image.

Each takes `(image [N, 3, H, W], mask_probs [N, K, H, W])` and returns `(logits [N, 1, h, w], features)`: the logits are
high where the pair looks real, the features are one `[N, C, h, w]` for each hidden layer. None has batch norm: the
statistics of a batch of only real or only fake pairs would tell which of the two it is.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from segan.models.names import unknown_name
from segan.models.shrink import shrink, whole_factor

NORMS = ("spectral", "instance", "none")
_LARGEST_GROWTH = 8


class Discriminator(nn.Module):
    """Convolutions over image and mask together.

    Args:
        hidden: Layers whose outputs are the features.
        last: From the last features to one channel.
        input_scale: Factor by which image and mask are averaged down first, above 0 and up to 1.
        minimum: Least height and width after that, in pixels; smaller inputs get a border of zeros.
        whole_image: Whether features are averaged over the image before `last`.
    """

    def __init__(
        self,
        hidden: list[nn.Sequential],
        last: nn.Module,
        *,
        input_scale: float,
        minimum: int,
        whole_image: bool = False,
    ) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(hidden)
        self.last = last
        self.input_scale = input_scale
        self.minimum = minimum
        self.whole_image = whole_image

    def forward(self, image: Tensor, mask_probs: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge pairs.

        Args:
            image: float `[N, 3, H, W]`, normalised as for the generator.
            mask_probs: float `[N, K, H, W]` in 0..1.

        Returns:
            Logits `[N, 1, h, w]` and the features of each hidden layer `[N, C, h, w]`.
        """
        # Joined first, so that image and mask go through the very same averaging and border.
        values = _at_least(shrink(torch.cat([image, mask_probs], dim=1), self.input_scale), self.minimum)
        features = []
        for layer in self.hidden:
            values = layer(values)
            features.append(values)
        if self.whole_image:
            values = values.mean(dim=(2, 3), keepdim=True)
        return self.last(values), features


def build_discriminator(
    kind: str,
    *,
    num_classes: int,
    depth: int = 3,
    channels: int = 32,
    norm: str = "spectral",
    input_scale: float = 1.0,
) -> Discriminator:
    """Build a discriminator from the table.

    Args:
        kind: Key of `DISCRIMINATORS`.
        num_classes: Channels of the mask.
        depth: Stride-2 convolutions, 1 at least; hidden layers in all where `kind` is `pixel`.
        channels: Width of the first layer; it doubles with each further one, up to 8 times.
        norm: `spectral` (Miyato et al. 2018, on every layer), `instance` (not on the first and the last) or `none`.
        input_scale: Factor by which image and mask are averaged down first, above 0 and up to 1.

    Raises:
        ConfigError: Unknown `kind` or `norm`.

    Source:
        Isola et al. 2017 (pix2pix), appendix 6.1.2.
    """
    if kind not in DISCRIMINATORS:
        raise unknown_name("discriminator.kind", kind, DISCRIMINATORS)
    if norm not in NORMS:
        raise unknown_name("discriminator.norm", norm, NORMS)
    return DISCRIMINATORS[kind](3 + num_classes, depth, channels, norm, input_scale)


def receptive_field_px(discriminator: Discriminator) -> int | None:
    """Compute the side of the square of input pixels that one logit depends on.

    Rounded up where `input_scale` is no whole fraction; `None` for a discriminator that judges the whole image.
    """
    if discriminator.whole_image:
        return None
    field = 1
    convolutions = [module for module in discriminator.modules() if isinstance(module, nn.Conv2d)]
    for convolution in reversed(convolutions):
        field = (field - 1) * convolution.stride[0] + convolution.kernel_size[0]
    factor = whole_factor(discriminator.input_scale)
    return field * factor if factor else math.ceil(field / discriminator.input_scale)


def _patch(
    inputs: int, depth: int, channels: int, norm: str, input_scale: float, *, whole_image: bool = False
) -> Discriminator:
    widths = [inputs, *_widths(channels, depth + 1)]
    strides = [2] * depth + [1]
    hidden = [
        _hidden_layer(widths[index], widths[index + 1], 4, stride, norm, first=index == 0)
        for index, stride in enumerate(strides)
    ]
    kernel = 1 if whole_image else 4
    last = _convolution(widths[-1], 1, kernel, 1, norm)
    # Three cells before the two stride-1 convolutions, each of which takes one away, leave one logit.
    return Discriminator(hidden, last, input_scale=input_scale, minimum=3 * 2**depth, whole_image=whole_image)


def _pixel(inputs: int, depth: int, channels: int, norm: str, input_scale: float) -> Discriminator:
    widths = [inputs, *_widths(channels, depth)]
    hidden = [
        _hidden_layer(before, after, 1, 1, norm, first=index == 0)
        for index, (before, after) in enumerate(pairwise(widths))
    ]
    # Instance norm needs more than one pixel.
    return Discriminator(hidden, _convolution(widths[-1], 1, 1, 1, norm), input_scale=input_scale, minimum=2)


def _widths(channels: int, count: int) -> list[int]:
    return [channels * min(2**index, _LARGEST_GROWTH) for index in range(count)]


def _hidden_layer(inputs: int, outputs: int, kernel: int, stride: int, norm: str, *, first: bool) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(conv=_convolution(inputs, outputs, kernel, stride, norm))
    if norm == "instance" and not first:
        layers["norm"] = nn.InstanceNorm2d(outputs)
    layers["activation"] = nn.LeakyReLU(0.2)
    return nn.Sequential(layers)


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, norm: str) -> nn.Module:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=1 if kernel > 1 else 0)
    nn.init.normal_(convolution.weight, std=0.02)
    return spectral_norm(convolution) if norm == "spectral" else convolution


def _at_least(values: Tensor, minimum: int) -> Tensor:
    """Give a picture smaller than `minimum` a border of zeros, as the convolutions themselves do."""
    missing = [max(0, minimum - side) for side in values.shape[-2:]]
    if not any(missing):
        return values
    top, left = missing[0] // 2, missing[1] // 2
    return F.pad(values, (left, missing[1] - left, top, missing[0] - top))


DISCRIMINATORS: dict[str, Callable[[int, int, int, str, float], Discriminator]] = {
    "patch": _patch,
    "pixel": _pixel,
    "image": partial(_patch, whole_image=True),
}
