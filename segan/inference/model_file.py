"""A trained model as one safetensors file: weights, and as text all that prediction needs. No pickle is ever read.

A flipped bit in a weight loads without a word in any tensor format, so the file carries a SHA-256 of its tensors and
text, checked on loading.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from segan import __version__
from segan.errors import CheckpointError, UsageError
from segan.files import write_bytes_atomically

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
    sixteen_bit: str = "percentile"
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
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    text = json.dumps(asdict(meta), sort_keys=True)
    digest = _digest(plain, text)
    header = {"format": FORMAT, "meta": text, "sha256": digest}
    write_bytes_atomically(path, safetensors.torch.save(plain, header))
    return digest


def load_model_file(path: Path) -> ModelFile:
    """Read a model file and check that it is whole.

    Raises:
        CheckpointError: The file is damaged, truncated, not ours, or written by a newer format.
    """
    content = path.read_bytes()
    try:
        tensors = safetensors.torch.load(content)
        header = _read_header(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise CheckpointError(
            f"{path}: damaged or not a model file ({reason}), expected safetensors. Copy it again or use another one."
        ) from error
    if header.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: format {header.get('format')!r}, expected {FORMAT!r}. Use a file that `segan train` wrote."
        )
    text = header.get("meta", "")
    if header.get("sha256") != _digest(tensors, text):
        raise CheckpointError(
            f"{path}: damaged: its SHA-256 does not match its content. Copy it again or use another one."
        )
    try:
        meta = ModelMeta(**json.loads(text))
    except TypeError as error:
        raise CheckpointError(
            f"{path}: {error}, expected the description segan {__version__} writes. Update segan."
        ) from error
    return ModelFile(tensors, meta, header["sha256"])


def _read_header(content: bytes) -> dict[str, str]:
    """Read the text of a safetensors file: 8 bytes of length, then JSON with the entry `__metadata__`."""
    length = int.from_bytes(content[:8], "little")
    header: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    return header


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    """Compute the SHA-256 over the text and each tensor's name, type, shape and bytes, in order of names."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        # Bytes, since numpy has no bfloat16.
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
