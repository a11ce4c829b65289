"""Losses that look at one pixel at a time: cross entropy, focal and L1."""

import torch
from torch import Tensor

from segan.losses.ignore import above_zero, class_or_first, valid_pixels
from segan.losses.probabilities import log_softmax, of_true_class


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
    *,
    log_probs: Tensor | None = None,
) -> Tensor:
    """Compute the mean cross entropy of labelled pixels.

    Weighted as `torch.nn.functional.cross_entropy` does: each pixel by the weight of its class, divided by the sum of
    the weights of all pixels. Written out, because torch's own has no deterministic CUDA kernel for pictures.

    Args:
        logits: float `[N, K, H, W]`.
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        class_weights: float `[K]`, not negative; `None` for 1 each.
        label_smoothing: Share of the target spread evenly over all classes, in 0..1; Szegedy et al. 2016.
        log_probs: `log_softmax(logits)`, where it is known.

    Returns:
        Scalar; 0 where no pixel has a label.
    """
    log_probs = log_softmax(logits) if log_probs is None else log_probs
    valid = valid_pixels(target)
    classes = class_or_first(target, valid)
    surprise = -of_true_class(log_probs, classes).masked_fill(~valid, 0.0)
    if class_weights is None:
        shares = valid.to(log_probs.dtype)
        everywhere = log_probs.sum(dim=1) if label_smoothing else None
    else:
        of_class = class_weights.to(log_probs.dtype)
        shares = of_class[classes].masked_fill(~valid, 0.0)
        everywhere = (log_probs * of_class[:, None, None]).sum(dim=1) if label_smoothing else None
    count = above_zero(shares.sum())
    loss = (surprise * shares).sum() / count
    if everywhere is None:
        return loss
    spread = -everywhere.masked_fill(~valid, 0.0).sum() / (count * log_probs.shape[1])
    return (1.0 - label_smoothing) * loss + label_smoothing * spread


def focal(logits: Tensor, target: Tensor, gamma: float = 2.0, *, log_probs: Tensor | None = None) -> Tensor:
    """Compute the focal loss, the mean of `-(1 - p)^gamma log p` over labelled pixels, p of the true class.

    Args:
        logits: float `[N, K, H, W]`.
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        gamma: Focusing exponent, not negative; 0 is the cross entropy.
        log_probs: `log_softmax(logits)`, where it is known.

    Returns:
        Scalar; 0 where no pixel has a label.

    Source:
        Lin et al. 2017, Focal Loss for Dense Object Detection, eq. 4.
    """
    log_probs = log_softmax(logits) if log_probs is None else log_probs
    valid = valid_pixels(target)
    log_true = of_true_class(log_probs, class_or_first(target, valid))
    # 1 - p = -expm1(log p), exact near p = 1; a slope of p^gamma at 0 may be infinite, so 0 itself is never reached.
    missing = -torch.expm1(log_true)
    focused = missing.clamp_min(1e-12).pow(gamma) * -log_true
    return focused.masked_fill(~valid, 0.0).sum() / valid.sum().clamp_min(1)


def l1(logits: Tensor, target: Tensor, *, log_probs: Tensor | None = None) -> Tensor:
    """Compute the mean absolute difference of probabilities and one-hot mask, over labelled pixels and classes.

    Args:
        logits: float `[N, K, H, W]`.
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        log_probs: `log_softmax(logits)`, where it is known.

    Returns:
        Scalar in 0..1; 0 where no pixel has a label.

    Source:
        Isola et al. 2017, eq. 3, with the mean of `torch.nn.L1Loss`.
    """
    log_probs = log_softmax(logits) if log_probs is None else log_probs
    valid = valid_pixels(target)
    true = of_true_class(log_probs, class_or_first(target, valid)).exp()
    # The true class lacks 1 - p and the others hold 1 - p together: the sum over classes is 2 (1 - p).
    differences = 2.0 * (1.0 - true) / log_probs.shape[1]
    return differences.masked_fill(~valid, 0.0).sum() / valid.sum().clamp_min(1)
