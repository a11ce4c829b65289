"""`segan data`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segan.commands.audit import audit

if TYPE_CHECKING:
    from segan.data.check import CheckReport
    from segan.data.dataset import Dataset

EPILOG = """\b
Examples:
  segan data check demo/data
  segan data check data/camvid --card camvid --out preview.png
"""


@click.group(epilog=EPILOG)
def data() -> None:
    """Check a dataset folder and show what is in it."""


data.add_command(audit)


@data.command(epilog=EPILOG)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--images", type=click.Path(path_type=Path), help="Folder of images, with --masks instead of DIR.")
@click.option("--masks", type=click.Path(path_type=Path), help="Folder of masks, paired with the images by stem.")
@click.option("--card", help="Dataset card, by name or path, that describes the masks; dataset.yaml in DIR wins.")
@click.option("--out", type=click.Path(path_type=Path), help="Also draw samples with their masks, as PNG.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Print problems only.")
def check(
    folder: Path | None,
    images: Path | None,
    masks: Path | None,
    card: str | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Read every file of a dataset and report all problems at once.

    DIR holds images/<split>/NAME.ext and masks/<split>/NAME.png with the splits train, val, test and unlabeled, or flat
    images/ and masks/. Nothing is written there. Exit code 2 tells that there are problems.
    """
    from segan.data.check import raise_for_problems
    from segan.errors import DataError, UsageError
    from segan.files import refuse_inside

    if out is not None:
        if out.is_dir():
            raise UsageError(
                f"--out {out}: a folder seen, expected a file to write. Write --out {out / 'preview.png'}."
            )
        refuse_inside(out, [path for path in (folder, images, masks) if path is not None])
    try:
        dataset = _scan(folder, images, masks, card)
    except DataError as error:
        if as_json:
            click.echo(json.dumps({"problems": error.problems or [str(error)]}))
        raise
    report = _check(dataset, quiet=quiet or as_json)
    if out is not None:
        _draw(dataset, out)
    if as_json:
        click.echo(json.dumps(_facts(dataset, report)))
    elif not quiet:
        _print(dataset, report)
    raise_for_problems(report)
    if not (as_json or quiet):
        source = f"--data {folder}" if folder else f"--images {images} --masks {masks}"
        meaning = f" --set data.card={card}" if card else ""
        click.echo(f"next: segan train {source}{meaning} --out runs/first".encode(errors="backslashreplace").decode())


def _scan(folder: Path | None, images: Path | None, masks: Path | None, card: str | None) -> "Dataset":
    from segan.config import parse_config
    from segan.data.source import Source

    split = parse_config({}).data.split
    source = Source.choose(folder, images, masks, option="DIR")
    return source.scan(card, val=split.val, test=split.test, seed=split.seed)


def _check(dataset: "Dataset", *, quiet: bool) -> "CheckReport":
    import itertools

    from segan.commands.progress import progress_bar
    from segan.data.check import check_dataset

    total = sum(len(samples) for samples in dataset.samples.values())
    done = itertools.count(1)
    with progress_bar("reading", quiet=quiet) as bar:
        return check_dataset(dataset, on_done=lambda: bar(next(done), total))


def _draw(dataset: "Dataset", out: Path) -> None:
    from segan.data.images import write_png
    from segan.data.preview import draw_preview

    write_png(out, draw_preview(dataset))


def _facts(dataset: "Dataset", report: "CheckReport") -> dict[str, Any]:
    from segan.data.labels import dump_labels

    pixels, images = report.statistics.pixels, report.statistics.images
    return {
        "problems": report.problems,
        "warnings": report.warnings,
        "understood": dataset.labels.understood,
        "labels": dump_labels(dataset.labels),
        "split_source": dataset.split_source,
        "images": {split: len(samples) for split, samples in dataset.samples.items()},
        "sizes": [[*size, count] for size, count in report.sizes.items()],
        "ignored_pixels": report.statistics.ignored,
        "classes": [
            {
                "name": name,
                "pixels": {split: int(counts[index]) for split, counts in pixels.items()},
                "images": {split: int(counts[index]) for split, counts in images.items()},
            }
            for index, name in enumerate(dataset.labels.classes)
        ],
    }


def _print(dataset: "Dataset", report: "CheckReport") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from segan.data.colors import show_color

    counts = ", ".join(f"{split} {len(samples)}" for split, samples in dataset.samples.items() if samples)
    click.echo(f"images: {counts or 'none'}; {dataset.split_source}")
    click.echo(f"sizes: {report.describe_sizes()} (height x width)")
    click.echo(f"masks: {dataset.labels.understood}")
    statistics = report.statistics
    shown = [split for split, pixels in statistics.pixels.items() if pixels.sum()]
    table = Table("class")
    for split in shown:
        table.add_column(split, justify="right")
        table.add_column("images", justify="right")
    for index, name in enumerate(dataset.labels.classes):
        cells = []
        for split in shown:
            share = statistics.pixels[split][index] / statistics.pixels[split].sum()
            cells += [f"{share:.2%}", str(statistics.images[split][index])]
        table.add_row(Text.assemble(("■ ", show_color(dataset.labels.colors[index])), name), *cells)
    Console().print(table)
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
