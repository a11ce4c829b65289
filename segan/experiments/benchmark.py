"""A benchmark from its file to its tables: plan, data, cells, results."""

import fnmatch
import shlex
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segan.errors import PartialFailureError, StoppedError, UsageError
from segan.experiments.benchmark_file import BenchmarkFile, DrawnEntry, load_benchmark
from segan.experiments.cells import BASELINE, Cell, plan_cells
from segan.experiments.child import describe_exit, run_child
from segan.experiments.expectation import expect_s
from segan.experiments.runner import LOG, Report, check_cells, drop_changed, is_done, locked, past_times, run_cells
from segan.experiments.sources import digest_data, draw_missing, name_drawn, scan_data
from segan.files import refuse_inside
from segan.models import name_generator
from segan.training.display import Display
from segan.training.run_folder import flat_keys
from segan.training.setup import set_up
from segan.training.signals import StopRequest, listen_for_stop


@dataclass(frozen=True)
class Benchmark:
    """A planned benchmark.

    Args:
        name: As the user named its file.
        file: Its content, each data set with its folder.
        cells: All of them, in the order they run.
        out: Folder of its results.
    """

    name: str
    file: BenchmarkFile
    cells: tuple[Cell, ...]
    out: Path


def plan_benchmark(name: str, out: Path, roots: Mapping[str, str], overrides: Sequence[str]) -> Benchmark:
    """Read the file and list the cells; nothing is written.

    Args:
        name: A shipped name or a path.
        out: Folder of the results.
        roots: Dataset folders by name.
        overrides: `key=value` for every network.

    Raises:
        ConfigError: Anything wrong in the file or a config.
        UsageError: OUT lies in a data set.
    """
    file = name_drawn(load_benchmark(name, roots), out)
    given = [Path(entry.root) for entry in file.datasets.values() if entry.root and entry.drawn is None]
    refuse_inside(out, given)
    return Benchmark(name, file, tuple(plan_cells(file, overrides)), out)


def select_cells(cells: Sequence[Cell], patterns: Sequence[str]) -> list[Cell]:
    """Take the cells that match a pattern, such as `camvid/*` or `*/unet-*/seed_0`; all without patterns.

    Raises:
        UsageError: A pattern matches none.
    """
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(cell.id, pattern) for cell in cells):
            raise UsageError(
                f"--only {pattern}: no cell has such a name, expected one like {cells[0].id}. See --dry-run for all."
            )
    return [cell for cell in cells if not patterns or any(fnmatch.fnmatchcase(cell.id, one) for one in patterns)]


def check_folders(chosen: Sequence[Cell], name: str) -> None:
    """Refuse cells on data sets that have no folder.

    Args:
        chosen: From `select_cells`.
        name: Of the benchmark, as the user named it.

    Raises:
        UsageError: Names the data sets.
    """
    missing = list(dict.fromkeys(cell.dataset for cell in chosen if cell.config.data.root is None))
    if missing:
        words = " ".join(f"--data {key}=DIR" for key in missing)
        raise UsageError(
            f"benchmark {name}: no folder for {', '.join(missing)}, expected one each. Add {words}, or leave them out "
            "with --only."
        )


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


