"""`segan evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from segan.data.source import Source
    from segan.evaluation.result import Evaluation

EPILOG = """\b
Examples:
  segan evaluate runs/first --data data/camvid --split test --out scores
  segan evaluate --predictions predictions --masks data/camvid/masks/test --card camvid
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
@click.option("--out", type=click.Path(path_type=Path), help="Folder for metrics.json, per_image.csv and counts.npz.")
@click.option("--tile", type=click.IntRange(min=32), metavar="PX", help="Side of tiles of large images.")
@click.option("--tta", is_flag=True, help="Average with the mirrored image.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16", "fp16"]),
    default="fp32",
    show_default=True,
    help="Of the network.",
)
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
    out: Path | None,
    tile: int | None,
    tta: bool,
    device: str,
    precision: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Score a model on a dataset, or masks made by any other tool.

    Two forms: MODEL with --data DIR, or with --images DIR --masks DIR; and --predictions DIR with --masks DIR or --data
    DIR. Scores are counted over the whole split at full resolution; ignored pixels count nowhere. Intervals are those
    over images, 95 %.
    """
    import json

    from segan.data.source import Source
    from segan.errors import UsageError
    from segan.evaluation.result import write_evaluation
    from segan.evaluation.tables import print_evaluation
    from segan.files import refuse_inside

    if (model is None) == (predictions is None):
        seen = "neither" if model is None else "both"
        raise UsageError(f"MODEL and --predictions: seen {seen}, expected one of them. Run segan evaluate --help.")
    if out is not None:
        if out.is_file():
            raise UsageError(f"--out {out}: is a file, expected a folder. Choose another name.")
        refuse_inside(out, [place for place in (data, images, masks) if place is not None])
    if predictions is not None:
        if images is not None:
            raise UsageError("--images: given beside --predictions, expected with MODEL alone. Leave it out.")
        evaluation = _score_masks(predictions, masks, data, split, card=card, values=values, quiet=quiet)
    else:
        assert model is not None
        evaluation = _score_model(
            model,
            Source.choose(data, images, masks),
            split,
            card=card,
            tile=tile,
            tta=tta,
            device=device,
            precision=precision,
            quiet=quiet,
        )
    if out is not None:
        write_evaluation(evaluation, out)
    if as_json:
        click.echo(json.dumps(evaluation.to_json(), allow_nan=False))
        return
    if not quiet:
        print_evaluation(evaluation)
    click.echo(_sum_up(evaluation))
    if out is not None:
        click.echo(f"scores: {out / 'metrics.json'}, {out / 'per_image.csv'}")
    if not quiet:
        click.echo(f"next: {_advise(model, out)}")


def _sum_up(evaluation: "Evaluation") -> str:
    """Say the figure that papers report, with its interval or why there is none."""
    import math

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


def _score_model(
    model: str,
    source: "Source",
    split: str,
    *,
    card: str | None,
    tile: int | None,
    tta: bool,
    device: str,
    precision: str,
    quiet: bool,
) -> "Evaluation":
    from segan.commands.progress import progress_bar
    from segan.evaluation.evaluate import evaluate_model
    from segan.evaluation.selection import select_samples
    from segan.inference.model_file import find_model_file
    from segan.inference.segmenter import load_segmenter

    segmenter = load_segmenter(model, device, tile_px=tile, tta="flip" if tta else "none", precision=precision)
    run = find_model_file(model).parent
    selection = select_samples(source, split, card=card, run=run, model_labels=segmenter.labels)
    if not quiet:
        click.echo(f"{split}: {len(selection.samples)} images; {selection.source}", err=True)
    with progress_bar("evaluating", quiet=quiet) as bar:
        return evaluate_model(
            segmenter,
            selection.samples,
            selection.labels,
            split=split,
            report=lambda done: bar(done, len(selection.samples)),
        )


def _score_masks(
    predictions: Path,
    masks: Path | None,
    data: Path | None,
    split: str,
    *,
    card: str | None,
    values: str,
    quiet: bool,
) -> "Evaluation":
    from segan.commands.progress import progress_bar
    from segan.data.source import Source
    from segan.errors import UsageError
    from segan.evaluation.evaluate import evaluate_predictions
    from segan.evaluation.pairing import find_prediction_labels, pair_masks
    from segan.evaluation.selection import select_masks, select_samples

    if (masks is None) == (data is None):
        seen = "neither" if masks is None else "both"
        raise UsageError(
            f"--masks and --data: seen {seen}, expected one of them beside --predictions. Add --masks DIR."
        )
    known = find_prediction_labels(predictions)
    if masks is not None:
        truths, labels = select_masks(masks, card=card, model_labels=known)
        split = ""
    else:
        assert data is not None
        selection = select_samples(Source.of_dataset(data), split, card=card, model_labels=known)
        truths = {sample.name: sample.mask for sample in selection.samples if sample.mask is not None}
        labels = selection.labels
    if not quiet:
        click.echo(f"{len(truths)} true masks; {labels.understood}", err=True)
    pairs = pair_masks(predictions, truths)
    with progress_bar("evaluating", quiet=quiet) as bar:
        return evaluate_predictions(
            pairs, labels, model_labels=known, values=values, split=split, report=lambda done: bar(done, len(pairs))
        )
