"""Run the cells of a benchmark one by one; what is done stays done."""

import contextlib
import fcntl
import json
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segan.errors import ConfigError, UsageError
from segan.experiments.cells import Cell, cell_folder, changed_keys
from segan.experiments.expectation import Timed, expect_s, show_left, show_minutes
from segan.experiments.perform import FIGURES
from segan.files import write_json
from segan.training.display import Display
from segan.training.signals import StopRequest

CELL = "cell.json"
FAILED = "failed.json"
LOG = "log.txt"

# Runs a cell in its folder, on a device; gives `None` when it is done, else how it ended.
Perform = Callable[[Cell, Path, str], str | None]


@dataclass
class Report:
    """How far a benchmark came.

    Args:
        done: Cells finished now or before.
        failed: What went wrong, by cell.
        left: Cells not begun, or begun and saved.
    """

    done: list[Cell] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: list[Cell] = field(default_factory=list)


def is_done(out: Path, cell: Cell) -> bool:
    """Tell whether a cell has its figures."""
    folder = cell_folder(out, cell)
    return (folder / FIGURES).exists() and (folder / CELL).exists()


def is_as_planned(out: Path, cell: Cell) -> bool:
    """Tell whether a cell was not begun with other settings than it has now."""
    record = cell_folder(out, cell) / CELL
    return not record.exists() or not changed_keys(_read_record(record)["cell"], cell.to_json())


def check_cells(cells: Sequence[Cell], out: Path, digests: Mapping[str, str] | None = None) -> None:
    """Refuse to go on where a cell was begun with other settings or data.

    Args:
        cells: As planned now.
        out: Folder of the benchmark.
        digests: Of the data, by name; `None` leaves the data out, for work on finished cells alone.

    Raises:
        ConfigError: Lists each such cell and what differs.
    """
    lines = []
    for cell in cells:
        record = cell_folder(out, cell) / CELL
        if not record.exists():
            continue
        before = _read_record(record)
        found = changed_keys(before["cell"], cell.to_json())
        if digests is not None and before["data"] != digests[cell.dataset]:
            found.append(f"the files in {cell.config.data.root} are not those it began with")
        lines += [f"{cell.id}: {line}" for line in found]
    if lines:
        shown = [f"  - {line}" for line in lines[:20]]
        rest = [f"  - and {len(lines) - 20} more"] if len(lines) > 20 else []
        heading = (
            f"--out {out}: cells in it were made with other settings or data. Undo the change, choose another --out, "
            "or add --redo to throw these cells away and do them again:"
        )
        raise ConfigError("\n".join([heading, *shown, *rest]))


def drop_changed(cells: Sequence[Cell], out: Path, digests: Mapping[str, str]) -> list[str]:
    """Remove the folders of cells that `check_cells` refuses, and name them."""
    dropped = []
    for cell in cells:
        try:
            check_cells([cell], out, digests)
        except ConfigError:
            _throw_away(cell_folder(out, cell))
            dropped.append(cell.id)
    return dropped


