"""Tensors and plain facts in one sealed file: safetensors with a SHA-256, never a pickle."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from segan.errors import CheckpointError
from segan.files import write_bytes_atomically

_FACTS = "segan"
_SEAL = "sha256"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> str:
    """Write tensors and facts whole or not at all, sealed with a SHA-256 over both.

    Args:
        path: Where to.
        tensors: By name, on any device, in any layout.
        facts: Anything JSON can hold.

    Returns:
        The seal, 64 hexadecimal digits.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One storage may serve several names (tied weights); the format wants each to own its bytes.
    seen: set[int] = set()
    for name, tensor in plain.items():
        if tensor.data_ptr() in seen and tensor.numel():
            plain[name] = tensor.clone()
        seen.add(plain[name].data_ptr())
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True)
    seal = _seal(plain, text)
    write_bytes_atomically(path, safetensors.torch.save(plain, metadata={_FACTS: text, _SEAL: seal}))
    return seal


def read_tensors(path: Path, shown: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    """Read a file of `write_tensors` and check its seal.

    Args:
        path: The file.
        shown: The path as the user typed it, for messages.

    Returns:
        Tensors by name, facts, seal.

    Raises:
        CheckpointError: The file is missing, truncated, altered or not ours.
    """
    shown = shown or str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{shown}: cannot be read ({error.strerror}), expected a model file. Check the path."
        ) from error
    try:
        tensors = safetensors.torch.load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
        text, seal = metadata[_FACTS], metadata[_SEAL]
        facts: dict[str, Any] = json.loads(text)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{shown}: damaged or not written by segan ({len(content)} bytes), expected a sealed safetensors file. "
            "Take another copy, or train again."
        ) from error
    if _seal(tensors, text) != seal:
        raise CheckpointError(
            f"{shown}: its content does not match its SHA-256, expected {seal[:12]}... The file was altered or the "
            "disk is failing: take another copy."
        )
    return tensors, facts, seal


def _seal(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()
