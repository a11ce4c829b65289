"""Penalties on the discriminator's gradient by the mask it is shown.

The value of a mask is the mean of its logits, as in the adversarial losses; a single logit is its own mean.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Discriminator = Callable[[Tensor, Tensor], tuple[Tensor, Sequence[Tensor]]]


def r1_penalty(real_logits: Tensor, real_mask: Tensor) -> Tensor:
    """Compute half the squared norm of the discriminator's gradient at real masks, mean over the batch.

    The half belongs to the penalty here: with weight gamma the term is `gamma / 2 E |grad D|^2`, as in the paper.

    Args:
        real_logits: float `[N, 1, h, w]`, computed from `real_mask`.
        real_mask: float `[N, K, H, W]` that requires a gradient.

    Returns:
        Scalar with a graph to the discriminator's weights.

    Source:
        Mescheder et al. 2018, eq. 9.
    """
    return 0.5 * _gradient_by(real_mask, real_logits).square().sum(dim=1).mean()


def gradient_penalty(
    discriminator: Discriminator,
    image: Tensor,
    real_mask: Tensor,
    fake_mask: Tensor,
    rng: torch.Generator | None = None,
) -> Tensor:
    """Compute the squared distance of the critic's gradient norm from 1, between real and fake masks.

    Args:
        discriminator: `(image, mask)` to `(logits, features)`.
        image: float `[N, 3, H, W]`, the same for real and fake.
        real_mask: float `[N, K, H, W]`, cut off from its graph here.
        fake_mask: float `[N, K, H, W]`, cut off from its graph here.
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
    norm = (_gradient_by(mixed, logits).square().sum(dim=1) + 1e-12).sqrt()
    return (norm - 1.0).square().mean()


def _gradient_by(mask: Tensor, logits: Tensor) -> Tensor:
    """Compute the gradient of each mask's mean logit by that mask, `[N, K * H * W]`, itself with a graph."""
    value = logits.float().mean(dim=(1, 2, 3)).sum()
    (gradient,) = torch.autograd.grad(value, [mask], create_graph=True)
    return gradient.flatten(1)
