"""Adversarial image segmentation that proves itself."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from segan.inference.segmenter import Segmenter

__version__ = "0.1.0"


def load(
    model: "str | Path", device: str = "auto", *, backend: str | None = None, precision: str | None = None
) -> "Segmenter":
    """Load a model: `segan.load("runs/first").predict(image).mask`. A bundle needs neither torch nor SMP.

    Args:
        model: Run folder, `model.safetensors`, or a bundle of `segan export`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        backend: `onnx` or `openvino` for a bundle that both can run; `None`: the model's own.
        precision: `fp32`, `bf16` or `fp16`; `None`: float32, or what a bundle holds.

    Raises:
        UsageError: There is no such model, device or backend.
        CheckpointError: The file is damaged.
    """
    # Imported here: the command line must answer before torch is loaded.
    from segan.inference.load import load_segmenter

    return load_segmenter(model, device, backend=backend, precision=precision)
