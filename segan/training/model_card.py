"""Write the averaged generator with all that prediction needs, and its discriminator beside it."""

from pathlib import Path

import torch

from segan.config import Config
from segan.data.labels import Labels, dump_labels
from segan.data.preprocess import build_chain
from segan.inference.discriminator_file import DiscriminatorMeta, discriminator_path, save_discriminator
from segan.inference.model_file import ModelMeta, save_model
from segan.training.state import TrainingState


def save_networks(path: Path, state: TrainingState, config: Config, labels: Labels) -> None:
    """Save the generator, and beside it the discriminator of the same step where the run has one.

    Args:
        path: Model file to write; `discriminator_path` names the other.
        state: The run.
        config: Its config.
        labels: What the masks mean.
    """
    seal = save_generator(path, state, config, labels)
    if state.discriminator is None or state.optimizer_d is None:
        return
    part = config.discriminator
    meta = DiscriminatorMeta(
        kind=part.kind,
        num_classes=len(labels.classes),
        depth=part.depth,
        channels=part.channels,
        norm=part.norm,
        input_scale=part.input_scale,
        adversarial=config.loss.adversarial,
        real_masks=config.loss.real_masks,
        updates=count_updates(state.optimizer_d),
        step=state.progress.step,
        model=seal,
        input=part.input,
        scales=part.scales,
    )
    save_discriminator(discriminator_path(path), state.discriminator.state_dict(), meta)


def save_generator(path: Path, state: TrainingState, config: Config, labels: Labels) -> str:
    """Save the moving average of the generator as a model file.

    Args:
        path: Where to.
        state: The run.
        config: Its config: architecture, preprocessing and tiling.
        labels: What the masks mean.

    Returns:
        SHA-256 of the content.
    """
    progress = state.progress
    meta = ModelMeta(
        architecture=config.generator.architecture,
        encoder=config.generator.encoder,
        options=config.generator.options,
        dropout=config.generator.dropout,
        labels=dump_labels(labels),
        preprocessing=build_chain(config.preprocessing).to_list(),
        tile_px=config.inference.tile_px,
        overlap=config.inference.overlap,
        tta=config.inference.tta,
        min_area_px=config.inference.min_area_px,
        sixteen_bit=config.data.sixteen_bit,
        step=progress.step,
        score=progress.best_score if progress.best_step == progress.step else None,
    )
    return save_model(path, state.ema.module.state_dict(), meta)


def count_updates(optimizer: torch.optim.Optimizer) -> int:
    """Read from an Adam optimizer how many steps it has taken; the count is part of a checkpoint."""
    return max((int(values["step"]) for values in optimizer.state.values() if "step" in values), default=0)
