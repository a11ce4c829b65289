"""Least areas of regions, as the command line writes them."""

import click


def read_min_areas(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, int] | None:
    """Read `PX` and `CLASS=PX` into least areas by class name, `all` for each that is not named; `None` where empty."""
    areas: dict[str, int] = {}
    for value in values:
        name, _, pixels = value.rpartition("=")
        if not pixels.isdecimal() or value.startswith("="):
            raise click.BadParameter(f"seen {value!r}, expected pixels, or a class and pixels. Write say car=50.")
        areas[name or "all"] = int(pixels)
    return areas or None
