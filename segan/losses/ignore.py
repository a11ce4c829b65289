"""Pixels without a label: they count in no loss, and the discriminator sees nothing there."""

import torch
from torch import Tensor

IGNORE = 255


def valid_pixels(target: Tensor) -> Tensor:
    """Tell which pixels carry a label.

    Args:
        target: int64 `[N, H, W]`, class indices and `IGNORE`.

    Returns:
        bool `[N, H, W]`.
    """
    return target != IGNORE


def class_or_first(target: Tensor, valid: Tensor) -> Tensor:
    """Put class 0 where there is no label, so that the target can index channels; mask the result by `valid`.

    Args:
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        valid: bool `[N, H, W]`.
    """
    return target.masked_fill(~valid, 0)


def weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Compute the mean of `values`, weighted; 0 (with a graph) where every weight is 0.

    Args:
        values: float, any shape.
        weight: float, not negative, of the same shape; `None` for the plain mean.

    >>> weighted_mean(torch.tensor([1.0, 5.0]), torch.tensor([3.0, 1.0]))
    tensor(2.)
    """
    if weight is None:
        return values.mean()
    return (values * weight).sum() / above_zero(weight.sum())


def above_zero(denominator: Tensor) -> Tensor:
    """Keep a denominator that may be 0 from turning 0 / 0 into nan; any other value passes unchanged."""
    return denominator.clamp_min(torch.finfo(denominator.dtype).tiny)
