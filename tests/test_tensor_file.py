"""Sealed tensor files: what was written comes back, and any change is noticed."""

import random
from pathlib import Path

import pytest
import torch

from segan.errors import CheckpointError
from segan.tensor_file import read_tensors, write_tensors


def write_example(path: Path) -> dict[str, torch.Tensor]:
    tensors = {
        "weight": torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last),
        "steps": torch.tensor(7),
        "half": torch.randn(5).bfloat16(),
        "empty": torch.zeros(0),
        "flag": torch.tensor([True, False]),
    }
    tensors["tied"] = tensors["steps"]
    write_tensors(path, tensors, {"step": 3, "name": "größe"})
    return tensors


def test_round_trip(tmp_path: Path) -> None:
    tensors = write_example(tmp_path / "a.safetensors")
    read, facts, seal = read_tensors(tmp_path / "a.safetensors")
    assert facts == {"step": 3, "name": "größe"}
    assert len(seal) == 64
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensors[name]) and read[name].dtype == tensors[name].dtype for name in tensors)


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_example(path)
    content = path.read_bytes()
    draw = random.Random(0)
    for _ in range(200):
        position = draw.randrange(len(content))
        damaged = bytearray(content)
        damaged[position] ^= 1 << draw.randrange(8)
        path.write_bytes(bytes(damaged))
        try:
            read_tensors(path)
        except CheckpointError:
            continue
        pytest.fail(f"a flipped bit at byte {position} of {len(content)} went unnoticed")


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}"])
def test_foreign_or_truncated_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged or not written by segan"):
        read_tensors(path)


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_example(path)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match="damaged"):
        read_tensors(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_tensors(tmp_path / "none.safetensors")
