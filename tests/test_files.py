"""Files are written whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from segan.errors import UsageError
from segan.files import (
    refuse_inside,
    remove_parts,
    write_bytes_atomically,
    write_chunks_atomically,
    write_json,
    write_text_atomically,
)


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    write_text_atomically(path, "first")
    write_text_atomically(path, "second ✓")
    assert path.read_text(encoding="utf-8") == "second ✓"
    assert [item.name for item in path.parent.iterdir()] == ["file.txt"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.bin"
    write_bytes_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_chunks_that_cannot_be_made_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.bin"
    write_chunks_atomically(path, (bytes([number]) for number in range(3)))
    assert path.read_bytes() == b"\0\1\2"
    with pytest.raises(ZeroDivisionError):
        write_chunks_atomically(path, (bytes([1 // number]) for number in (1, 0)))
    assert path.read_bytes() == b"\0\1\2"
    assert list(path.parent.iterdir()) == [path]


def test_parts_of_a_killed_process_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes_atomically(tmp_path / "whole.bin", b"whole")
    (tmp_path / ".download.part").touch()
    with monkeypatch.context() as killed:
        killed.setattr(Path, "unlink", lambda *details: None)
        killed.setattr(os, "fsync", lambda descriptor: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_bytes_atomically(tmp_path / "file.bin", b"half")
    assert len(list(tmp_path.iterdir())) == 3
    remove_parts(tmp_path)
    remove_parts(tmp_path / "missing")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".download.part", "whole.bin"]


def test_results_and_inputs_lie_apart(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    refuse_inside(tmp_path, [data, tmp_path / "a.png"], [tmp_path / "masks"])
    for place, results in ((data, []), (data / "new", []), (tmp_path, [data / "masks"])):
        with pytest.raises(
            UsageError, match=r"a place among the inputs \(.*data\) seen, expected one outside the data"
        ):
            refuse_inside(place, [out, data], results)
    with pytest.raises(UsageError, match=r"inputs \(.*x\.png\)"):
        refuse_inside(out, [out / "masks" / "sub" / "x.png"], [out / "masks"])


def test_json_refuses_what_json_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "bad.json", {"score": float("nan")})
    assert list(tmp_path.iterdir()) == []
