"""Colours of classes: written in files, chosen where nobody chose."""

import colorsys
import re
from collections.abc import Sequence
from typing import Any

Color = tuple[int, int, int]

_GOLDEN_RATIO = 0.618033988749895
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


def default_colors(count: int) -> tuple[Color, ...]:
    """Choose colours that differ: black, then hues in golden steps, so that neighbours are far apart.

    >>> default_colors(2)
    ((0, 0, 0), (242, 73, 73))
    """
    colors: list[Color] = [(0, 0, 0)]
    for index in range(count - 1):
        saturation, value = ((0.7, 0.95), (0.9, 0.7), (0.45, 1.0))[index // 12 % 3]
        red, green, blue = colorsys.hsv_to_rgb(index * _GOLDEN_RATIO % 1.0, saturation, value)
        colors.append((round(red * 255), round(green * 255), round(blue * 255)))
    return tuple(colors[:count])


def mask_palette(colors: Sequence[Color]) -> list[int]:
    """Return the 256 colours of a mask file as one list: those of the classes, and grey for all other values."""
    flat = [channel for color in colors for channel in color]
    return flat + [128] * (256 * 3 - len(flat))


def parse_color(value: Any) -> Color | None:
    """Read `#rrggbb`, `[r, g, b]` as a list, or the same as text; `None` where it is no colour.

    >>> parse_color("#ff8000"), parse_color([1, 2, 3]), parse_color("[1, 2, 3]"), parse_color("red")
    ((255, 128, 0), (1, 2, 3), (1, 2, 3), None)
    """
    if isinstance(value, str):
        if _HEX.fullmatch(value):
            return unpack_color(int(value[1:], 16))
        parts: list[Any] = [int(part) if part.isdecimal() else None for part in re.findall(r"[^\s,;()\[\]]+", value)]
    elif isinstance(value, list | tuple):
        parts = list(value)
    else:
        return None
    if len(parts) != 3 or not all(type(part) is int and 0 <= part <= 255 for part in parts):
        return None
    return parts[0], parts[1], parts[2]


def show_color(color: Color) -> str:
    """Write a colour as `#rrggbb`.

    >>> show_color((255, 128, 0))
    '#ff8000'
    """
    return f"#{pack_color(color):06x}"


def pack_color(color: Color) -> int:
    """Put a colour into one number, red highest; the order of numbers is the order of (red, green, blue)."""
    red, green, blue = color
    return red << 16 | green << 8 | blue


def unpack_color(number: int) -> Color:
    """Undo `pack_color`."""
    return number >> 16 & 255, number >> 8 & 255, number & 255
