"""Run planned cells, each in a process of its own, on one device or on several beside one another."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segan.experiments.benchmark_file import DrawnEntry
from segan.experiments.cells import Cell
from segan.experiments.child import describe_exit, run_child
from segan.experiments.expectation import expect_s
from segan.experiments.runner import LOG, Report, check_cells, drop_changed, is_done, locked, past_times, run_cells
from segan.experiments.sources import digest_data, draw_missing, scan_data
from segan.training.display import Display
from segan.training.signals import StopRequest, listen_for_stop


@dataclass(frozen=True)
class Limits:
    """How far to go.

    Args:
        max_hours: Begin nothing after so long, and let running cells save and end; `None`: no limit.
        redo: Throw cells away that were made with other settings or data.
    """

    max_hours: float | None = None
    redo: bool = False


def split_devices(words: str) -> list[str]:
    """Read the devices of `--device`.

    >>> split_devices("cuda:0,cuda:1")
    ['cuda:0', 'cuda:1']
    """
    return [word.strip() for word in words.split(",")]


def execute_cells(
    cells: Sequence[Cell],
    chosen: Sequence[Cell],
    out: Path,
    words: Sequence[str],
    *,
    devices: Sequence[str],
    limits: Limits,
    display: Display,
) -> tuple[Report, StopRequest]:
    """Run the chosen cells.

    Args:
        cells: All of the experiment: the finished ones tell how long others take.
        chosen: Those to run.
        out: Folder of the experiment.
        words: Of the command that runs one cell, after `segan`; `--cell FOLDER --device DEVICE` follow.
        devices: `auto`, `cpu`, `cuda` or `cuda:N`, one or several; each works on a cell of its own.
        limits: How far to go.
        display: Where news go.

    Returns:
        How far it came, and whether a signal ended it.

    Raises:
        ConfigError: Cells were made with other settings or data.
        UsageError: Another experiment is running in the folder.
    """
    began = time.monotonic()

    def is_over() -> bool:
        return limits.max_hours is not None and time.monotonic() - began > 3600 * limits.max_hours

    with locked(out) as lock, listen_for_stop() as stop:

        def perform(cell: Cell, folder: Path, device: str) -> str | None:
            done = [other for other in cells if is_done(out, other)]
            expected = int(expect_s(cell, past_times(done, out)) or 60)
            start = time.monotonic()
            said = (folder / LOG).stat().st_size if (folder / LOG).exists() else 0
            # A terminal has room for one bar.
            bars = display if len(devices) == 1 else Display(quiet=True)
            with bars.bar(f"{cell.id} (seconds)", total=expected, done=0) as bar:
                code = run_child(
                    [*words, "--cell", str(folder), "--device", device],
                    folder / LOG,
                    stop=stop,
                    is_over=is_over,
                    tick=lambda: bar.advance(int(time.monotonic() - start)),
                    keep_open=[lock],
                )
            return None if code == 0 and is_done(out, cell) else describe_exit(code, folder / LOG, said)

        digests = prepare_data(chosen, display, redo=limits.redo)
        if limits.redo:
            for cell_id in drop_changed(chosen, out, digests):
                display.line(f"thrown away: {cell_id}")
        check_cells(chosen, out, digests)
        report = run_cells(
            chosen, out, perform, digests=digests, display=display, stop=stop, is_over=is_over, devices=devices
        )
    return report, stop


def prepare_data(chosen: Sequence[Cell], display: Display, *, redo: bool = False) -> dict[str, str]:
    """Draw what is to be drawn, check that every data set has a test split, and compute their digests.

    Raises:
        DataError: A data set has problems or no test split.
        UsageError: Data were drawn otherwise, and `redo` is not set.
    """
    digests = {}
    for name, cell in {cell.dataset: cell for cell in chosen}.items():
        config = cell.config
        if cell.drawn is not None:
            draw_missing(DrawnEntry.model_validate(cell.drawn), Path(config.data.root or ""), redo=redo)
        dataset = scan_data(config)
        counts = ", ".join(f"{split} {len(samples)}" for split, samples in dataset.samples.items() if samples)
        display.line(f"{name}: {counts} images; {dataset.split_source}")
        digests[name] = digest_data(config)
    return digests
