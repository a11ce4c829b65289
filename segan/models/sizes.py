"""Let a network that wants certain sizes take images of any size."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AnySize(nn.Module):
    """A network from image to logits, at any size of image.

    The image is continued by its own reflection at the right and the bottom up to a size the network takes, and the
    logits are cut back. The network's weights keep their names, behind the prefix `network.`.

    Args:
        network: `[N, 3, H, W]` to logits `[N, K, H', W']`.
        multiple: Height and width must be a multiple of this, in pixels.
        minimum: Least height and width, in pixels, a multiple of `multiple`.
    """

    def __init__(self, network: nn.Module, *, multiple: int, minimum: int) -> None:
        super().__init__()
        self.network = network
        self.multiple = multiple
        self.minimum = minimum

    def forward(self, image: Tensor) -> Tensor:
        """Compute logits float `[N, K, H, W]` of an image float `[N, 3, H, W]`."""
        height, width = image.shape[-2:]
        padded = extend(image, (self._next(height), self._next(width)))
        logits: Tensor = self.network(padded)
        if logits.shape[-2:] != padded.shape[-2:]:
            logits = F.interpolate(logits, size=padded.shape[-2:], mode="bilinear", align_corners=False)
        return logits[..., :height, :width]

    def _next(self, side: int) -> int:
        # Traced graphs serve every size: `max` would tie them to what it finds in one. ONNX rounds quotients towards
        # zero, so no number below zero is divided.
        rounded = (side + self.multiple - 1) // self.multiple * self.multiple
        return cast(int, torch.sym_max(self.minimum, rounded))


def extend(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Continue an image to the right and the bottom by its reflection, as often as needed.

    Written with an index instead of `torch.nn.functional.pad`, which reflects once at most, cannot reflect a side of
    one pixel, and has no deterministic gradient on CUDA.

    Args:
        image: `[N, C, H, W]`.
        size: Height and width to reach, not below the image's.

    Returns:
        `[N, C, *size]`; the image itself where it has that size.

    >>> extend(torch.tensor([[[[1, 2, 3]]]]), (1, 8))
    tensor([[[[1, 2, 3, 2, 1, 2, 3, 2]]]])
    """
    for dim, side in zip((2, 3), size, strict=True):
        # A traced graph serves every size, so it reflects at every size.
        if torch.compiler.is_exporting() or image.shape[dim] != side:
            layout = torch.channels_last if _is_channels_last(image) else torch.contiguous_format
            image = image.index_select(dim, _reflection(image.shape[dim], side, image.device))
            image = image.contiguous(memory_format=layout)
    return image


def _reflection(side: int, longer: int, device: torch.device) -> Tensor:
    """List which of `side` pixels stands at each of `longer` places: 0, 1, ... side - 1, side - 2, ... 0, 1, ..."""
    # A tensor: graphs are traced for sides above 1, and would lose a plain `max`.
    period = torch.full((), 2 * (side - 1), device=device).clamp(min=1)
    place = torch.arange(longer, device=device) % period
    return torch.minimum(place, period - place)


def _is_channels_last(image: Tensor) -> bool:
    return image.is_contiguous(memory_format=torch.channels_last) and not image.is_contiguous()
