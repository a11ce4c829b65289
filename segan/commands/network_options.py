"""The options of all commands that predict: how a trained network is applied."""

from collections.abc import Callable
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
        "--precision",
        type=click.Choice(["fp32", "bf16", "fp16"]),
        default="fp32",
        show_default=True,
        help="Of the network.",
    ),
)


def network_options(command: Command) -> Command:
    """Add `--tile`, `--tta`, `--min-area`, `--device` and `--precision`, in this order."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
