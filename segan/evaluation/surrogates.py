"""Stand-ins for predictions, made from the true labels: what a segmentation network would say, before there is one."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from segan.losses.real_masks import onehot

SHARPNESS = (1.0, 8.0)
_CELL_PX = 16


def surrogate_probs(target: Tensor, num_classes: int, generator: torch.Generator) -> Tensor:
    """Draw probabilities as a network gives them that is right nearly everywhere.

    The true labels are averaged to half the size and brought back bilinearly, as the last layers of a decoder do, so
    that edges are soft. How sure the prediction is changes from region to region: the logit of the true class leads by
    1 to 8, drawn log-uniformly. Smooth noise makes it wrong at some edges, and fine noise keeps any two pixels apart.
    Where there is no label it says something all the same.

    Args:
        target: int64 `[N, H, W]` on the CPU, class indices and `IGNORE`.
        num_classes: K, 2 at least.
        generator: Source of all randomness.

    Returns:
        float32 `[N, K, H, W]`, a distribution at each pixel.
    """
    N, H, W = target.shape
    grid = (H // _CELL_PX + 2, W // _CELL_PX + 2)
    low, high = SHARPNESS
    sharpness = low * (high / low) ** _stretch(torch.rand((N, 1, *grid), generator=generator), (H, W))
    noise = _stretch(torch.randn((N, num_classes, *grid), generator=generator), (H, W))
    fine = torch.randn((N, num_classes, H, W), generator=generator)
    # Among K classes a lead of log(K - 1) makes the true one as likely as all others together.
    lead = sharpness + math.log(num_classes - 1)
    planes, _ = onehot(target, torch.zeros(N, num_classes, H, W))
    logits = lead * _soften(planes) + 0.5 * noise + 0.1 * fine
    return logits.softmax(dim=1)


def _soften(planes: Tensor) -> Tensor:
    half = F.avg_pool2d(planes, 2, ceil_mode=True, count_include_pad=False)
    return F.interpolate(half, size=planes.shape[-2:], mode="bilinear", align_corners=False)


def _stretch(coarse: Tensor, size: tuple[int, int]) -> Tensor:
    """Spread values of a coarse grid over all pixels."""
    return F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
