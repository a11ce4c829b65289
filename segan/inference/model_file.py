"""A trained model as one safetensors file: weights, and as text all that prediction needs. No pickle is ever read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from segan import __version__
from segan.data.intensity import SixteenBit
from segan.errors import CheckpointError, UsageError
from segan.tensor_file import read_tensors, write_tensors

FORMAT = "segan-model-1"
MODEL_NAME = "model.safetensors"


@dataclass(frozen=True)
class ModelMeta:
    """What prediction needs beside the weights; plain values, stored as JSON.

    Args:
        architecture: Key of `segan.models.GENERATORS`, or an SMP architecture.
        encoder: Name of the encoder.
        options: Passed on to the architecture.
        dropout: Dropout before the last layer; part of the network's structure.
        labels: Classes, colours and mapping, as `segan.data` writes them.
        preprocessing: The chain of steps, a dict each.
        tile_px: Side of the tiles of large images, in pixels.
        overlap: Least overlap of tiles, as a share of the side.
        tta: Views that are averaged, a key of `TTA`.
        min_area_px: Least area of a region by class name, in pixels; smaller ones go to what lies around them.
        sixteen_bit: How 16-bit images become 8-bit.
        step: Training step of the weights.
        score: Validation mean IoU of the weights; `None`: not validated.
        segan_version: Version that wrote the file.
    """

    architecture: str
    encoder: str
    options: dict[str, Any]
    dropout: float
    labels: dict[str, Any]
    preprocessing: list[dict[str, Any]]
    tile_px: int = 1024
    overlap: float = 0.25
    tta: str = "none"
    min_area_px: dict[str, int] = field(default_factory=dict)
    sixteen_bit: SixteenBit = "percentile"
    step: int = 0
    score: float | None = None
    segan_version: str = __version__


@dataclass(frozen=True)
class ModelFile:
    """A model file's content.

    Args:
        tensors: State of the network by name, on the CPU.
        meta: What prediction needs beside it.
        sha256: Identity of the content, 64 hexadecimal digits.
    """

    tensors: dict[str, Tensor]
    meta: ModelMeta
    sha256: str


def find_model_file(model: str | Path) -> Path:
    """Find the model file that MODEL names: the file itself, or the one in a run folder.

    Raises:
        UsageError: There is neither.
    """
    path = Path(model)
    if path.is_dir():
        if not (path / MODEL_NAME).is_file():
            raise UsageError(
                f"{model}: no {MODEL_NAME} in this folder, expected a run folder of `segan train`. "
                "Wait for the first validation of the run, or check the path."
            )
        return path / MODEL_NAME
    if not path.is_file():
        raise UsageError(f"{model}: not found, expected a run folder or a {MODEL_NAME} file. Check the path.")
    return path


def save_model(path: Path, tensors: Mapping[str, Tensor], meta: ModelMeta) -> str:
    """Write a model file whole or not at all.

    Args:
        path: Name of the file.
        tensors: State of the network, as `state_dict()` gives it.
        meta: What prediction needs beside it.

    Returns:
        SHA-256 of the content.
    """
    return write_tensors(path, tensors, {"format": FORMAT, **asdict(meta)})


def load_model_file(path: Path) -> ModelFile:
    """Read a model file and check that it is whole.

    Raises:
        CheckpointError: The file is damaged, truncated, not a model of ours, or of a later version.
    """
    tensors, facts, sha256 = read_tensors(path)
    form = facts.pop("format", None)
    if form != FORMAT:
        raise CheckpointError(f"{path}: format {form!r}, expected {FORMAT!r}. Use a {MODEL_NAME} of `segan train`.")
    try:
        meta = ModelMeta(**facts)
    except TypeError as error:
        raise CheckpointError(
            f"{path}: {error}, expected the description that segan {__version__} writes. Update segan."
        ) from error
    return ModelFile(tensors, meta, sha256)
