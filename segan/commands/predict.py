"""`segan predict`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from segan.commands.network_options import choose_model, network_options

if TYPE_CHECKING:
    from segan.inference.outputs import MaskFormat, ProbabilityType

EPILOG = """\b
Examples:
  segan predict runs/first photos --out predictions
  segan predict runs/first/model.safetensors a.jpg b.tif --out predictions --overlay --tta
  segan predict runs/first photos --out predictions --outlines --coco
"""


def read_shard(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Read `I/N`: part I of N, from 1."""
    if value is None:
        return None
    index, _, count = value.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise click.BadParameter(f"seen {value!r}, expected a part and the number of parts. Write for example 1/4.")
    return int(index), int(count)


@click.command(epilog=EPILOG)
@click.argument("model")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for masks/ and manifest.csv.")
@click.option("--overlay", is_flag=True, help="Also write overlays/: the image with the classes' colours over it.")
@click.option(
    "--probabilities", is_flag=True, help="Also write probabilities/: float16 [classes, height, width] as .npy."
)
@click.option("--eight-bit", is_flag=True, help="Write probabilities/ as uint8, 0 to 255: half the size.")
@click.option("--outlines", is_flag=True, help="Also write outlines/: polygons around regions as GeoJSON, in pixels.")
@click.option("--coco", is_flag=True, help="Also write annotations.json: the masks of all images in COCO's format.")
@click.option(
    "--mask-format",
    type=click.Choice(["png", "tif"]),
    default="png",
    show_default=True,
    help="Of masks/: tif are tiled files, and BigTIFF where they may be large.",
)
@network_options
@click.option(
    "--compile",
    "compiled",
    is_flag=True,
    help="Run the network through torch.compile: for GPUs and large jobs, as compiling takes long itself.",
)
@click.option(
    "--shard",
    metavar="I/N",
    callback=read_shard,
    help="Do part I of N, to share work among processes or machines. Below torchrun each rank takes its own.",
)
@click.option("--redo", is_flag=True, help="Predict everything again, also what is done and unchanged.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Show errors and the result only.")
def predict(
    model: str,
    inputs: tuple[str, ...],
    out: Path,
    overlay: bool,
    probabilities: bool,
    eight_bit: bool,
    outlines: bool,
    coco: bool,
    mask_format: "MaskFormat",
    tile: int | None,
    tta: bool | None,
    min_areas: dict[str, int] | None,
    shard: tuple[int, int] | None,
    device: str,
    backend: str,
    precision: str | None,
    compiled: bool,
    redo: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Turn images, or folders of images, into masks.

    MODEL is a run folder, a model.safetensors file or a bundle of segan export; each INPUT an image, a folder, whose
    sub-folders are mirrored below OUT/masks, or a .txt file with the path of an image in each line. The same command
    goes on where it was stopped; a file that cannot be read is listed and the others are done.
    """
    import json

    from segan.commands.progress import progress_bar
    from segan.errors import PartialFailureError, UsageError
    from segan.inference.bundle import is_bundle
    from segan.inference.folder import predict_jobs
    from segan.inference.inputs import collect_jobs, find_shared_size
    from segan.inference.lanes import count_lanes
    from segan.inference.load import load_segmenter
    from segan.inference.outputs import OutputPlan
    from segan.inference.ranks import of_this_rank

    shard, device = of_this_rank(shard, device)
    kind: ProbabilityType = "uint8" if eight_bit else "float16" if probabilities else "none"
    plan = OutputPlan(out, overlay, kind, outlines, coco, mask_format)
    # Before anything is written: where a record of ours lies, the files beside it are taken for ours.
    jobs = collect_jobs(inputs, plan)
    images = [job.path for job in jobs]
    if compiled and backend in {"onnx", "openvino"}:
        raise UsageError(f"--compile: --backend {backend} seen, expected torch. Leave one of the two out.")
    if compiled and not is_bundle(model):
        backend = "torch"
    record = plan.record / "backend.json"
    chosen, runs = choose_model(model, backend, device, precision, images=images, record=record, quiet=quiet)
    segmenter = load_segmenter(
        chosen,
        device,
        backend=runs,
        lanes=1 if compiled else count_lanes(device, len(images)),
        tile_px=tile,
        tta=tta,
        min_area_px=min_areas,
        precision=precision,
        image_size=find_shared_size(images),
        compiled=compiled,
    )
    with progress_bar("predicting", quiet=quiet) as bar:
        summary = predict_jobs(
            segmenter, jobs, plan, shard=shard, resume=not redo, report=lambda done, total, row: bar(done, total)
        )
    failed = summary.failed
    done = len(summary.rows) - len(failed)
    if as_json:
        facts = {
            "out": str(out),
            "manifest": str(summary.manifest),
            "images": len(summary.rows),
            "done": done,
            "kept": summary.kept,
            "failed": [{"input": row.input, "message": row.message} for row in failed],
            "seconds": round(summary.seconds, 3),
            "images_per_s": round(summary.images_per_s, 3),
            "backend": segmenter.engine.backend,
            "device": segmenter.engine.device,
        }
        click.echo(json.dumps(facts))
    else:
        kept = f", {summary.kept} of them kept from before" if summary.kept else ""
        click.echo(
            f"{done} of {len(summary.rows)} images{kept}, {summary.images_per_s:.1f} images/s; {summary.manifest}"
        )
        if not quiet and not failed:
            click.echo(f"next: segan evaluate --predictions {out} --masks TRUE_MASKS")
    if failed:
        lines = "\n".join(f"  - {row.message}" for row in failed)
        raise PartialFailureError(f"{len(failed)} of {len(summary.rows)} images failed; the others are done:\n{lines}")
