"""The options of all commands that predict: how a trained network is applied."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]


def read_min_areas(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, int] | None:
    """Read `PX` and `CLASS=PX` into least areas by class name, `all` for each that is not named; `None` where empty."""
    areas: dict[str, int] = {}
    for value in values:
        name, _, pixels = value.rpartition("=")
        if not pixels.isdecimal() or value.startswith("="):
            raise click.BadParameter(f"seen {value!r}, expected pixels, or a class and pixels. Write say car=50.")
        areas[name or "all"] = int(pixels)
    return areas or None


_OPTIONS = (
    click.option(
        "--tile", type=click.IntRange(min=32), metavar="PX", help="Side of tiles of large images; default: the model's."
    ),
    click.option(
        "--tta/--no-tta",
        default=None,
        help="Average over views: the model's own, or else the mirrored image, which takes twice the time. Default: as "
        "the model was trained for.",
    ),
    click.option(
        "--min-area",
        "min_areas",
        multiple=True,
        metavar="[CLASS=]PX",
        callback=read_min_areas,
        help="Give regions of a class, or of all, that have fewer pixels to what lies around them; repeat it for "
        "several classes. Default: as stored with the model; 0: none.",
    ),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."),
    click.option(
        "--backend",
        type=click.Choice(["auto", "torch", "onnx", "openvino"]),
        default="auto",
        show_default=True,
        help="What runs the network. auto: a bundle's own; for a model torch, and where many images are predicted, "
        "what a short measurement finds fastest.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["fp32", "bf16", "fp16"]),
        help="Of the network; default: fp32, or what a bundle holds. bf16 pays where the processor multiplies it.",
    ),
)


def network_options(command: Command) -> Command:
    """Add `--tile`, `--tta`, `--min-area`, `--device`, `--backend` and `--precision`, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def choose_model(
    model: str,
    backend: str,
    device: str,
    precision: str | None,
    *,
    images: Sequence[Path] = (),
    record: Path | None = None,
    quiet: bool,
) -> tuple[str | Path, str | None]:
    """Turn `--backend` into what is loaded: the model, or a bundle of it that was made by the way.

    Args:
        model: As the user named it.
        backend: Value of `--backend`.
        device: Value of `--device`.
        precision: Value of `--precision`.
        images: What is predicted, where `auto` may measure.
        record: File that keeps what was measured.
        quiet: Say nothing.

    Returns:
        What to load, and the backend; `None`: its own.
    """
    from segan.inference.bundle import is_bundle

    if is_bundle(model):
        return model, None if backend == "auto" else backend
    if backend == "torch" or (backend == "auto" and (not images or precision == "fp16" or _has_gpu(device))):
        return model, "torch"
    from segan.export.choose import choose_backend

    say = (lambda text: None) if quiet else (lambda text: click.echo(text, err=True))
    choice = choose_backend(model, backend, images, precision=precision, record=record, say=say)
    return choice.model, choice.backend


def _has_gpu(device: str) -> bool:
    from segan.inference.devices import choose_device

    return choose_device(device).type != "cpu"
