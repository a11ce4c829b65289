"""Write the averaged generator with all that prediction needs."""

from pathlib import Path

from segan.config import Config
from segan.data.labels import Labels, dump_labels
from segan.data.preprocess import build_chain
from segan.inference.model_file import ModelMeta, save_model
from segan.training.state import TrainingState


def save_generator(path: Path, state: TrainingState, config: Config, labels: Labels) -> None:
    """Save the moving average of the generator as a model file.

    Args:
        path: Where to.
        state: The run.
        config: Its config: architecture, preprocessing and tiling.
        labels: What the masks mean.
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
        sixteen_bit=config.data.sixteen_bit,
        step=progress.step,
        score=progress.best_score if progress.best_step == progress.step else None,
    )
    save_model(path, state.ema.module.state_dict(), meta)
