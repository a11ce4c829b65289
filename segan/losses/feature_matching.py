"""Losses on the discriminator's features: the fake mask should look to it as the real one does, layer by layer."""

from collections.abc import Sequence

import torch
from torch import Tensor

from segan.losses.ignore import weighted_mean
from segan.losses.real_masks import validity_map


def feature_matching(
    real_features: Sequence[Tensor], fake_features: Sequence[Tensor], target: Tensor | None = None
) -> Tensor:
    """Compute the mean absolute difference of the discriminator's features of real and fake pairs.

    Args:
        real_features: float `[N, C, h, w]` for each layer, cut off from their graph here.
        fake_features: As many of the same shapes.
        target: int64 `[N, H, W]`; cells count by their share of labelled pixels. `None`: all count alike.

    Returns:
        Scalar, mean over layers; 0 where no pixel has a label.

    Source:
        Wang et al. 2018 (pix2pixHD), eq. 4; Salimans et al. 2016.
    """
    return multiscale_l1([real.detach() for real in real_features], fake_features, target)


def multiscale_l1(
    real_features: Sequence[Tensor], fake_features: Sequence[Tensor], target: Tensor | None = None
) -> Tensor:
    """Compute the same with the graphs of both, for a critic that makes it large by its weights.

    Args:
        real_features: float `[N, C, h, w]` for each layer.
        fake_features: As many of the same shapes.
        target: int64 `[N, H, W]`; cells count by their share of labelled pixels. `None`: all count alike.

    Returns:
        Scalar, mean over layers; 0 where no pixel has a label.

    Source:
        Xue et al. 2018 (SegAN), the multi-scale L1 loss: the mean over layers of the mean absolute error of features.
    """
    layers = []
    for real, fake in zip(real_features, fake_features, strict=True):
        difference = (fake.float() - real.float()).abs().mean(dim=1, keepdim=True)
        validity = None if target is None else validity_map(target, (fake.shape[-2], fake.shape[-1]))
        layers.append(weighted_mean(difference, validity))
    return torch.stack(layers).mean()
