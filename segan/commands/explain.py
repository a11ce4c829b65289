"""`segan explain`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from segan.explain.maps import Explainer
    from segan.inference.segmenter import Segmenter

EPILOG = """\b
Examples:
  segan explain runs/first photos --out why --class car
  segan explain runs/first --discriminator --data data/camvid --split test --json
"""


@click.command(epilog=EPILOG)
@click.argument("model")
@click.argument("inputs", nargs=-1, metavar="[IMAGE]...")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for panels/, maps/ and explain.csv.")
@click.option("--class", "class_name", metavar="NAME", help="Class that gradcam and occlusion ask about.")
@click.option(
    "--maps", help="Some of realism,entropy,tta,gradcam,occlusion; default: all that the model and --class allow."
)
@click.option(
    "--masks",
    type=click.Path(path_type=Path),
    help="Folder of true masks to show too, paired by name; or see --images.",
)
@click.option(
    "--max-side",
    type=click.IntRange(min=32),
    default=1024,
    show_default=True,
    metavar="PX",
    help="Shrink images whose longer side exceeds this.",
)
@click.option("--window", type=click.IntRange(min=1), metavar="PX", help="Side of occlusion's window.")
@click.option(
    "--layer",
    type=click.Choice(["decoder", "encoder"]),
    default="decoder",
    show_default=True,
    help="Whose last features gradcam looks at: near the prediction, or coarse with context.",
)
@click.option("--discriminator", is_flag=True, help="Measure the discriminator on labelled data instead.")
@click.option("--data", type=click.Path(path_type=Path), help="Dataset folder, for --discriminator.")
@click.option("--images", type=click.Path(path_type=Path), help="Folder of images, with --masks instead of --data.")
@click.option("--split", default="test", show_default=True, help="train, val, test or all, for --discriminator.")
@click.option("--card", help="Dataset card: what the true masks mean, where the data have no dataset.yaml.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Show errors and the result only.")
def explain(
    model: str,
    inputs: tuple[str, ...],
    out: Path | None,
    class_name: str | None,
    maps: str | None,
    masks: Path | None,
    max_side: int,
    window: int | None,
    layer: str,
    discriminator: bool,
    data: Path | None,
    images: Path | None,
    split: str,
    card: str | None,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Show why a model predicts what it does, or how good its discriminator is.

    With IMAGE...: a picture of each image with maps side by side: what the discriminator takes for real, where the
    model is unsure, and what a class hangs on. With --discriminator and --data DIR (or --images DIR --masks DIR): how
    well the discriminator tells true masks from predictions, and on what it fails.
    """
    from segan.errors import UsageError
    from segan.inference.load import load_segmenter

    if discriminator == bool(inputs):
        seen = "both" if inputs else "neither"
        raise UsageError(f"IMAGE and --discriminator: seen {seen}, expected one of them. Run segan explain --help.")
    segmenter = load_segmenter(model, device)
    if discriminator:
        _measure(model, segmenter, data, images, masks, split, card=card, out=out, as_json=as_json, quiet=quiet)
        return
    if out is None:
        raise UsageError("--out: not given, expected a folder beside IMAGE. Add --out DIR.")
    if data is not None or images is not None:
        raise UsageError("--data and --images: given beside IMAGE, expected with --discriminator. Leave them out.")
    explainer = _build(model, segmenter, class_name, maps, max_side, window, layer)
    _explain(explainer, inputs, out, masks, card, model=model, as_json=as_json, quiet=quiet)


def _build(
    model: str,
    segmenter: "Segmenter",
    class_name: str | None,
    maps: str | None,
    max_side: int,
    window: int | None,
    layer: str,
) -> "Explainer":
    """Choose the maps: those asked for, which must all be possible, or all that are possible."""
    from segan.errors import SeganError, UsageError
    from segan.explain.attribution import check_gradcam
    from segan.explain.maps import MAPS, Explainer
    from segan.inference.discriminator_file import load_discriminator

    classes = segmenter.labels.classes
    if class_name is not None and class_name not in classes:
        raise UsageError(f"--class {class_name}: unknown, expected {', '.join(classes)}. Use one of these.")
    index = None if class_name is None else classes.index(class_name)
    chosen = [name.strip() for name in maps.split(",") if name.strip()] if maps is not None else None
    wanted = list(dict.fromkeys(chosen if chosen is not None else MAPS))
    if not wanted:
        raise UsageError(f"--maps: none seen, expected some of {', '.join(MAPS)}. Name them, separated by commas.")
    if chosen is None:
        wanted = [name for name in wanted if index is not None or not MAPS[name].of_class]
    judge = None
    for name in [name for name in ("gradcam", "realism") if name in wanted]:
        try:
            if name == "gradcam":
                check_gradcam()
            else:
                judge = load_discriminator(model, segmenter)
        except SeganError as error:
            if chosen is not None:
                raise
            click.echo(f"without {name}: {error}", err=True)
            wanted.remove(name)
    return Explainer(segmenter, tuple(wanted), judge, index, window, layer, max_side)


