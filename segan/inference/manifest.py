"""The record of a folder prediction: a journal while it runs, `manifest.csv` when it ends.

File names need not be UTF-8: the journal is ASCII JSON, the manifest keeps a name's own bytes.
"""

import contextlib
import csv
import fcntl
import hashlib
import io
import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, Self

from segan.files import write_bytes_atomically

DONE = "ok"
FAILED = "failed"


@dataclass(frozen=True)
class Row:
    """One line of the manifest.

    Args:
        input: The image, as named on the command line or below a folder named there.
        output: The mask, relative to the output folder; empty where it failed.
        status: `ok` or `failed`.
        message: Why it failed.
        height: Of the image in pixels, as displayed.
        width: Of the image in pixels, as displayed.
        shares: Share of the pixels of each class, in [0, 1].
        quality: Mean probability of the chosen classes, in [0, 1].
        seconds: Reading, predicting and writing.
    """

    input: str
    output: str
    status: str
    message: str = ""
    height: int | None = None
    width: int | None = None
    shares: tuple[float, ...] = ()
    quality: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Entry:
    """One line of the journal: a row, and what must be unchanged for it to hold.

    Args:
        key: Identity of input and result, from `entry_key`.
        source: State of the input file, from `file_state`.
        settings: Fingerprint of the model and the options.
        row: The result.
        results: State of each file that was written, by its place below the output folder.
    """

    key: str
    source: str
    settings: str
    row: Row
    results: Mapping[str, str] = field(default_factory=dict)


def entry_key(path: Path, name: PurePath) -> str:
    """Name an input by its absolute path and the place of its results, whatever folder the command runs in."""
    return f"{name}\n{os.path.abspath(path)}"  # noqa: PTH100 - links stay as named.


def fingerprint(settings: dict[str, Any]) -> str:
    """Compute a short identity of plain values."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


class Journal:
    """Results so far, a JSON line each, appended as they come and flushed; it survives a kill at any byte.

    Args:
        folder: Holds the journals of all shards.
        name: Of the shard's own journal.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._path = folder / f"{name}.jsonl"
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        torn = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
        self._stream = self._path.open("a", encoding="ascii")
        if torn:
            self._stream.write("\n")
        self._turn = (self._folder / "tables.lock").open("a", encoding="ascii")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._turn.close()

    def append(self, entry: Entry) -> None:
        """Add a line and hand it to the operating system; threads may share the journal."""
        line = json.dumps({**vars(entry), "row": vars(entry.row)}) + "\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()

    def read(self) -> dict[str, Entry]:
        """Read the last entry for each key from the journals of all shards; lines that are torn are left out."""
        entries: dict[str, Entry] = {}
        others = [path for path in sorted(self._folder.glob("*.jsonl")) if path != self._path]
        for path in [*others, self._path]:
            if path.exists():
                found = map(_parse, path.read_bytes().splitlines())
                entries.update((entry.key, entry) for entry in found if entry is not None)
        return entries

    def read_in_turn(self) -> dict[str, Entry]:
        """Read all entries for the tables that are made of them, while other parts wait until this journal is closed.

        So of parts that end together, the last one to write its tables knows all that the others did. Where the file
        system has no locks, parts that end within the same moment may leave the tables of the one before the last.
        """
        with contextlib.suppress(OSError):  # Some network file systems have no locks.
            fcntl.flock(self._turn, fcntl.LOCK_EX)
        return self.read()


def _parse(line: bytes) -> Entry | None:
    try:
        tree = json.loads(line)
        row = Row(**{**tree["row"], "shares": tuple(tree["row"]["shares"])})
        return Entry(tree["key"], tree["source"], tree["settings"], row, dict(tree["results"]))
    except (ValueError, KeyError, TypeError):
        return None


def write_manifest(path: Path, classes: Sequence[str], rows: Iterable[Row]) -> None:
    """Write `manifest.csv` whole or not at all."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(manifest_columns(classes))
    for row in rows:
        shares = [f"{share:.6f}" for share in row.shares] or [""] * len(classes)
        quality = "" if row.quality is None else f"{row.quality:.4f}"
        start = [row.input, row.output, row.status, row.message, row.height, row.width]
        writer.writerow([*start, *shares, quality, f"{row.seconds:.3f}"])
    write_bytes_atomically(path, stream.getvalue().encode("utf-8", "surrogateescape"))


def manifest_columns(classes: Sequence[str]) -> list[str]:
    """Name the columns of `manifest.csv`.

    >>> manifest_columns(["sky"])
    ['input', 'output', 'status', 'message', 'height', 'width', 'share_sky', 'quality', 'seconds']
    """
    shares = [f"share_{name}" for name in classes]
    return ["input", "output", "status", "message", "height", "width", *shares, "quality", "seconds"]
