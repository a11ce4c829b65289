"""From logits to the probabilities the losses share."""

import torch
import torch.nn.functional as F
from torch import Tensor


def log_softmax(logits: Tensor) -> Tensor:
    """Compute log probabilities over classes, in float32 at least.

    Args:
        logits: float `[N, K, H, W]`.
    """
    precise = torch.float64 if logits.dtype == torch.float64 else torch.float32
    return F.log_softmax(logits, dim=1, dtype=precise)


def of_true_class(values: Tensor, classes: Tensor) -> Tensor:
    """Pick the channel of each pixel's class.

    Args:
        values: `[N, K, H, W]`.
        classes: int64 `[N, H, W]`, 0..K-1.

    Returns:
        `[N, H, W]`.
    """
    return values.gather(1, classes.unsqueeze(1)).squeeze(1)
