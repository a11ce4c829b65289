"""Penalties on the discriminator's gradient by the mask it is shown.

The value of a mask is the mean of its logits over what is labelled, as in the adversarial losses, and over scales; a
single logit is its own mean. Where there is no label the mask has no slope, and an image without any label counts
nowhere.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from segan.losses.ignore import valid_pixels
from segan.losses.real_masks import validity_map

Judge = Callable[[Tensor, Tensor], tuple[Tensor, Sequence[Tensor]]]


def r1_penalty(real_logits: Tensor, real_mask: Tensor, target: Tensor) -> Tensor:
    """Compute half the squared norm of the discriminator's gradient at real masks, mean over the batch.

    The half belongs to the penalty here: with weight gamma the term is `gamma / 2 E |grad D|^2`, as in the paper.

    Args:
        real_logits: float `[N, C, h, w]`, one channel or one for each scale, computed from `real_mask`.
        real_mask: float `[N, K, H, W]` that requires a gradient.
        target: int64 `[N, H, W]`, class indices and `IGNORE`.

    Returns:
        Scalar with a graph to the discriminator's weights.

    Source:
        Mescheder et al. 2018, eq. 9.
    """
    slopes = _gradient_by(real_mask, real_logits, target).square().sum(dim=1)
    return 0.5 * _mean_over_labelled(slopes, target)


def gradient_penalty(
    discriminator: Judge,
    image: Tensor,
    real_mask: Tensor,
    fake_mask: Tensor,
    target: Tensor,
    rng: torch.Generator | None = None,
) -> Tensor:
    """Compute the squared distance of the critic's gradient norm from 1, between real and fake masks.

    Args:
        discriminator: `(image, mask)` to `(logits, features)`.
        image: float `[N, 3, H, W]`, the same for real and fake.
        real_mask: float `[N, K, H, W]`, cut off from its graph here.
        fake_mask: float `[N, K, H, W]`, cut off from its graph here.
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        rng: Source of the random place between the two masks; `None` for torch's own.

    Returns:
        Scalar with a graph to the discriminator's weights.

    Source:
        Gulrajani et al. 2017 (WGAN-GP), eq. 3.
    """
    place = torch.rand(len(image), 1, 1, 1, generator=rng, device=real_mask.device, dtype=real_mask.dtype)
    mixed = torch.lerp(fake_mask.detach(), real_mask.detach(), place).requires_grad_()
    logits, _ = discriminator(image, mixed)
    # The root's slope at 0 is infinite; a critic that ignores the mask must not turn the weights into nan.
    norm = (_gradient_by(mixed, logits, target).square().sum(dim=1) + 1e-12).sqrt()
    return _mean_over_labelled((norm - 1.0).square(), target)


def _gradient_by(mask: Tensor, logits: Tensor, target: Tensor) -> Tensor:
    """Compute the gradient of each mask's mean logit by its labelled pixels, `[N, K * H * W]`, itself with a graph."""
    validity = validity_map(target, (logits.shape[-2], logits.shape[-1]))
    weight = validity / validity.sum(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
    value = (logits.float().mean(dim=1, keepdim=True) * weight).sum()
    (gradient,) = torch.autograd.grad(value, [mask], create_graph=True)
    return gradient.masked_fill(~valid_pixels(target).unsqueeze(1), 0.0).flatten(1)


def _mean_over_labelled(values: Tensor, target: Tensor) -> Tensor:
    """Average one value an image over the images that have a label; 0 where none has."""
    labelled = valid_pixels(target).flatten(1).any(dim=1).to(values.dtype)
    return (values * labelled).sum() / labelled.sum().clamp_min(1.0)