def run_cells(
    cells: Sequence[Cell],
    out: Path,
    perform: Perform,
    *,
    digests: Mapping[str, str],
    display: Display,
    stop: StopRequest,
    is_over: Callable[[], bool] = lambda: False,
    devices: Sequence[str] = ("auto",),
) -> Report:
    """Perform each cell that is not done; a failed one does not stop the rest.

    Args:
        cells: In order.
        out: Folder of the benchmark.
        perform: Runs one cell.
        digests: Of the data, by name.
        display: Where news go.
        stop: Set by a signal: nothing more is begun.
        is_over: Tells that the time is over: nothing more is begun.
        devices: Each works on one cell at a time, beside the others.
    """
    done = [cell for cell in cells if is_done(out, cell)]
    report = Report(done=list(done))
    waiting = [cell for cell in cells if cell not in done]
    todo = deque(enumerate(waiting, start=len(done) + 1))
    timed = past_times(report.done, out)
    taking = threading.Lock()
    if report.done:
        display.line(f"{len(report.done)} of {len(cells)} cells are done already")

    def work(device: str) -> None:
        while True:
            with taking:
                if not todo or stop or is_over():
                    return
                number, cell = todo.popleft()
                begin_cell(cell, out, digests[cell.dataset])
                display.line(f"{number} of {len(cells)}: {cell.id}, {_show_expected(cell, timed)}")
            start = time.monotonic()
            problem = perform(cell, cell_folder(out, cell), device)
            seconds = time.monotonic() - start
            with taking:
                if problem is None:
                    report.done.append(cell)
                    timed.append((cell, seconds))
                    left = show_left([other for _, other in todo], timed)
                    display.line(f"  {_show_score(cell, out)}; {left}")
                elif stop or is_over():
                    report.left.append(cell)
                else:
                    report.failed[cell.id] = problem
                    write_json(cell_folder(out, cell) / FAILED, {"problem": problem})
                    display.warn(f"{cell.id} failed: {problem}")

    if len(devices) == 1:
        work(devices[0])
    else:
        with ThreadPoolExecutor(len(devices)) as pool:
            for ended in [pool.submit(work, device) for device in devices]:
                ended.result()
    report.left += [cell for _, cell in todo]
    return report


def find_report(cells: Sequence[Cell], out: Path) -> Report:
    """Read how far a benchmark has come from its folder."""
    report = Report()
    for cell in cells:
        failure = cell_folder(out, cell) / FAILED
        if not is_as_planned(out, cell):
            report.failed[cell.id] = "made with other settings; run the benchmark with --redo, or undo the change"
        elif is_done(out, cell):
            report.done.append(cell)
        elif failure.exists():
            report.failed[cell.id] = json.loads(failure.read_text(encoding="utf-8"))["problem"]
        else:
            report.left.append(cell)
    return report


def begin_cell(cell: Cell, out: Path, digest: str) -> None:
    """Write what a cell is, before its first moment."""
    folder = cell_folder(out, cell)
    if folder.exists() and not (folder / CELL).exists():  # Whose they are, nobody can tell.
        _throw_away(folder)
    (folder / FAILED).unlink(missing_ok=True)
    write_json(folder / CELL, {"cell": cell.to_json(), "data": digest})


def _read_record(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _throw_away(folder: Path) -> None:
    """Remove a folder: whatever stops this, what is left of it has another name."""
    doomed = folder.with_name(f".{folder.name}.removed")
    if doomed.exists():
        shutil.rmtree(doomed)
    folder.rename(doomed)
    shutil.rmtree(doomed)


def past_times(cells: Sequence[Cell], out: Path) -> list[Timed]:
    """Read how long finished cells took."""
    timed = []
    for cell in cells:
        figures = json.loads((cell_folder(out, cell) / FIGURES).read_text(encoding="utf-8"))
        timed.append((cell, 60 * float(figures["wall_minutes"])))
    return timed


def read_cell(folder: Path) -> Cell:
    """Read what `begin_cell` wrote."""
    return Cell.from_json(_read_record(folder / CELL)["cell"])


@contextlib.contextmanager
def locked(out: Path) -> Iterator[int]:
    """Keep other benchmarks out of a folder; a cell's process that inherits the descriptor keeps them out too.

    Raises:
        UsageError: Another one is running there.
    """
    out.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(out / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"--out {out}: another benchmark is running in it, or its last cell is still saving; expected none. "
                "Wait for it, or choose another folder."
            ) from error
        yield descriptor
    finally:
        os.close(descriptor)


def _show_score(cell: Cell, out: Path) -> str:
    score = json.loads((cell_folder(out, cell) / FIGURES).read_text(encoding="utf-8"))["mean_iou"]
    return f"mean IoU {'none' if score is None else f'{score:.4f}'}"


def _show_expected(cell: Cell, timed: Sequence[Timed]) -> str:
    seconds = expect_s(cell, timed)
    return "time unknown" if seconds is None else f"about {show_minutes(seconds)}"