def run_benchmark(
    benchmark: Benchmark,
    chosen: Sequence[Cell],
    *,
    device: str,
    max_hours: float | None,
    redo: bool,
    display: Display,
) -> tuple[Report, StopRequest]:
    """Run the chosen cells, each in a process of its own.

    Args:
        benchmark: The plan.
        chosen: From `select_cells`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        max_hours: Begin nothing after so long, and let the running cell save and end; `None`: no limit.
        redo: Throw cells away that were made with other settings or data.
        display: Where news go.

    Returns:
        How far it came, and whether a signal ended it.

    Raises:
        ConfigError: Cells were made with other settings or data.
        UsageError: Another benchmark is running in the folder.
    """
    out, began = benchmark.out, time.monotonic()

    def is_over() -> bool:
        return max_hours is not None and time.monotonic() - began > 3600 * max_hours

    with locked(out) as lock, listen_for_stop() as stop:

        def perform(cell: Cell, folder: Path) -> str | None:
            words = ["benchmark", benchmark.name, "--out", str(out), "--cell", str(folder), "--device", device]
            done = [other for other in benchmark.cells if is_done(out, other)]
            expected = int(expect_s(cell, past_times(done, out)) or 60)
            start = time.monotonic()
            said = (folder / LOG).stat().st_size if (folder / LOG).exists() else 0
            with display.bar(f"{cell.id} (seconds)", total=expected, done=0) as bar:
                code = run_child(
                    words,
                    folder / LOG,
                    stop=stop,
                    is_over=is_over,
                    tick=lambda: bar.advance(int(time.monotonic() - start)),
                    keep_open=[lock],
                )
            return None if code == 0 and is_done(out, cell) else describe_exit(code, folder / LOG, said)

        digests = prepare_data(chosen, display, redo=redo)
        if redo:
            for cell_id in drop_changed(chosen, out, digests):
                display.line(f"thrown away: {cell_id}")
        check_cells(chosen, out, digests)
        report = run_cells(chosen, out, perform, digests=digests, display=display, stop=stop, is_over=is_over)
    return report, stop


def raise_for_report(report: Report, stop: StopRequest, arguments: Sequence[str]) -> None:
    """End with the exit code that a benchmark's course asks for.

    Args:
        report: From `run_benchmark`.
        stop: Likewise.
        arguments: The words after `segan` that go on with it.

    Raises:
        StoppedError: A signal ended it.
        PartialFailureError: Cells failed, or the time was over before all were done.
    """
    again = f"Go on with: {shlex.join(['segan', *arguments])}"
    if stop.signal_number is not None:
        raise StoppedError(
            stop.signal_number, f"stopped with {len(report.done)} cells done, {len(report.left)} left. {again}"
        )
    if report.failed:
        lines = [f"  - {cell_id}: {problem}" for cell_id, problem in report.failed.items()]
        heading = f"{len(report.failed)} cells failed, {len(report.done)} are done, {len(report.left)} left. {again}"
        raise PartialFailureError("\n".join([heading, *lines]))
    if report.left:
        raise PartialFailureError(
            f"--max-hours is over: {len(report.done)} cells done, {len(report.left)} left. {again}"
        )


def estimate_cells(benchmark: Benchmark, chosen: Sequence[Cell], device: str) -> list[tuple[Cell, float | None]]:
    """Estimate the seconds of cells that are not done; 0 for those that are, `None` for what is not known.

    Networks without a time budget and without a finished twin are measured for a few steps; nothing is written to OUT.
    """
    out = benchmark.out
    timed = past_times([cell for cell in benchmark.cells if is_done(out, cell)], out)
    estimates: list[tuple[Cell, float | None]] = []
    for cell in chosen:
        seconds = 0.0 if is_done(out, cell) else expect_s(cell, timed)
        if seconds is None and cell.mode != BASELINE:
            seconds = _measure(cell, device)
            timed.append((cell, seconds))
        estimates.append((cell, seconds))
    return estimates


def _measure(cell: Cell, device: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if cell.drawn is not None:
            draw_missing(DrawnEntry.model_validate(cell.drawn), place / "data")
            data = cell.config.data.model_copy(update={"root": str(place / "data")})
            cell = replace(cell, config=cell.config.model_copy(update={"data": data}))
        display = Display(quiet=True)
        setting, _ = set_up(cell.config, place / "run", resume=False, device=device, display=display, dry_run=True)
    assert setting.estimated_s is not None
    return setting.estimated_s


def describe_cell(cell: Cell) -> str:
    """Say in a line what a cell is."""
    if cell.baseline is not None:
        return f"baseline {cell.baseline}"
    keys = flat_keys(cell.config.model_dump(mode="json"))
    network = name_generator(keys["generator.architecture"], keys["generator.encoder"])
    length = f"{keys['training.steps']} steps" if keys["training.steps"] else f"{keys['training.epochs']:g} epochs"
    length = f"at most {length}" if keys["training.max_minutes"] else length
    return f"{network} {cell.mode}, {length}"
