"""`segan prove`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from segan.experiments.prove import Proof
    from segan.training.display import Display

EPILOG = """\b
Examples:
  segan prove membrane --data data/membrane --seeds 5 --out proof
  segan prove camvid_cpu --data data/camvid --seeds 5 --minutes 4 --out proof --dry-run
  segan prove camvid_cpu --data data/camvid --out proof --arm 'hinge={loss.adversarial: hinge}'
"""


@click.command(epilog=EPILOG)
@click.argument("config")
@click.option("--data", type=click.Path(path_type=Path), help="Dataset folder; needed unless CONFIG names one.")
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Runs of each arm.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of all runs and of the results.")
@click.option(
    "--arms",
    default="pixel,adversarial,shuffled,frozen",
    show_default=True,
    help="Which of these; pixel always takes part.",
)
@click.option(
    "--arm",
    "further",
    metavar="NAME=KEYS",
    multiple=True,
    help="A further arm: a YAML file or {key: value}; repeatable.",
)
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change a config key of all arms.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Time of a run; the steps that fit are measured once.",
)
@click.option("--split", type=click.Choice(["test", "val"]), default="test", show_default=True, help="To be scored.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda or cuda:N; several with commas between work beside one another.",
)
@click.option(
    "--spread",
    type=click.FloatRange(min=0, min_open=True),
    default=0.8,
    show_default=True,
    help="Expected standard deviation of the difference over seeds, in points, for what is said beforehand.",
)
@click.option("--max-hours", type=click.FloatRange(min=0, min_open=True), help="Save and end after so long.")
@click.option("--redo", is_flag=True, help="Throw away runs made with other settings or data, and do them again.")
@click.option("--dry-run", is_flag=True, help="Tell how long it takes and what it can show; write nothing.")
@click.option("--table", is_flag=True, help="Write the results of the finished runs; run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Show warnings and the verdicts only.")
@click.option("--cell", type=click.Path(path_type=Path), hidden=True, help="Do this one run in this process.")
def prove(
    config: str,
    data: Path | None,
    seeds: int,
    out: Path,
    arms: str,
    further: tuple[str, ...],
    overrides: tuple[str, ...],
    minutes: float | None,
    split: str,
    device: str,
    spread: float,
    max_hours: float | None,
    redo: bool,
    dry_run: bool,
    table: bool,
    as_json: bool,
    quiet: bool,
    cell: Path | None,
) -> None:
    """Tell whether the adversarial term helps on your data.

    CONFIG (a shipped name or a YAML file) is trained with the pixel loss alone, adversarially, and with discriminators
    that cannot know (`shuffled`, `frozen`), each with the same seeds, data and steps. The verdict comes with intervals
    over seeds and images. Called again, what is done stays done; more seeds add to it.
    """
    from segan.experiments.arms import parse_arms
    from segan.experiments.benchmark import raise_for_report
    from segan.experiments.effects import can_compare
    from segan.experiments.execute import Limits, split_devices
    from segan.experiments.prove import plan_proof, run_proof
    from segan.experiments.recorded import perform_recorded
    from segan.experiments.runner import check_cells
    from segan.training.display import Display

    display = Display(quiet=quiet)
    if cell is not None:
        perform_recorded(cell, device, display)
        return
    devices = split_devices(device)
    proof = plan_proof(
        config,
        _shared_keys(data, overrides, minutes),
        parse_arms(arms, further),
        seeds,
        out,
        device=devices[0],
        split=None if split == "test" else split,
        redo=redo,
        display=display,
    )
    if table:
        check_cells(proof.cells, out)
        _write(proof, split, as_json=as_json, quiet=quiet)
        return
    if not as_json:
        _foretell(proof, len(devices), spread, display)
    if dry_run:
        click.echo(f"{len(proof.cells)} runs of {', '.join(proof.arms)}; dry run: nothing was written")
        return
    report, stop = run_proof(proof, devices=devices, limits=Limits(max_hours, redo), display=display)
    if not report.left or can_compare(report.done):
        _write(proof, split, as_json=as_json, quiet=quiet)
    raise_for_report(report, stop, _again(click.get_current_context().params))


def _shared_keys(data: Path | None, overrides: tuple[str, ...], minutes: float | None) -> dict[str, Any]:
    """Gather the keys of all arms from the options."""
    from segan.config import read_overrides

    keys = read_overrides(overrides)
    if data is not None:
        keys["data.root"] = str(data)
    if minutes is not None:
        keys["training.max_minutes"] = minutes
    return keys


def _foretell(proof: "Proof", devices: int, spread: float, display: "Display") -> None:
    """Say beforehand how long it will take and what it can show."""
    from segan.evaluation.hierarchy import detectable
    from segan.experiments.expectation import show_minutes
    from segan.experiments.prove import expect_left_s

    seeds, steps = len(proof.seeds), proof.cells[0].config.training.steps
    display.line(
        f"{len(proof.arms)} arms ({', '.join(proof.arms)}) x {seeds} seeds, {steps} steps each; about "
        f"{show_minutes(expect_left_s(proof, devices))} left"
    )
    if seeds == 1:
        display.line("one seed cannot tell of others: take five or more for a verdict")
        return
    points = detectable(spread, seeds)
    display.line(
        f"{seeds} seeds show a difference of {points:.1f} points of mean IoU or more, four times in five, if paired "
        f"differences spread by {spread:g} points"
    )


def _write(proof: "Proof", split: str, *, as_json: bool, quiet: bool) -> None:
    """Write the files and show the verdicts."""
    from segan.errors import DataError
    from segan.experiments.effects import can_compare, compare_arms, judge
    from segan.experiments.proof_files import JSON, PICTURE, TABLE, Results, show_verdict, write_proof
    from segan.experiments.runner import find_report
    from segan.experiments.standings import rank, read_finished
    from segan.experiments.terminal import print_proof

    whole = find_report(proof.cells, proof.out)
    finished = read_finished(whole.done, proof.out)
    if not can_compare(whole.done):
        raise DataError(
            f"--out {proof.out}: {len(finished)} finished runs seen, expected pixel and another arm of one seed. Run "
            "the command without --table, or look at why runs failed."
        )
    comparisons = compare_arms(finished)
    verdicts = judge(comparisons, finished)
    results = Results(proof.config, split, rank(finished), comparisons, verdicts, whole.failed, whole.left)
    write_proof(results, proof.out)
    if as_json:
        click.echo((proof.out / JSON).read_text(encoding="utf-8").strip())
        return
    if not quiet:
        print_proof(results.standings, comparisons)
    for verdict in verdicts:
        click.echo(show_verdict(verdict))
    if not quiet:
        places = ", ".join(str(proof.out / name) for name in (TABLE, JSON, PICTURE))
        click.echo(f"{len(finished)} of {len(proof.cells)} runs: {places}")


def _again(params: dict[str, Any]) -> list[str]:
    """Word the command that goes on."""
    words = ["prove", params["config"], "--out", str(params["out"]), "--seeds", str(params["seeds"])]
    single = {"--data": "data", "--minutes": "minutes"}
    words += [word for option, key in single.items() if params[key] is not None for word in (option, str(params[key]))]
    defaults = {"--arms": ("arms", "pixel,adversarial,shuffled,frozen"), "--split": ("split", "test")}
    defaults["--device"] = ("device", "auto")
    words += [
        word for option, (key, usual) in defaults.items() if params[key] != usual for word in (option, params[key])
    ]
    repeated = {"--arm": "further", "--set": "overrides"}
    return words + [word for option, key in repeated.items() for value in params[key] for word in (option, value)]
