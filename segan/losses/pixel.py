"""The pixel loss: a weighted sum of terms that compare a prediction with its target pixel by pixel."""

from collections.abc import Callable, Mapping

from torch import Tensor

from segan.losses.pixelwise import cross_entropy, focal, l1
from segan.losses.probabilities import log_softmax
from segan.losses.regions import dice, lovasz, tversky

PIXEL_LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": cross_entropy,
    "dice": dice,
    "focal": focal,
    "lovasz": lovasz,
    "tversky": tversky,
    "l1": l1,
}


def pixel_loss(
    logits: Tensor,
    target: Tensor,
    *,
    weights: Mapping[str, float],
    class_weights: Tensor | None = None,
    focal_gamma: float = 2.0,
    tversky_alpha: float = 0.3,
    label_smoothing: float = 0.0,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Compute the weighted sum of the pixel losses; all of them share one softmax.

    Args:
        logits: float `[N, K, H, W]`.
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        weights: Weight of each loss by its name in `PIXEL_LOSSES`; those of weight 0 are not computed.
        class_weights: float `[K]`, weight of each class in the cross entropy.
        focal_gamma: Focusing exponent of the focal loss, not negative.
        tversky_alpha: Weight of false positives in the Tversky loss, in 0..1.
        label_smoothing: Share of the cross entropy's target spread over all classes, in 0..1.

    Returns:
        The sum, a scalar with a graph, and each part by name, unweighted and detached.
    """
    settings: dict[str, dict[str, object]] = {
        "cross_entropy": {"class_weights": class_weights, "label_smoothing": label_smoothing},
        "focal": {"gamma": focal_gamma},
        "tversky": {"alpha": tversky_alpha},
    }
    log_probs = log_softmax(logits)
    total = log_probs.new_zeros(())
    parts = {}
    for name, weight in weights.items():
        if weight != 0.0:
            part = PIXEL_LOSSES[name](logits, target, log_probs=log_probs, **settings.get(name, {}))
            total = total + weight * part
            parts[name] = part.detach()
    return total, parts
