"""Learning rate and adversarial weight as pure functions of the step, so that a resumed run needs no state for them."""

import math


def learning_rate_factor(
    step: int, total_steps: int, *, schedule: str, poly_power: float = 0.9, lr_warmup_steps: int = 0
) -> float:
    """Compute the factor on the peak learning rate at a step.

    Args:
        step: Steps taken so far, from 0.
        total_steps: Length of the run.
        schedule: `constant`, `poly` or `cosine`.
        poly_power: Exponent of `poly`.
        lr_warmup_steps: Steps over which the rate grows linearly from zero.

    Source:
        `poly`: Chen et al. 2017 (DeepLab); `cosine`: Loshchilov and Hutter 2017, eq. 5 without restarts.

    >>> learning_rate_factor(50, 100, schedule="poly", poly_power=1.0)
    0.5
    """
    growth = min(1.0, (step + 1) / lr_warmup_steps) if lr_warmup_steps else 1.0
    progress = min(1.0, step / max(1, total_steps))
    decay = {
        "constant": 1.0,
        "poly": math.pow(1.0 - progress, poly_power),
        "cosine": 0.5 * (1.0 + math.cos(math.pi * progress)),
    }[schedule]
    return growth * decay


def count_warmup_steps(total_steps: int, warmup_fraction: float) -> int:
    """Count the steps with the pixel loss alone.

    >>> count_warmup_steps(100, 0.25)
    25
    """
    return round(warmup_fraction * total_steps)


def adversarial_factor(step: int, total_steps: int, *, warmup_fraction: float, ramp_fraction: float) -> float:
    """Compute the factor on the adversarial weight: 0 in the warm-up, then a linear ramp to 1.

    Source:
        Hung et al. 2018 (AdvSemiSeg) start the semi-supervised term at 5k of 20k steps.

    >>> [adversarial_factor(s, 100, warmup_fraction=0.2, ramp_fraction=0.1) for s in (19, 24, 40)]
    [0.0, 0.5, 1.0]
    """
    warmup_steps = count_warmup_steps(total_steps, warmup_fraction)
    if step < warmup_steps:
        return 0.0
    ramp_steps = round(ramp_fraction * total_steps)
    return min(1.0, (step - warmup_steps + 1) / max(1, ramp_steps))
