"""What a step minimises: the losses with their weights, chosen once before the run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

PixelLoss = Callable[[Tensor, Tensor], tuple[Tensor, dict[str, Tensor]]]


@dataclass(frozen=True)
class Objective:
    """Losses of a run.

    Args:
        pixel: `(logits [N, K, H, W], target [N, H, W])` to the weighted sum and its parts.
        adversarial: Key of `SIGNALS`.
        adversarial_weight: Weight of the generator's adversarial term after the ramp; 0 is the pixel-only mode.
        feature_matching_weight: Weight of feature matching after the ramp.
        real_masks: Key of `REAL_MASKS`, the treatment of true and predicted masks before the discriminator.
        r1_weight: Weight of the R1 penalty.
        gradient_penalty_weight: Weight of the gradient penalty, used by `wgan-gp` alone.
        penalty_every_steps: Penalties are taken at every so many of the discriminator's steps and weighted up to match.
        discriminator_every_steps: The discriminator learns every so many adversarial steps.
        adversarial_balance: `fixed`, or `gradient`: the weight is a ratio of gradient norms.
        adversarial_limit: Largest ratio of the norms of the adversarial and the pixel gradient; `None`: none.
        control: `none`, or a negative control: `shuffled` (true masks of other images), `frozen` (random weights).
    """

    pixel: PixelLoss
    adversarial: str = "nonsaturating"
    adversarial_weight: float = 0.0
    feature_matching_weight: float = 0.0
    real_masks: str = "matched"
    r1_weight: float = 0.0
    gradient_penalty_weight: float = 0.0
    penalty_every_steps: int = 1
    discriminator_every_steps: int = 1
    adversarial_balance: str = "fixed"
    adversarial_limit: float | None = None
    control: str = "none"


def weights_of(**weights: float) -> Mapping[str, float]:
    """Keep the losses whose weight is not zero."""
    return {name: weight for name, weight in weights.items() if weight > 0.0}
