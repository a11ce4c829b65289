"""Write files so that a crash, a kill or a full disk never leaves half of one behind."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
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


class PartFile:
    """A file that is written bit by bit and takes its name when it is whole.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and take the final name in one
    rename; the folder is flushed too, so the name survives a power cut. What a killed process leaves of it,
    `remove_parts` removes.

    Args:
        path: Final name; missing parent folders are created.

    Raises:
        OSError: The folder is not writable.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=PART_SUFFIX, dir=path.parent)
        self._path, self._temporary = path, Path(name)
        self.stream = os.fdopen(descriptor, "wb")

    def commit(self) -> None:
        """Give the file its name, over an earlier one.

        Raises:
            OSError: The disk is full; `discard` the file then.
        """
        with self.stream as stream:
            stream.flush()
            os.fsync(stream.fileno())
        self._temporary.chmod(0o644)
        self._temporary.replace(self._path)
        flush_folder(self._path.parent)

    def discard(self) -> None:
        """Remove the file; an earlier one of its name is untouched."""
        with contextlib.suppress(OSError):  # Of a full disk, closing tells again.
            self.stream.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink()


def write_bytes_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and durably; see `PartFile`.

    Args:
        path: Final name; missing parent folders are created.
        content: The whole file.

    Raises:
        OSError: The disk is full or the folder is not writable; the previous file, if any, is untouched.
    """
    part = PartFile(path)
    try:
        part.stream.write(content)
        part.commit()
    except BaseException:
        part.discard()
        raise


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
