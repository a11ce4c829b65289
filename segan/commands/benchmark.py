"""`segan benchmark`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from segan.experiments.benchmark import Benchmark
    from segan.experiments.cells import Cell

EPILOG = """\b
Examples:
  segan benchmark quick --out benchmark
  segan benchmark camvid_membrane_cpu --out benchmark --data camvid=data/camvid --data membrane=data/membrane --dry-run
"""


@click.command(epilog=EPILOG)
@click.argument("config")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of all runs and of the tables.")
@click.option("--data", "data", metavar="NAME=DIR", multiple=True, help="Folder of a data set of CONFIG; repeatable.")
@click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change a config key of every network; repeatable."
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda or cuda:N; several with commas between work beside one another.",
)
@click.option("--only", metavar="PATTERN", multiple=True, help="Cells to run, such as 'camvid/unet-*'; repeatable.")
@click.option("--max-hours", type=click.FloatRange(min=0, min_open=True), help="Save and end after so long.")
@click.option("--redo", is_flag=True, help="Throw away cells made with other settings or data, and do them again.")
@click.option("--dry-run", is_flag=True, help="List the cells with an estimate of the time; write nothing.")
@click.option("--table", is_flag=True, help="Write the tables from the finished cells; run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Show warnings and the result only.")
@click.option("--cell", type=click.Path(path_type=Path), hidden=True, help="Run this one cell in this process.")
def benchmark(
    config: str,
    out: Path,
    data: tuple[str, ...],
    overrides: tuple[str, ...],
    device: str,
    only: tuple[str, ...],
    max_hours: float | None,
    redo: bool,
    dry_run: bool,
    table: bool,
    as_json: bool,
    quiet: bool,
    cell: Path | None,
) -> None:
    """Run methods x seeds x data sets and write one table.

    CONFIG is a shipped name (quick, camvid_membrane_cpu, gpu, ...) or a YAML file. Each cell, one method with one seed
    on one data set, is trained and scored in a process and a folder of its own. Called again, what is done stays done
    and a stopped run goes on where it was.
    """
    from segan.experiments.benchmark import check_folders, plan_benchmark, raise_for_report, run_benchmark, select_cells
    from segan.experiments.benchmark_file import parse_roots
    from segan.experiments.execute import Limits, split_devices
    from segan.experiments.recorded import perform_recorded
    from segan.experiments.runner import check_cells
    from segan.training.display import Display

    display = Display(quiet=quiet)
    if cell is not None:
        perform_recorded(cell, device, display)
        return
    plan = plan_benchmark(config, out, parse_roots(data), overrides)
    chosen = select_cells(plan.cells, only)
    if table:
        check_cells(plan.cells, out)
        _write(plan, as_json=as_json, quiet=quiet)
        return
    check_folders(chosen, config)
    if dry_run:
        _list(plan, chosen, split_devices(device)[0], as_json=as_json)
        return
    limits = Limits(max_hours, redo)
    report, stop = run_benchmark(plan, chosen, devices=split_devices(device), limits=limits, display=display)
    _write(plan, as_json=as_json, quiet=quiet)
    raise_for_report(report, stop, _again(config, out, data, overrides, device, only))


def _list(plan: "Benchmark", chosen: list["Cell"], device: str, *, as_json: bool) -> None:
    """Show what would run."""
    import json

    from segan.experiments.benchmark import describe_cell, estimate_cells
    from segan.experiments.expectation import show_minutes

    estimates = estimate_cells(plan, chosen, device)
    total = sum(seconds or 0.0 for _, seconds in estimates)
    if as_json:
        cells = [{"cell": cell.id, "estimated_s": seconds} for cell, seconds in estimates]
        click.echo(json.dumps({"cells": cells, "estimated_s": total}))
        return
    for cell, seconds in estimates:
        shown = "time unknown" if seconds is None else "done" if seconds == 0 else f"about {show_minutes(seconds)}"
        click.echo(f"{cell.id}: {describe_cell(cell)}; {shown}")
    unknown = sum(seconds is None for _, seconds in estimates)
    rest = f", and {unknown} of unknown length" if unknown else ""
    click.echo(f"{len(estimates)} cells, about {show_minutes(total)}{rest}; dry run: nothing was written")


def _write(plan: "Benchmark", *, as_json: bool, quiet: bool) -> None:
    """Write the three files and show the table."""
    import json

    from segan.experiments.runner import find_report
    from segan.experiments.standings import read_finished
    from segan.experiments.table import CSV, JSON, TABLE, write_results
    from segan.experiments.terminal import print_standings

    whole = find_report(plan.cells, plan.out)
    finished = read_finished(whole.done, plan.out)
    standings = write_results(plan.name, finished, whole.failed, whole.left, plan.out)
    if as_json:
        content = json.loads((plan.out / JSON).read_text(encoding="utf-8"))
        click.echo(json.dumps({**content, "table": str(plan.out / TABLE)}))
        return
    if not quiet:
        print_standings(standings)
    click.echo(f"{len(finished)} of {len(plan.cells)} cells: {plan.out / TABLE}, {plan.out / CSV}, {plan.out / JSON}")
    if not quiet:
        click.echo("next: segan compare, with the folders evaluation/ of two cells, shows every figure of both")


def _again(
    config: str, out: Path, data: tuple[str, ...], overrides: tuple[str, ...], device: str, only: tuple[str, ...]
) -> list[str]:
    """Word the command that goes on."""
    options = [
        ("--data", data),
        ("--set", overrides),
        ("--only", only),
        ("--device", () if device == "auto" else (device,)),
    ]
    words = [word for option, values in options for value in values for word in (option, value)]
    return ["benchmark", config, "--out", str(out), *words]
