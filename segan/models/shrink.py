"""Make pictures smaller by averaging areas, with a gradient that is deterministic on every device."""

import torch
import torch.nn.functional as F
from torch import Tensor


def shrink(picture: Tensor, scale: float) -> Tensor:
    """Average a picture down.

    Args:
        picture: float `[N, C, H, W]`.
        scale: Factor for height and width, above 0 and up to 1.

    Returns:
        float `[N, C, h, w]`; each value is the mean of the area it covers.

    >>> shrink(torch.tensor([[[[1.0, 3.0, 5.0, 7.0]]]]), 0.5)
    tensor([[[[2., 6.]]]])
    """
    factor = whole_factor(scale)
    if factor is None:
        height, width = (max(1, round(side * scale)) for side in picture.shape[-2:])
        rows = _area_weights(picture.shape[-2], height, picture)
        columns = _area_weights(picture.shape[-1], width, picture)
        return rows @ picture @ columns.T
    if factor == 1:
        return picture
    return F.avg_pool2d(picture, factor, ceil_mode=True, count_include_pad=False)


def whole_factor(scale: float) -> int | None:
    """Tell how many pixels become one along a side; `None` where that is no whole number.

    >>> whole_factor(0.5), whole_factor(0.75)
    (2, None)
    """
    factor = round(1.0 / scale)
    return factor if abs(factor * scale - 1.0) < 1e-6 else None


def _area_weights(side: int, shorter: int, like: Tensor) -> Tensor:
    """Compute `[shorter, side]`: the share of each pixel in each cell, where `shorter` equal cells cover the side."""
    edges = torch.arange(shorter + 1, device=like.device, dtype=torch.float64) * (side / shorter)
    pixel = torch.arange(side, device=like.device, dtype=torch.float64)
    covered = torch.minimum(edges[1:, None], pixel + 1.0) - torch.maximum(edges[:-1, None], pixel)
    return (covered.clamp_min(0.0) * (shorter / side)).to(like.dtype)
