"""`segan baseline`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from segan.baselines.results import Result
    from segan.baselines.selection import Splits

EPILOG = """\b
Examples:
  segan baseline forest --data data/camvid --card camvid
  segan baseline all --images photos --masks labels --out baselines
"""


@click.command(epilog=EPILOG)
@click.argument("names", metavar="NAME...", nargs=-1)
@click.option("--data", type=click.Path(path_type=Path), help="Dataset folder with images/ and masks/.")
@click.option("--images", type=click.Path(path_type=Path), help="Folder of images, with --masks instead of --data.")
@click.option("--masks", type=click.Path(path_type=Path), help="Folder of masks, paired with the images by stem.")
@click.option("--card", help="Dataset card: what the masks mean, where the data have no dataset.yaml.")
@click.option("--run", type=click.Path(path_type=Path), help="Run folder whose division into splits is repeated.")
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    default="test",
    show_default=True,
    help="What is scored; methods are fitted on train.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for baselines.json and a folder of scores a method."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all that is drawn in a fit.")
@click.option("--list", "as_list", is_flag=True, help="Name the methods and end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Show errors and a line for each method only.")
def baseline(
    names: tuple[str, ...],
    data: Path | None,
    images: Path | None,
    masks: Path | None,
    card: str | None,
    run: Path | None,
    split: str,
    out: Path | None,
    seed: int,
    as_list: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Score classical methods by the metrics of segan evaluate.

    NAME is one or more methods, or all. Their settings, and the classes that their segments stand for, are chosen on
    the training split alone, which is that of segan train on the same data. Without --run, data that are divided by
    seed are divided as segan train does with its default config.
    """
    import json

    from segan.baselines.fit import validate_names
    from segan.baselines.methods import BASELINES
    from segan.baselines.results import TIMING, print_results
    from segan.baselines.selection import select_splits
    from segan.data.source import Source
    from segan.errors import UsageError
    from segan.files import refuse_inside, write_json

    if as_list:
        _print_list(as_json=as_json)
        return
    if not names:
        raise UsageError("NAME: none seen, expected a method or all. Run segan baseline --list to see them.")
    chosen = list(BASELINES) if "all" in names else list(dict.fromkeys(names))
    validate_names(chosen)
    source = Source.choose(data, images, masks)
    if out is not None:
        if out.is_file():
            raise UsageError(f"--out {out}: is a file, expected a folder. Choose another name.")
        refuse_inside(out, [place for place in (data, images, masks) if place is not None])
    splits = select_splits(source, split, card=card, run=run)
    if not quiet:
        counts = f"train: {len(splits.train)} images, {split}: {len(splits.scored)} images"
        click.echo(f"{counts}; {splits.source}", err=True)
    results = [_run(name, splits, split, out, seed=seed, quiet=quiet) for name in chosen]
    facts = {
        "split": split,
        "images": len(splits.scored),
        "train_images": len(splits.train),
        "split_source": splits.source,
        "seed": seed,
        "timing": TIMING,
        "methods": [result.to_json() for result in results],
    }
    if out is not None:
        write_json(out / "baselines.json", facts)
    if as_json:
        click.echo(json.dumps(facts, allow_nan=False))
        return
    if quiet:
        click.echo("\n".join(result.sentence() for result in results))
        return
    print_results(results)
    click.echo("fit s: with reading; images/s: reading, prediction and counting")
    where = f"--data {data}" if data is not None else f"--images {images} --masks {masks}"
    click.echo(f"next: {_advise(results, out, where)}")


def _run(name: str, splits: "Splits", split: str, out: Path | None, *, seed: int, quiet: bool) -> "Result":
    """Fit and score one method, and keep its scores."""
    from segan.baselines.fit import fit_baseline
    from segan.baselines.results import score_baseline
    from segan.commands.progress import progress_bar
    from segan.evaluation.result import write_evaluation

    with progress_bar(f"fitting {name}", quiet=quiet) as bar:
        fitted = fit_baseline(name, splits.train, splits.labels, seed=seed, report=bar)
    with progress_bar(f"scoring {name}", quiet=quiet) as bar:
        total = len(splits.scored)
        result = score_baseline(fitted, splits.scored, split=split, report=lambda done: bar(done, total))
    if out is not None:
        write_evaluation(result.evaluation, out / name)
    return result


def _print_list(*, as_json: bool) -> None:
    """Name the methods."""
    import json

    from segan.baselines.methods import BASELINES

    if as_json:
        rows: dict[str, Any] = {
            name: {"summary": method.summary, "needs": ["scikit-learn"] if method.needs_sklearn else []}
            for name, method in BASELINES.items()
        }
        click.echo(json.dumps(rows))
        return
    for name, method in BASELINES.items():
        click.echo(f"{name:10s} {method.summary}{' (needs scikit-learn)' if method.needs_sklearn else ''}")
    click.echo("next: segan baseline all --data DIR")


def _advise(results: "list[Result]", out: Path | None, where: str) -> str:
    """Tell what to do after the scores."""
    best = max(results, key=lambda result: result.evaluation.mean_iou).baseline.method
    if out is None:
        return "the same command with --out baselines, for the scores of each image"
    return f"segan evaluate YOUR_RUN {where} --out scores; segan compare {out / best} scores"
