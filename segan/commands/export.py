"""`segan export`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from segan.export.check import Comparison

EPILOG = """\b
Examples:
  segan export runs/first --format openvino --out exported --check my_data
  segan export runs/first --format onnx --out small --int8 --calibrate my_data --check my_data
"""


@click.command(epilog=EPILOG)
@click.argument("model")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["onnx", "openvino", "torch"]),
    required=True,
    help="onnx runs in ONNX Runtime and OpenVINO, openvino in OpenVINO alone, torch in torch without SMP.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the bundle.")
@click.option("--int8", is_flag=True, help="Calculate in 8-bit integers; needs --calibrate.")
@click.option(
    "--calibrate",
    type=click.Path(path_type=Path),
    help="Images whose values set the ranges of --int8: a folder, or a dataset, whose training images are taken.",
)
@click.option(
    "--check",
    type=click.Path(path_type=Path),
    help="Predict these images with both and compare: a folder, or a dataset with true masks. Nothing is written "
    "where they disagree.",
)
@click.option("--split", default="test", show_default=True, help="Split of the dataset of --check.")
@click.option(
    "--least-agreement",
    type=click.FloatRange(0.0, 1.0),
    help="Share of pixels on which both must agree; default: 0.9999, with --int8 0.97.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Show errors and the result only.")
def export(
    model: str,
    kind: str,
    out: Path,
    int8: bool,
    calibrate: Path | None,
    check: Path | None,
    split: str,
    least_agreement: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a trained model as a bundle that runs without SMP, and but for torch's own without torch.

    MODEL is a run folder or a model.safetensors file. The bundle is a folder with the network and a bundle.json that
    holds classes, colours, preprocessing, tiling and checksums; every command that takes a MODEL takes it.
    """
    import json
    from dataclasses import asdict

    from segan.errors import SeganError, UsageError
    from segan.export.bundles import export_bundle

    if int8 != (calibrate is not None):
        seen, wanted = ("--int8", "--calibrate") if int8 else ("--calibrate", "--int8")
        raise UsageError(f"{seen}: seen without {wanted}, expected both or neither. Add {wanted}.")
    say = (lambda text: None) if quiet or as_json else (lambda text: click.echo(text, err=True))
    try:
        comparison = export_bundle(
            model,
            out,
            kind,
            calibrate=calibrate,
            check=check,
            split=split,
            least_agreement=least_agreement,
            say=say,
        )
    except OSError as error:
        raise SeganError(
            f"--out {out}: cannot be written ({error.strerror or error}), expected free space and the right to write. "
            "Make room and run the same command again."
        ) from error
    if as_json:
        facts = None if comparison is None else {**asdict(comparison), "speed": comparison.speed}
        click.echo(json.dumps({"out": str(out), "format": kind, "int8": int8, "check": facts}))
        return
    click.echo(f"{out}: bundle for {kind}{', 8-bit integers' if int8 else ''}")
    if comparison is not None:
        click.echo(describe(comparison))
    if not quiet:
        click.echo(f"next: segan predict {out} IMAGES --out predictions")


def describe(comparison: "Comparison") -> str:
    """Write a comparison as one line."""
    parts = [f"{comparison.images} images: masks agree on {comparison.agreement:.4%} of the pixels"]
    if comparison.mean_iou_original is not None and comparison.mean_iou_exported is not None:
        parts.append(f"mean IoU {comparison.mean_iou_original:.4f} before, {comparison.mean_iou_exported:.4f} after")
    parts.append(f"{comparison.speed:.2f} times the speed of torch")
    return "; ".join(parts)
