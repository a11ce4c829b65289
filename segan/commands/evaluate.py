"""`segan evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from segan.commands.network_options import network_options

if TYPE_CHECKING:
    from segan.evaluation.result import Evaluation

EPILOG = """\b
Examples:
  segan evaluate runs/first --data data/camvid --split test --out scores
  segan evaluate --predictions predictions --masks data/camvid/masks/test --card camvid
  segan evaluate runs/first --data data/camvid --metrics boundary,structure --convention camvid
"""


@click.command(epilog=EPILOG)
@click.argument("model", required=False)
@click.option("--data", type=click.Path(path_type=Path), help="Dataset folder with images/ and masks/.")
@click.option("--images", type=click.Path(path_type=Path), help="Folder of images, with --masks instead of --data.")
@click.option(
    "--split", default="test", show_default=True, help="train, val, test, or all for every image with a mask."
)
@click.option(
    "--predictions", type=click.Path(path_type=Path), help="Folder of masks made by any tool, instead of MODEL."
)
@click.option(
    "--masks",
    type=click.Path(path_type=Path),
    help="Folder of true masks for --images or --predictions; paired by stem.",
)
@click.option(
    "--values",
    type=click.Choice(["index", "mask"]),
    default="index",
    show_default=True,
    help="What pixels of --predictions hold: class indices, or the same values as the true masks.",
)
@click.option("--card", help="Dataset card: what the true masks mean, where the data have no dataset.yaml.")
@click.option(
    "--metrics",
    multiple=True,
    metavar="NAME,...",
    help="More families of figures: boundary, structure, tolerance, segments, sizes, calibration, thresholds, or all; "
    "confusion is always there.",
)
@click.option("--background", metavar="NAME", help="Class left out of the figures without background.")
@click.option("--membrane", metavar="NAME", help="Class that divides cells, for segments; else the one named membrane.")
@click.option(
    "--roi",
    type=click.Path(path_type=Path),
    help="Folder of regions of interest, by stem; what is black counts nowhere.",
)
@click.option(
    "--convention",
    type=click.Choice(["camvid", "voc", "cityscapes", "drive", "crack"]),
    help="Also print the figures that papers on such data report.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for metrics.json, per_image.csv and counts.npz.")
@network_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Show errors and the result only.")
def evaluate(
    model: str | None,
    data: Path | None,
    images: Path | None,
    split: str,
    predictions: Path | None,
    masks: Path | None,
    values: str,
    card: str | None,
    metrics: tuple[str, ...],
    background: str | None,
    membrane: str | None,
    roi: Path | None,
    convention: str | None,
    out: Path | None,
    tile: int | None,
    tta: bool | None,
    min_areas: dict[str, int] | None,
    device: str,
    backend: str,
    precision: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Score a model on a dataset, or masks made by any other tool.

    Two forms: MODEL with --data DIR, or with --images DIR --masks DIR; and --predictions DIR with --masks DIR or --data
    DIR. Scores are counted over the whole split at full resolution; ignored pixels count nowhere. Intervals are those
    over images, 95 %.
    """
    import json

    from segan.commands.scoring import Wanted, score_masks, score_model
    from segan.data.source import Source
    from segan.errors import UsageError
    from segan.evaluation.conventions import apply_convention
    from segan.evaluation.measures import parse_families
    from segan.evaluation.result import write_evaluation
    from segan.evaluation.tables import print_convention, print_evaluation
    from segan.files import refuse_inside

    if (model is None) == (predictions is None):
        seen = "neither" if model is None else "both"
        raise UsageError(f"MODEL and --predictions: seen {seen}, expected one of them. Run segan evaluate --help.")
    if out is not None:
        if out.is_file():
            raise UsageError(f"--out {out}: is a file, expected a folder. Choose another name.")
        refuse_inside(out, [place for place in (data, images, masks, roi) if place is not None])
    parse_families(metrics)
    wanted = Wanted(metrics, background, membrane, roi, convention)
    if predictions is not None:
        if images is not None:
            raise UsageError("--images: given beside --predictions, expected with MODEL alone. Leave it out.")
        of_networks = ("tile", "tta", "min_areas", "device", "backend", "precision")
        _refuse_given(of_networks, "beside --predictions, where no network runs,", "MODEL")
        evaluation = score_masks(predictions, masks, data, split, wanted, card=card, values=values, quiet=quiet)
    else:
        assert model is not None
        _refuse_given(("values",), "with MODEL, which says itself what its masks hold,", "--predictions")
        evaluation = score_model(
            model,
            Source.choose(data, images, masks),
            split,
            wanted,
            card=card,
            tile=tile,
            tta=tta,
            min_areas=min_areas,
            device=device,
            backend=backend,
            precision=precision,
            quiet=quiet,
        )
    papers = None if convention is None else apply_convention(convention, evaluation, has_region=roi is not None)
    extra = {} if papers is None else {"paper_figures": papers.to_json()}
    if out is not None:
        write_evaluation(evaluation, out, extra)
    if as_json:
        click.echo(json.dumps({**evaluation.to_json(), **extra}, allow_nan=False))
        return
    if not quiet:
        print_evaluation(evaluation, families=[*(["confusion"] if metrics else []), *evaluation.sums])
    if papers is not None:
        print_convention(papers)
    click.echo(_sum_up(evaluation))
    if out is not None:
        click.echo(f"scores: {out / 'metrics.json'}, {out / 'per_image.csv'}")
    if not quiet:
        click.echo(f"next: {_advise(model, out)}")


def _refuse_given(names: tuple[str, ...], where: str, other: str) -> None:
    """Refuse options that would change nothing."""
    from click.core import ParameterSource

    from segan.errors import UsageError

    context = click.get_current_context()
    options = {param.name: param.opts[0] for param in context.command.params}
    given = [options[name] for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        listed = ", ".join(given)
        raise UsageError(f"{listed}: given {where} expected with {other} alone. Leave it out.")


def _sum_up(evaluation: "Evaluation") -> str:
    """Say the figure that papers report, with its interval or why there is none."""
    import math

    if math.isnan(evaluation.mean_iou):
        return f"no score: 0 labelled pixels in {evaluation.images} images. Check --roi and the ignored values."
    low, high = evaluation.intervals.whole["mean_iou"]
    if evaluation.images == 1:
        return f"mean IoU {evaluation.mean_iou:.4f} over 1 image; no interval, that takes two images or more"
    interval = "no interval" if math.isnan(low) else f"95 % interval {low:.4f} to {high:.4f}"
    return f"mean IoU {evaluation.mean_iou:.4f} ({interval}) over {evaluation.images} images"


def _advise(model: str | None, out: Path | None) -> str:
    """Tell what to do after the score."""
    if model is not None:
        return f"segan predict {model} YOUR_IMAGES --out predictions --overlay"
    if out is None:
        return "the same command with --out scores, for the score of each image"
    return f"look at the images of the lowest mean_iou in {out / 'per_image.csv'}; segan compare OTHER_SCORES {out}"
