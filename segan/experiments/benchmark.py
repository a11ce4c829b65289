"""A benchmark from its file to its tables: plan, data, cells, results."""

import fnmatch
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segan.errors import PartialFailureError, StoppedError, UsageError
from segan.experiments.benchmark_file import BenchmarkFile, DrawnEntry, load_benchmark
from segan.experiments.cells import BASELINE, Cell, plan_cells
from segan.experiments.execute import Limits, execute_cells
from segan.experiments.expectation import expect_s
from segan.experiments.runner import Report, is_done, past_times
from segan.experiments.sources import draw_missing, name_drawn
from segan.files import refuse_inside
from segan.models import name_generator
from segan.training.display import Display
from segan.training.run_folder import flat_keys
from segan.training.setup import set_up
from segan.training.signals import StopRequest


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


def run_benchmark(
    benchmark: Benchmark,
    chosen: Sequence[Cell],
    *,
    devices: Sequence[str],
    limits: Limits,
    display: Display,
) -> tuple[Report, StopRequest]:
    """Run the chosen cells, each in a process of its own; see `execute_cells`."""
    words = ["benchmark", benchmark.name, "--out", str(benchmark.out)]
    return execute_cells(benchmark.cells, chosen, benchmark.out, words, devices=devices, limits=limits, display=display)


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
