"""Adversarial losses: what the discriminator and the generator minimise, over logits of the discriminator.

D(x) = sigmoid(logit) is the probability of a real pair. With softplus(x) = log(1 + exp(x)):
-log D = softplus(-logit) and -log(1 - D) = softplus(logit).
"""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from segan.losses.ignore import weighted_mean

DiscriminatorLoss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
GeneratorLoss = Callable[[Tensor, Tensor | None], Tensor]


def d_cross_entropy(real_logits: Tensor, fake_logits: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute the discriminator's cross entropy, `-log D(real) - log(1 - D(fake))`; log 4 at chance.

    Args:
        real_logits: float `[N, C, h, w]`, one channel or one for each scale.
        fake_logits: float `[N, C, h, w]`.
        weight: Weight of each logit, of the same shape; `None` for 1 each. So in every loss here.

    Source:
        Goodfellow et al. 2014, eq. 1.
    """
    real = F.softplus(-real_logits)  # -log sigmoid(logit)
    fake = F.softplus(fake_logits)  # -log(1 - sigmoid(logit))
    return weighted_mean(real, weight) + weighted_mean(fake, weight)


def g_minimax(fake_logits: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute the generator's side of the minimax game, `log(1 - D(fake))`.

    Source:
        Goodfellow et al. 2014, eq. 1; flat where the discriminator is sure.
    """
    return weighted_mean(-F.softplus(fake_logits), weight)  # log(1 - sigmoid(logit))


def g_nonsaturating(fake_logits: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute the generator's non-saturating loss, `-log D(fake)`.

    Source:
        Goodfellow et al. 2014, section 3.
    """
    return weighted_mean(F.softplus(-fake_logits), weight)  # -log sigmoid(logit)


def d_least_squares(real_logits: Tensor, fake_logits: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute the discriminator's least squares, `((real - 1)^2 + fake^2) / 2`.

    Source:
        Mao et al. 2017 (LSGAN), eq. 9 with a = 0, b = c = 1.
    """
    return 0.5 * (weighted_mean((real_logits - 1.0).square(), weight) + weighted_mean(fake_logits.square(), weight))


def g_least_squares(fake_logits: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute the generator's least squares, `(fake - 1)^2 / 2`.

    Source:
        Mao et al. 2017 (LSGAN), eq. 9 with a = 0, b = c = 1.
    """
    return 0.5 * weighted_mean((fake_logits - 1.0).square(), weight)


def d_hinge(real_logits: Tensor, fake_logits: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute the discriminator's hinge loss, `max(0, 1 - real) + max(0, 1 + fake)`.

    Source:
        Lim and Ye 2017, Geometric GAN; Miyato et al. 2018, eq. 16.
    """
    return weighted_mean(F.relu(1.0 - real_logits), weight) + weighted_mean(F.relu(1.0 + fake_logits), weight)


def g_critic(fake_logits: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute the generator's loss against a hinge discriminator or a critic, `-fake`.

    Source:
        Lim and Ye 2017; Arjovsky et al. 2017.
    """
    return weighted_mean(-fake_logits, weight)


def d_critic(real_logits: Tensor, fake_logits: Tensor, weight: Tensor | None = None) -> Tensor:
    """Compute the critic's loss, `fake - real`, to be used with `gradient_penalty`.

    Source:
        Arjovsky et al. 2017 (WGAN); Gulrajani et al. 2017, eq. 3 without its penalty.
    """
    return weighted_mean(fake_logits, weight) - weighted_mean(real_logits, weight)


ADVERSARIAL_LOSSES: dict[str, tuple[DiscriminatorLoss, GeneratorLoss]] = {
    "minimax": (d_cross_entropy, g_minimax),
    "nonsaturating": (d_cross_entropy, g_nonsaturating),
    "lsgan": (d_least_squares, g_least_squares),
    "hinge": (d_hinge, g_critic),
    "wgan-gp": (d_critic, g_critic),
}
