"""What the two networks learn from a pair of judgements; one line of a table for each adversarial loss.

The functions of `adversarial.py` look at logits alone. A signal looks at all that a discriminator returns, and at the
true labels: so losses that compare features, or ask for the class of each pixel, need no call of their own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from segan.losses.adversarial import ADVERSARIAL_LOSSES, DiscriminatorLoss, GeneratorLoss
from segan.losses.feature_matching import feature_matching, multiscale_l1
from segan.losses.per_class import accuracy_per_class, d_per_class, g_per_class
from segan.losses.real_masks import validity_map


@dataclass(frozen=True)
class Judged:
    """What a discriminator returned for a batch of pairs.

    Args:
        logits: float32 `[N, C, h, w]`.
        features: `[N, C, h, w]` for each hidden layer.
    """

    logits: Tensor
    features: Sequence[Tensor]


@dataclass(frozen=True)
class Signal:
    """One adversarial loss.

    Args:
        d_loss: `(real, fake, target)` to what the discriminator minimises.
        g_loss: `(real, fake, target)` to what the generator minimises.
        accuracy: `(real, fake, target)` to the share of patches that the discriminator tells right; 0.5 is chance, NaN
            where its logits mean nothing.
        has_logits: Whether logits say real or fake; else maps and figures of them say nothing.
    """

    d_loss: Callable[[Judged, Judged, Tensor], Tensor]
    g_loss: Callable[[Judged, Judged, Tensor], Tensor]
    accuracy: Callable[[Judged, Judged, Tensor], Tensor]
    has_logits: bool = True


def _d_of_logits(loss: DiscriminatorLoss, real: Judged, fake: Judged, target: Tensor) -> Tensor:
    return loss(real.logits, fake.logits, _validity(target, fake))


def _g_of_logits(loss: GeneratorLoss, _: Judged, fake: Judged, target: Tensor) -> Tensor:
    return loss(fake.logits, _validity(target, fake))


def _accuracy_of_logits(border: float | None, real: Judged, fake: Judged, target: Tensor) -> Tensor:
    """Compute the share of patches on the right side of a border; `None`: the middle of the two means.

    Each channel has a middle of its own: at each scale the zero of a critic is another.
    """
    with torch.no_grad():
        means = [judged.logits.mean(dim=(0, 2, 3), keepdim=True) for judged in (real, fake)]
        middle = 0.5 * (means[0] + means[1]) if border is None else border
        right = 0.5 * ((real.logits > middle).float() + (fake.logits < middle).float())
        validity = _validity(target, fake)
        return (right * validity).sum() / validity.sum().clamp_min(1e-12)


def _validity(target: Tensor, judged: Judged) -> Tensor:
    return validity_map(target, (judged.logits.shape[-2], judged.logits.shape[-1])).expand_as(judged.logits)


def _d_of_features(real: Judged, fake: Judged, target: Tensor) -> Tensor:
    return -multiscale_l1(real.features, fake.features, target)


def _g_of_features(real: Judged, fake: Judged, target: Tensor) -> Tensor:
    return feature_matching(real.features, fake.features, target)


def _no_accuracy(_: Judged, fake: Judged, target: Tensor) -> Tensor:
    return fake.logits.new_full((), math.nan)


def _d_of_classes(real: Judged, fake: Judged, target: Tensor) -> Tensor:
    return d_per_class(real.logits, fake.logits, target)


def _g_of_classes(_: Judged, fake: Judged, target: Tensor) -> Tensor:
    return g_per_class(fake.logits, target)


def _accuracy_of_classes(real: Judged, fake: Judged, target: Tensor) -> Tensor:
    return accuracy_per_class(real.logits, fake.logits, target)


# Least squares aim at 1 and 0; the zero of a critic is arbitrary.
_BORDERS: dict[str, float | None] = {"lsgan": 0.5, "wgan-gp": None}

SIGNALS: dict[str, Signal] = {
    **{
        name: Signal(
            partial(_d_of_logits, d_loss),
            partial(_g_of_logits, g_loss),
            partial(_accuracy_of_logits, _BORDERS.get(name, 0.0)),
        )
        for name, (d_loss, g_loss) in ADVERSARIAL_LOSSES.items()
    },
    "multiscale_l1": Signal(_d_of_features, _g_of_features, _no_accuracy, has_logits=False),
    "per_class": Signal(_d_of_classes, _g_of_classes, _accuracy_of_classes),
}
