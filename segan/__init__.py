"""Adversarial image segmentation that proves itself."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from segan.inference.segmenter import Segmenter

__version__ = "0.1.0"


def load(model: "str | Path", device: str = "auto") -> "Segmenter":
    """Load a trained model: `segan.load("runs/first").predict(image).mask`.

    Args:
        model: Run folder or `model.safetensors`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        UsageError: There is no such model or device.
        CheckpointError: The file is damaged.
    """
    # Imported here: the command line must answer before torch is loaded.
    from segan.inference.load import load_segmenter

    return load_segmenter(model, device)
