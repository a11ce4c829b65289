"""Losses that compare whole regions, a class over the whole batch at a time: Dice, Tversky and Lovasz.

A class that no labelled pixel of the batch has is left out of the mean: with no true region nothing can overlap, and
pixels wrongly given to it already lower the score of their own class.
"""

import torch
from torch import Tensor

from segan.losses.ignore import above_zero, class_or_first, valid_pixels
from segan.losses.probabilities import log_softmax, of_true_class


def dice(logits: Tensor, target: Tensor, *, log_probs: Tensor | None = None) -> Tensor:
    """Compute 1 minus the soft Dice score, `2 |P and T| / (|P| + |T|)`, mean over the classes present in the batch.

    Args:
        logits: float `[N, K, H, W]`.
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        log_probs: `log_softmax(logits)`, where it is known.

    Returns:
        Scalar in 0..1; 0 where no pixel has a label.

    Source:
        Milletari et al. 2016 (V-Net), with plain instead of squared sizes below, as Drozdzal et al. 2016.
    """
    # With false positives |P| - I and false negatives |T| - I at half weight, Tversky's index is the Dice score.
    return tversky(logits, target, 0.5, log_probs=log_probs)


def tversky(logits: Tensor, target: Tensor, alpha: float = 0.3, *, log_probs: Tensor | None = None) -> Tensor:
    """Compute 1 minus the soft Tversky index, mean over the classes present in the batch.

    The index is `TP / (TP + alpha FP + beta FN)` with beta = 1 - alpha; alpha below 0.5 favours recall.

    Args:
        logits: float `[N, K, H, W]`.
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        alpha: Weight of false positives, in 0..1.
        log_probs: `log_softmax(logits)`, where it is known.

    Returns:
        Scalar in 0..1; 0 where no pixel has a label.

    Source:
        Salehi et al. 2017, Tversky loss; alpha and beta as there.
    """
    log_probs = log_softmax(logits) if log_probs is None else log_probs
    overlap, predicted, actual = _region_sizes(log_probs.exp(), target)
    false_positives, false_negatives = predicted - overlap, actual - overlap
    below = overlap + alpha * false_positives + (1.0 - alpha) * false_negatives
    # A class without a true pixel has no overlap either: its loss is 1 or 0 / 0, and neither enters the mean.
    present = (actual > 0).to(below.dtype)
    losses = (1.0 - overlap / above_zero(below)) * present
    return (losses.sum() / present.sum().clamp_min(1.0)).to(log_probs.dtype)


def _region_sizes(probs: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sum the overlap, the predicted and the true size of each class over labelled pixels, float64 `[K]` each.

    Running sums over a large batch are taken in float64: in float32 they stop growing at 2^24 pixels.
    """
    K = probs.shape[1]
    valid = valid_pixels(target)
    classes = class_or_first(target, valid)
    true = of_true_class(probs, classes).masked_fill(~valid, 0.0)
    overlap = torch.zeros(K, dtype=torch.float64, device=probs.device)
    overlap = overlap.index_add(0, classes.flatten(), true.flatten().double())
    predicted = (probs * valid.unsqueeze(1)).sum(dim=(0, 2, 3), dtype=torch.float64)
    actual = torch.bincount(target.masked_fill(~valid, K).flatten(), minlength=K + 1)[:K].double()
    return overlap, predicted, actual


def lovasz(logits: Tensor, target: Tensor, *, log_probs: Tensor | None = None) -> Tensor:
    """Compute the Lovasz-softmax loss, a convex surrogate of 1 - IoU, mean over the classes present in the batch.

    Args:
        logits: float `[N, K, H, W]`.
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        log_probs: `log_softmax(logits)`, where it is known.

    Returns:
        Scalar in 0..1; 0 where no pixel has a label.

    Source:
        Berman et al. 2018, The Lovasz-Softmax loss, algorithm 1, with the classes present.
    """
    log_probs = log_softmax(logits) if log_probs is None else log_probs
    K = log_probs.shape[1]
    valid = valid_pixels(target).flatten()
    labels = target.flatten()
    present = torch.bincount(labels[valid], minlength=K).nonzero().squeeze(1)
    if not present.numel():
        return log_probs.sum() * 0.0
    probs = log_probs.exp().transpose(0, 1).flatten(1)[present]
    truth = labels == present.unsqueeze(1)
    # Unlabelled pixels sort behind all others at -1 and are then raised to an error of 0.
    errors = (truth.to(probs.dtype) - probs).abs().masked_fill(~valid, -1.0)
    errors, order = errors.sort(dim=1, descending=True, stable=True)
    slopes = _jaccard_slopes(truth.gather(1, order)).to(probs.dtype)
    return (errors.clamp_min(0.0) * slopes).sum(dim=1).mean()


def _jaccard_slopes(truth: Tensor) -> Tensor:
    """Compute by how much each further wrong pixel raises 1 - IoU of its class.

    Args:
        truth: bool `[C, P]`, whether a pixel is of the class, in the order of falling error; each row has a true one.

    Returns:
        float64 `[C, P]`.
    """
    # Integer running sums: exact, and deterministic on every device.
    missed = truth.cumsum(dim=1)
    size = missed[:, -1:]
    union = size + (~truth).cumsum(dim=1)
    jaccard = 1.0 - (size - missed).double() / union.double()
    return torch.diff(jaccard, dim=1, prepend=jaccard.new_zeros(len(jaccard), 1))
