"""How true and predicted masks reach the discriminator.

A one-hot mask beside soft probabilities is told apart by its sharpness alone, whatever it depicts. Each treatment turns
the true labels, int64 `[N, H, W]`, and the predicted probabilities, float `[N, K, H, W]`, into a pair `(real, fake)` of
masks `[N, K, H, W]`: the real one has no graph, the fake one carries the gradient to the prediction. Where there is no
label both are 0 in all channels, so these pixels tell nothing and receive no gradient.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from segan.losses.ignore import class_or_first, valid_pixels

Treatment = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
SHARE = 0.9


def validity_map(target: Tensor, size: tuple[int, int]) -> Tensor:
    """Compute the share of labelled pixels under each cell of a grid laid over the image.

    Args:
        target: int64 `[N, H, W]`, class indices and `IGNORE`.
        size: Height and width of the grid.

    Returns:
        float32 `[N, 1, *size]` in 0..1.
    """
    return F.adaptive_avg_pool2d(valid_pixels(target).unsqueeze(1).float(), size)


def onehot(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    """Show the true labels as they are, 1 for the true class and 0 for others, beside the probabilities.

    Source:
        Isola et al. 2017 shows real pictures so; kept for comparison.
    """
    return _hide_unlabelled(target, _one_hot(target, probs), probs)


def smooth(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    """Show 0.9 for the true class and the rest shared evenly, beside the probabilities.

    Source:
        Salimans et al. 2016, section 3.4, applied to the mask.
    """
    K = probs.shape[1]
    others = (1.0 - SHARE) / max(K - 1, 1)
    real = others + (SHARE - others) * _one_hot(target, probs)
    return _hide_unlabelled(target, real, probs)


def scaled(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    """Show the true class with its predicted probability, 0.9 at least, and the others in the prediction's proportions.

    Source:
        Luc et al. 2016, the input encoding "scaling", with tau = 0.9 as there.
    """
    guess = probs.detach()
    classes = class_or_first(target, valid_pixels(target)).unsqueeze(1)
    true = guess.gather(1, classes)
    raised = true.clamp_min(SHARE)
    # Where the true class is already above tau nothing changes, also at 1 - true = 0; below, 1 - true is above 1 - tau.
    shrink = torch.where(true < SHARE, (1.0 - raised) / (1.0 - true).clamp_min(1.0 - SHARE), 1.0)
    real = (guess * shrink).scatter(1, classes, raised)
    return _hide_unlabelled(target, real, probs)


def matched(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    """Show the true labels with the prediction's own confidences.

    At each pixel the real mask holds the same K values as the fake one, those of the predicted and of the true class
    exchanged. Values, sharpness and uncertainty thus agree exactly; only which class stands first where can tell the
    two apart, and where the prediction is right they are equal.

    Source:
        Ours, after the softened labels of Luc et al. 2016.
    """
    guess = probs.detach()
    classes = class_or_first(target, valid_pixels(target)).unsqueeze(1)
    top, predicted = guess.max(dim=1, keepdim=True)
    real = guess.scatter(1, predicted, guess.gather(1, classes)).scatter(1, classes, top)
    return _hide_unlabelled(target, real, probs)


def straight_through(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    """Show both one-hot; the fake passes its gradient on to the probabilities as if it were them.

    Source:
        Bengio et al. 2013, straight-through estimator.
    """
    hard = torch.zeros_like(probs).scatter(1, probs.argmax(dim=1, keepdim=True), 1.0)
    return _hide_unlabelled(target, _one_hot(target, probs), hard + (probs - probs.detach()))


def _one_hot(target: Tensor, probs: Tensor) -> Tensor:
    classes = class_or_first(target, valid_pixels(target)).unsqueeze(1)
    return torch.zeros_like(probs).scatter(1, classes, 1.0)


def _hide_unlabelled(target: Tensor, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    hidden = ~valid_pixels(target).unsqueeze(1)
    return real.masked_fill(hidden, 0.0), fake.masked_fill(hidden, 0.0)


REAL_MASKS: dict[str, Treatment] = {
    "matched": matched,
    "scaled": scaled,
    "smooth": smooth,
    "onehot": onehot,
    "straight_through": straight_through,
}