def _explain(
    explainer: "Explainer",
    inputs: tuple[str, ...],
    out: Path,
    masks: Path | None,
    card: str | None,
    *,
    model: str,
    as_json: bool,
    quiet: bool,
) -> None:
    import json

    from segan.commands.progress import progress_bar
    from segan.errors import PartialFailureError
    from segan.evaluation.selection import select_masks
    from segan.explain.folder import Truths, explain_images

    truths = None
    if masks is not None:
        files, labels = select_masks(masks, card=card, model_labels=explainer.segmenter.labels)
        truths = Truths(files, labels)
    with progress_bar("explaining", quiet=quiet) as bar:
        rows = explain_images(explainer, inputs, out, truths=truths, report=bar)
    failed = [row for row in rows if row.message]
    shrunk = sum(row.size != row.examined for row in rows)
    if as_json:
        facts = {
            "out": str(out),
            "images": len(rows),
            "done": len(rows) - len(failed),
            "shrunk": shrunk,
            "with_truth": sum(row.truth for row in rows),
            "maps": list(explainer.maps),
            "failed": [{"input": row.input, "message": row.message} for row in failed],
        }
        click.echo(json.dumps(facts))
    else:
        click.echo(f"{len(rows) - len(failed)} of {len(rows)} images: {', '.join(explainer.maps)}; {out / 'panels'}")
        if shrunk:
            click.echo(f"{shrunk} shrunk to {explainer.max_side_px} px before anything was computed; see --max-side")
        if truths is not None and not any(row.truth for row in rows):
            click.echo(f"no image has a true mask of its name in {masks}")
        if not quiet and not failed:
            click.echo(f"next: sort {out / 'explain.csv'} by a mean; segan explain {model} --discriminator --data DIR")
    if failed:
        lines = "\n".join(f"  - {row.message}" for row in failed)
        raise PartialFailureError(f"{len(failed)} of {len(rows)} images failed; the others are done:\n{lines}")


def _measure(
    model: str,
    segmenter: "Segmenter",
    data: Path | None,
    images: Path | None,
    masks: Path | None,
    split: str,
    *,
    card: str | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    import json

    from segan.commands.progress import progress_bar
    from segan.data.source import Source
    from segan.evaluation.discriminator import judge_samples
    from segan.evaluation.discriminator_table import print_quality
    from segan.evaluation.selection import select_samples
    from segan.files import refuse_inside, write_json
    from segan.inference.discriminator_file import load_discriminator
    from segan.inference.model_file import find_model_file

    source = Source.choose(data, images, masks)
    if out is not None:
        refuse_inside(out, [place for place in (data, images, masks) if place is not None])
    judge = load_discriminator(model, segmenter)
    run = find_model_file(model).parent
    selection = select_samples(source, split, card=card, run=run, model_labels=segmenter.labels)
    if not quiet:
        click.echo(f"{split}: {len(selection.samples)} images; {selection.source}", err=True)
    total = len(selection.samples)
    with progress_bar("judging", quiet=quiet) as bar:
        quality = judge_samples(
            judge, segmenter, selection.samples, selection.labels, split=split, report=lambda done: bar(done, total)
        )
    if out is not None:
        write_json(out / "discriminator.json", quality.to_json())
    if as_json:
        click.echo(json.dumps(quality.to_json(), allow_nan=False))
        return
    if not quiet:
        print_quality(quality)
    click.echo(quality.sentence())
    if not quiet:
        places = {sample.name: sample.image for sample in selection.samples}
        worst = places[quality.ranked_images[0]["name"]]
        click.echo(f"next: segan explain {model} {worst} --out why, the image it is most wrong about")
