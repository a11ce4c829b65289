"""What a run will do, decided before its first step: length, validations, time."""

from dataclasses import dataclass

import numpy as np

from segan.config import Config
from segan.data.dataset import Dataset, Sample

VALIDATIONS = 20
SHOWN_SAMPLES = 4


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
    """Count the validations of a run of `total_steps`."""
    every = config.training.validate_every_steps
    return VALIDATIONS if every is None else -(-total_steps // every)


def build_plan(config: Config, dataset: Dataset, class_pixels: np.ndarray, total_steps: int) -> Plan:
    """Fix the validations and the pictures of a run of `total_steps`."""
    every = config.training.validate_every_steps or -(-total_steps // VALIDATIONS)
    samples = dataset.samples.get("val", ()) or dataset.samples["train"]
    shown = samples[:: -(-len(samples) // SHOWN_SAMPLES)]  # Spread over the split: neighbours are often alike.
    return Plan(total_steps, every, class_pixels, tuple(shown))
