"""What a run will do, decided before its first step: length, validations, time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segan.config import Config
from segan.data.dataset import Dataset, Sample
from segan.training.health import Bands
from segan.training.schedule import count_warmup_steps

VALIDATIONS = 20
SHOWN_SAMPLES = 4

# Two logits of a pair against 1 and 0: only their discriminator's loss has a scale, log 2 at chance.
_CROSS_ENTROPIES = {"minimax", "nonsaturating"}
_WINDOWS, _LONGEST_WINDOW = 40, 200


@dataclass(frozen=True)
class Plan:
    """The length of a run and what follows from it.

    Args:
        total_steps: Optimizer steps.
        validate_every_steps: Steps between validations.
        class_pixels: int64 `[K]`, labelled pixels of each class in the training split.
        shown_samples: Samples whose predictions are drawn at each validation.
    """

    total_steps: int
    validate_every_steps: int
    class_pixels: np.ndarray
    shown_samples: tuple[Sample, ...]


def configured_steps(config: Config, train_images: int) -> int:
    """Compute the length of a run from `training.steps` or `training.epochs`."""
    if config.training.steps is not None:
        return config.training.steps
    return max(1, round((config.training.epochs or 1.0) * train_images / config.training.batch_size))


def number_of_validations(config: Config, total_steps: int) -> int:
    """Count the validations of a run of `total_steps`, with the one at the end of the warm-up of a watched run."""
    every = config.training.validate_every_steps
    on_grid = VALIDATIONS if every is None else -(-total_steps // every)
    return on_grid + (config.health.enabled and config.loss.is_adversarial)


def build_plan(config: Config, dataset: Dataset, class_pixels: np.ndarray, total_steps: int) -> Plan:
    """Fix the validations and the pictures of a run of `total_steps`."""
    every = config.training.validate_every_steps or -(-total_steps // VALIDATIONS)
    samples = dataset.samples.get("val", ()) or dataset.samples["train"]
    shown = samples[:: -(-len(samples) // SHOWN_SAMPLES)]  # Spread over the split: neighbours are often alike.
    return Plan(total_steps, every, class_pixels, tuple(shown))


def build_bands(config: Config, total_steps: int, classes: Sequence[str]) -> Bands | None:
    """Choose the bands that an adversarial run is watched by.

    Args:
        config: The run.
        total_steps: Its length.
        classes: Names of the classes.

    Returns:
        `None` where there is nothing to watch: a pixel-only run, or the watch is off.
    """
    health, loss = config.health, config.loss
    if not (health.enabled and loss.is_adversarial):
        return None
    window = health.window_steps
    if window is None:
        window = min(_LONGEST_WINDOW, max(2 * config.training.log_every_steps, total_steps // _WINDOWS))
    return Bands(
        adversarial_from=count_warmup_steps(total_steps, config.training.warmup_fraction),
        window_steps=window,
        accuracy=health.accuracy_band,
        d_loss=health.d_loss_band if loss.adversarial in _CROSS_ENTROPIES else None,
        # A ratio that was asked for is no trouble.
        gradient_ratio=health.gradient_ratio if loss.adversarial_balance == "fixed" else None,
        factor=health.factor,
        score_margin=health.score_margin,
        score_validations=health.score_validations,
        discriminator_learns=config.discriminator.control != "frozen",
        classes=tuple(classes),
    )
