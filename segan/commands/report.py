"""`segan report`."""

from pathlib import Path

import click

EPILOG = """\b
Examples:
  segan report runs/first
  segan report runs/first --data data/camvid --split test --images 6 --out first.html
"""

IMAGES = 3


@click.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--data", type=click.Path(path_type=Path), help="Dataset folder; default: the one that the run was trained on."
)
@click.option("--split", help="train, val, test or all; default: test, or val where the run has no test images.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write; default: report.html in RUN.")
@click.option(
    "--images",
    type=click.IntRange(min=0, max=40),
    default=IMAGES,
    show_default=True,
    help="How many of the worst, the median and the best images are shown, each.",
)
@click.option(
    "--scores",
    type=click.Path(path_type=Path),
    help="Folder of segan evaluate --out for the same images, whose further figures are shown too.",
)
@click.option(
    "--discriminator",
    type=click.Path(path_type=Path),
    help="discriminator.json with its quality on the same images; default: that of RUN, if it is there.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--quiet", is_flag=True, help="Show errors and the result only.")
def report(
    run: Path,
    data: Path | None,
    split: str | None,
    out: Path | None,
    images: int,
    scores: Path | None,
    discriminator: Path | None,
    device: str,
    quiet: bool,
) -> None:
    """Write one HTML file about a run, that opens anywhere without a network.

    RUN is a run folder, which is scored on a split of its data; or a folder that segan evaluate --out wrote, whose
    scores are shown without curves and pictures. The page holds the chosen images; mind the terms of your data before
    you pass it on.
    """
    from segan.commands.progress import progress_bar
    from segan.errors import UsageError
    from segan.files import refuse_inside
    from segan.report.compose import report_evaluation, report_run
    from segan.report.facts import repeat_commands
    from segan.report.record import find_source, is_run, read_discriminator, read_run
    from segan.report.render import write_report

    place = out or (run if run.is_dir() else run.parent) / "report.html"
    if place.is_dir():
        raise UsageError(f"--out {place}: is a folder, expected a file. Name a file, such as report.html.")
    if place.is_file() and not _read_start(place).lower().startswith(b"<!doctype html>"):
        raise UsageError(f"--out {place}: is a file that is no page, expected a new one. Name it, such as report.html.")
    shown = None if images == IMAGES else images
    options = {
        "--data": data,
        "--split": split,
        "--images": shown,
        "--scores": scores,
        "--discriminator": discriminator,
    }
    commands = repeat_commands(run, options)
    if is_run(run):
        record = read_run(run)
        source = find_source(record, data)
        refuse_inside(place, [source.images, source.masks])
        with progress_bar("evaluating", quiet=quiet) as bar:
            made = report_run(
                record,
                source,
                split=split,
                images=images,
                scores=scores,
                device=device,
                commands=commands,
                discriminator=None if discriminator is None else read_discriminator(discriminator),
                progress=bar,
            )
    else:
        foreign = ", ".join(name for name, value in options.items() if value is not None)
        if foreign and run.exists():
            raise UsageError(f"{foreign}: seen beside {run}, expected only with a run folder. Leave it out.")
        made = report_evaluation(run, commands=commands[-1:])
    write_report(made, place)
    click.echo(f"report: {place} ({place.stat().st_size / 1e6:.1f} MB)")
    if not quiet:
        click.echo("next: open it in a browser; segan compare tells whether another run is better")


def _read_start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(15)
