"""SegNet: an encoder as VGG16 and a decoder that puts values back where the encoder's pooling took them from."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512, 512)
_CONVOLUTIONS = (2, 2, 3, 3, 3)


class SegNet(nn.Module):
    """SegNet with batch norm; its input is a multiple of 32 in height and width.

    Args:
        num_classes: Channels of the logits.
        dropout: Share of channels dropped before the last convolution, in 0..1.
        channels: Width of each of the five stages.

    Source:
        Badrinarayanan et al. 2017, SegNet, section 3.
    """

    def __init__(self, num_classes: int, dropout: float = 0.0, channels: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        before = (3, *channels[:-1])
        # The decoder is the mirror image: each stage ends at the width of the stage above it.
        above = (channels[0], *channels[:-1])
        stages = list(zip(before, channels, above, _CONVOLUTIONS, strict=True))
        self.encoder = nn.ModuleList(_stage([inputs] + [width] * count) for inputs, width, _, count in stages)
        self.decoder = nn.ModuleList(_stage([width] * count + [output]) for _, width, output, count in stages)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(channels[0], num_classes, kernel_size=3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        """Compute logits `[N, K, H, W]` of an image `[N, 3, H, W]`."""
        values = image
        pooled = []
        for stage in self.encoder:
            values = stage(values)
            size = values.shape
            values, places = F.max_pool2d(values, 2, return_indices=True)
            pooled.append((places, size))
        for stage, (places, size) in zip(reversed(self.decoder), reversed(pooled), strict=True):
            values = stage(unpool(values, places, size))
        logits: Tensor = self.classifier(self.dropout(values))
        return logits

    def load_vgg16(self, tensors: Mapping[str, Tensor]) -> None:
        """Start the encoder from VGG16 with batch norm, layer by layer in their order.

        Args:
            tensors: A state of torchvision's or SMP's `vgg16_bn`; only its `features.*` are used.

        Raises:
            RuntimeError: A layer has another shape.
            ValueError: The number of layers differs.
        """
        layers = sorted({int(name.split(".")[1]) for name in tensors if name.startswith("features.")})
        modules = [module for module in self.encoder.modules() if isinstance(module, nn.Conv2d | nn.BatchNorm2d)]
        for layer, module in zip(layers, modules, strict=True):
            prefix = f"features.{layer}."
            state = {name.removeprefix(prefix): tensors[name] for name in tensors if name.startswith(prefix)}
            # Not strict: older files have no count of the batches a norm has seen.
            module.load_state_dict(state, strict=False)


def unpool(values: Tensor, places: Tensor, size: Sequence[int]) -> Tensor:
    """Put each value back at the place max pooling took it from, and 0 elsewhere.

    As `torch.nn.functional.max_unpool2d`, but deterministic on CUDA: the windows do not overlap, so no two values meet.

    Args:
        values: float `[N, C, h, w]`.
        places: int64 `[N, C, h, w]`, indices into `H * W` as `max_pool2d` returns them.
        size: `(N, C, H, W)`.

    Returns:
        float `[N, C, H, W]`.
    """
    empty = values.new_zeros(*size[:2], size[2] * size[3])
    return empty.scatter(2, places.flatten(2), values.flatten(2)).view(*size)


def _stage(widths: Sequence[int]) -> nn.Sequential:
    """Stack 3x3 convolutions with batch norm and ReLU from one width to the next."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, kernel_size=3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
