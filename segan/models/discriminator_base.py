"""What all discriminators share: how a pair of image and mask is shown to them, and what each kind must tell.

A discriminator takes `(image [N, 3, H, W], mask_probs [N, K, H, W])` and returns `(logits [N, C, h, w], features)`: the
features are one `[N, C, h, w]` for each hidden layer. None has batch norm: the statistics of a batch of only real or
only fake pairs would tell which of the two it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segan.models.shrink import shrink


def concat(image: Tensor, mask_probs: Tensor) -> Tensor:
    """Put the channels of image and mask side by side, `[N, 3 + K, H, W]`.

    Source:
        Isola et al. 2017 (pix2pix).
    """
    return torch.cat([image, mask_probs], dim=1)


def product(image: Tensor, mask_probs: Tensor) -> Tensor:
    """Multiply the image by the probability of each class, `[N, 3 K, H, W]`: class 0 first.

    Source:
        Luc et al. 2016, the input "product"; Xue et al. 2018 (SegAN).
    """
    return (mask_probs.unsqueeze(2) * image.unsqueeze(1)).flatten(1, 2)


def mask_only(image: Tensor, mask_probs: Tensor) -> Tensor:
    """Show the mask alone, `[N, K, H, W]`: is it a likely mask of any image?

    Source:
        Hung et al. 2018 (AdvSemiSeg).
    """
    return mask_probs


INPUTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"concat": concat, "product": product, "mask": mask_only}


@dataclass(frozen=True)
class Shape:
    """How large a discriminator is and what it is shown; see `build_discriminator`."""

    num_classes: int
    depth: int = 3
    channels: int = 32
    norm: str = "spectral"
    input: str = "concat"
    input_scale: float = 1.0
    scales: int = 2

    @property
    def inputs(self) -> int:
        """Channels of what it is shown.

        >>> [Shape(5, input=name).inputs for name in INPUTS]
        [8, 15, 5]
        """
        return INPUTS[self.input](torch.empty(1, 3, 1, 1), torch.empty(1, self.num_classes, 1, 1)).shape[1]


class Discriminator(nn.Module, ABC):
    """A judge of pairs; the pixels that it sees are those of the averaged picture.

    Args:
        shape: What it is shown, and at which scale.
    """

    # Whether it says one thing of the whole image.
    whole_image = False

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, image: Tensor, mask_probs: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge pairs.

        Args:
            image: float `[N, 3, H, W]`, normalised as for the generator.
            mask_probs: float `[N, K, H, W]` in 0..1.

        Returns:
            Logits `[N, C, h, w]` and the features of each hidden layer `[N, C, h, w]`.
        """
        # Joined first, so that image and mask go through the very same averaging and border.
        return self.judge(shrink(INPUTS[self.shape.input](image, mask_probs), self.shape.input_scale))

    @abstractmethod
    def judge(self, values: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge what is seen, `[N, inputs, h, w]` of any height and width."""

    @abstractmethod
    def field(self) -> int:
        """Compute the side of the largest square of seen pixels that one logit depends on."""

    @abstractmethod
    def grid(self, side: int) -> tuple[float, float, int]:
        """Compute where the logits look along a side of so many seen pixels: first centre, step, number."""

    def realness(self, logits: Tensor) -> Tensor:
        """Turn logits `[N, C, h, w]` into one map `[N, 1, h, w]` that is high where the pair looks real."""
        return logits.mean(dim=1, keepdim=True)
