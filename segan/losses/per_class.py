"""Judge each pixel by its class: the true one on real pairs, and one more class, "fake", on fake ones.

Logits are `[N, K + 1, h, w]`, the last channel is "fake". The paper's sum over classes, each weighted by the inverse
of its share of the pixels, is a mean over the classes of the batch here: so the terms of real and of fake pairs weigh
alike whatever the number of classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from segan.losses.ignore import above_zero, class_or_first, valid_pixels, weighted_mean
from segan.losses.probabilities import log_softmax, of_true_class


def d_per_class(real_logits: Tensor, fake_logits: Tensor, target: Tensor) -> Tensor:
    """Compute the discriminator's cross entropy: the true class on real pairs, "fake" everywhere on fake ones.

    Args:
        real_logits: float `[N, K + 1, h, w]`.
        fake_logits: float `[N, K + 1, h, w]`.
        target: int64 `[N, H, W]`, class indices and `IGNORE`.

    Returns:
        Scalar; 0 where no pixel has a label.

    Source:
        Schönfeld et al. 2021 (OASIS), the (N+1)-class loss of the discriminator.
    """
    classes, share = majority(target, real_logits)
    return _surprise(real_logits, classes, balanced(classes, share, _num_classes(real_logits))) + _surprise(
        fake_logits, torch.full_like(classes, _num_classes(fake_logits)), share
    )


def g_per_class(fake_logits: Tensor, target: Tensor) -> Tensor:
    """Compute the generator's cross entropy: the true class on fake pairs.

    Source:
        Schönfeld et al. 2021 (OASIS), that of the generator.
    """
    classes, share = majority(target, fake_logits)
    return _surprise(fake_logits, classes, balanced(classes, share, _num_classes(fake_logits)))


def accuracy_per_class(real_logits: Tensor, fake_logits: Tensor, target: Tensor) -> Tensor:
    """Compute the share of cells told right: "fake" is the largest channel on fake pairs, and not on real ones."""
    with torch.no_grad():
        _, share = majority(target, real_logits)
        called_fake = [logits.argmax(dim=1) == _num_classes(logits) for logits in (real_logits, fake_logits)]
        right = 0.5 * ((~called_fake[0]).float() + called_fake[1].float())
        return (right * share).sum() / share.sum().clamp_min(1e-12)


def majority(target: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Find the class that most labelled pixels under each logit have; of equals the first.

    Majority and not the nearest pixel: the discriminator sees the mask averaged over the same cells, where the
    majority is the largest value, and a cell whose nearest pixel has no label still has a class.

    Args:
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        logits: `[N, K + 1, h, w]`, for their number of classes and their grid.

    Returns:
        Classes int64 `[N, h, w]`, and the share of labelled pixels float32 `[N, h, w]`.
    """
    valid = valid_pixels(target)
    one_hot = F.one_hot(class_or_first(target, valid), _num_classes(logits)) * valid.unsqueeze(-1)
    shares = F.adaptive_avg_pool2d(one_hot.movedim(-1, 1).float(), (logits.shape[-2], logits.shape[-1]))
    return shares.argmax(dim=1), shares.sum(dim=1)


def balanced(classes: Tensor, share: Tensor, num_classes: int) -> Tensor:
    """Weigh cells so that each class of the batch weighs the same in all, however rare.

    Args:
        classes: int64 `[N, h, w]`.
        share: Of labelled pixels, float `[N, h, w]`.
        num_classes: K.

    Returns:
        float `[N, h, w]`; 0 where there is no label.

    >>> balanced(torch.tensor([[[0, 0, 0, 1]]]), torch.ones(1, 1, 4), 3)
    tensor([[[0.3333, 0.3333, 0.3333, 1.0000]]])
    """
    count = (F.one_hot(classes, num_classes) * share.unsqueeze(-1)).sum(dim=(0, 1, 2))
    return share / above_zero(count)[classes]


def _surprise(logits: Tensor, classes: Tensor, weight: Tensor) -> Tensor:
    """Compute the weighted mean of `-log p` of the classes `[N, h, w]`."""
    return weighted_mean(-of_true_class(log_softmax(logits), classes), weight)


def _num_classes(logits: Tensor) -> int:
    return logits.shape[1] - 1
