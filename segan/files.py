"""Write files so that a crash, a kill or a full disk never leaves half of one behind."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segan.errors import UsageError

PART_SUFFIX = ".part"
_RANDOM_NAME = "?" * 8  # What `tempfile` puts between prefix and suffix.


def refuse_inside(out: Path, inputs: Iterable[Path], results: Sequence[Path] = ()) -> None:
    """Refuse to write where inputs lie, which are never changed.

    Args:
        out: What is written, as the user named it.
        inputs: Files and folders.
        results: Folders below `out` that are written; no input may lie in one of them.

    Raises:
        UsageError: A place that is written is an input or lies in one, or an input lies in a folder of results.
    """
    written = [place.resolve() for place in (out, *results)]
    for entry in inputs:
        real = entry.resolve()
        if any(place.is_relative_to(real) for place in written) or any(map(real.is_relative_to, written[1:])):
            raise UsageError(
                f"--out {out}: a place among the inputs ({entry}) seen, expected one outside the data. Choose another."
            )


@dataclass(frozen=True)
class StagedFile:
    """A whole file on the disk that has yet to take its name.

    Args:
        path: Final name.
        temporary: Name until then, in the same folder.
    """

    path: Path
    temporary: Path

    @property
    def state(self) -> str:
        """What `file_state` will say of it under its name."""
        return file_state(self.temporary)

    def commit(self, *, flush: bool = True) -> None:
        """Take the final name in one rename.

        Args:
            flush: Flush the folder too, so that the name survives a power cut.

        Raises:
            OSError: The folder is not writable; the file is gone.
        """
        try:
            self.temporary.replace(self.path)
        except BaseException:
            self.discard()
            raise
        if flush:
            flush_folder(self.path.parent)

    def discard(self) -> None:
        """Remove it; an earlier file of its name is untouched."""
        with contextlib.suppress(OSError):
            self.temporary.unlink()


class PartFile:
    """A file that is written bit by bit under a temporary name, in the folder where it will have its own.

    What a killed process leaves of it, `remove_parts` removes.

    Args:
        path: Final name; missing parent folders are created.

    Raises:
        OSError: The folder is not writable.
    """

    def __init__(self, path: Path) -> None:
        try:
            descriptor, name = _open_temporary(path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = _open_temporary(path)
        self._staged = StagedFile(path, Path(name))
        self.stream = os.fdopen(descriptor, "wb")

    def stage(self) -> StagedFile:
        """Flush the file to the disk; all that is left to do is to give it its name.

        Raises:
            OSError: The disk is full; `discard` the file then.
        """
        with self.stream as stream:
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)
            os.fsync(stream.fileno())
        return self._staged

    def discard(self) -> None:
        """Remove the file; an earlier one of its name is untouched."""
        with contextlib.suppress(OSError):  # Of a full disk, closing tells again.
            self.stream.close()
        self._staged.discard()


def _open_temporary(path: Path) -> tuple[int, str]:
    return tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=PART_SUFFIX, dir=path.parent)


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and durably; see `write_chunks_atomically`."""
    write_chunks_atomically(path, [content])


def write_chunks_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file whole or not at all, and durably, from parts that need not be in memory together.

    Args:
        path: Final name; missing parent folders are created.
        chunks: The file in parts, in order; what they raise leaves the previous file, if any, untouched.

    Raises:
        OSError: The disk is full or the folder is not writable; the previous file, if any, is untouched.
    """
    stage_chunks(path, chunks).commit()


def stage_chunks(path: Path, chunks: Iterable[bytes]) -> StagedFile:
    """Write a file in full, flushed to the disk, under a temporary name.

    Args:
        path: Final name; missing parent folders are created.
        chunks: The file in parts, in order.

    Raises:
        OSError: The disk is full or the folder is not writable; nothing is left.
    """
    part = PartFile(path)
    try:
        part.stream.writelines(chunks)
        return part.stage()
    except BaseException:
        part.discard()
        raise


def file_state(path: Path) -> str:
    """Describe a file by size and time of change in nanoseconds, so that a change is noticed without reading it."""
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def remove_parts(folder: Path) -> None:
    """Remove what killed processes left of files in a folder; only where no other process is writing.

    Args:
        folder: Sub-folders are left alone; may be missing.
    """
    for part in folder.glob(f".*.{_RANDOM_NAME}{PART_SUFFIX}"):
        part.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the file system can."""
    with contextlib.suppress(OSError):  # Some network file systems refuse; the rename itself stands.
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text_atomically(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all; see `write_bytes_atomically`."""
    write_bytes_atomically(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # File names that are not UTF-8 hold lone surrogates; written as escapes they read back exactly.
    write_bytes_atomically(path, text.encode("utf-8", "backslashreplace"))


def sha256_hex(content: bytes | memoryview) -> str:
    """Compute the SHA-256 of `content` as 64 hexadecimal digits.

    >>> sha256_hex(b"segan")[:8]
    'fea9b52a'
    """
    return hashlib.sha256(content).hexdigest()
