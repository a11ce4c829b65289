"""What an explanation leaves on the disk: a picture of each image, its maps as numbers, and a table."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from segan.errors import UsageError
from segan.files import write_bytes_atomically
from segan.inference.manifest import DONE, FAILED


@dataclass(frozen=True)
class ExplainPlan:
    """Where results go.

    Args:
        out: Folder that takes `panels/`, `maps/` and `explain.csv`.
    """

    out: Path

    @property
    def record(self) -> Path:
        """What was asked for; where it is, the results beside it are ours."""
        return self.out / "explain.json"

    def folders(self) -> list[Path]:
        """List the folders that results are written to."""
        return [self.out / "panels", self.out / "maps"]

    def refuse_foreign(self) -> None:
        """Refuse to write over files that no explanation wrote.

        Raises:
            UsageError: A folder of results holds files, and there is no record beside it.
        """
        for folder in () if self.record.is_file() else self.folders():
            if folder.is_dir() and any(folder.iterdir()):
                raise UsageError(
                    f"--out {self.out}: {folder} holds files that segan did not write, expected an empty or a new "
                    "folder. Choose another --out."
                )

    def panel(self, name: PurePath) -> Path:
        """Name the picture of an image; `name` is its place without suffix."""
        return self.out / "panels" / name.parent / f"{name.name}.png"

    def map_file(self, map_name: str, name: PurePath) -> Path:
        """Name the file of one map of an image."""
        return self.out / "maps" / map_name / name.parent / f"{name.name}.npy"


@dataclass(frozen=True)
class Explained:
    """What became of one image.

    Args:
        input: The image, as named on the command line or below a folder named there.
        panel: Its picture, relative to the folder of results; empty where it failed.
        message: Why it failed.
        size: Height and width in pixels, as displayed.
        examined: Height and width of the picture that the maps are of.
        means: Mean of each map.
        truth: Whether a true mask was found.
    """

    input: str
    panel: str = ""
    message: str = ""
    size: tuple[int, int] = (0, 0)
    examined: tuple[int, int] = (0, 0)
    means: Mapping[str, float] | None = None
    truth: bool = False


def write_results(plan: ExplainPlan, name: PurePath, panel: bytes, maps: Mapping[str, NDArray[np.float32]]) -> None:
    """Write the maps of one image and then its picture, each whole or not at all.

    Raises:
        OSError: The disk is full or the folder is not writable.
    """
    for map_name, values in maps.items():
        stream = io.BytesIO()
        np.save(stream, values, allow_pickle=False)
        write_bytes_atomically(plan.map_file(map_name, name), stream.getvalue())
    write_bytes_atomically(plan.panel(name), panel)


def remove_results(plan: ExplainPlan, name: PurePath, maps: Iterable[str]) -> None:
    """Remove what an earlier run wrote for an image that fails now, so that nobody takes it for its own."""
    for path in (plan.panel(name), *(plan.map_file(map_name, name) for map_name in maps)):
        path.unlink(missing_ok=True)


def write_table(path: Path, maps: Sequence[str], rows: Sequence[Explained]) -> None:
    """Write `explain.csv`: a line an image, with the mean of each map."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    head = ["input", "panel", "status", "message", "height", "width", "examined_height", "examined_width"]
    writer.writerow([*head, *(f"mean_{name}" for name in maps)])
    for row in rows:
        sizes = ["" if row.message else side for side in (*row.size, *row.examined)]
        means = ["" if row.means is None else f"{row.means[name]:.6f}" for name in maps]
        writer.writerow([row.input, row.panel, FAILED if row.message else DONE, row.message, *sizes, *means])
    # File names need not be UTF-8: their own bytes are kept.
    write_bytes_atomically(path, stream.getvalue().encode("utf-8", "surrogateescape"))
