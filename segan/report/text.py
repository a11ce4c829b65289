"""Numbers and names as people read them."""

import math
from collections.abc import Sequence

from segan.report.model import Ends

NOTHING = "–"


def printable(text: str) -> str:
    r"""Escape what cannot be printed: control characters, marks that turn the writing, bytes that are not UTF-8.

    >>> printable("a\nb \udce9")
    'a\\nb \\udce9'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def show_score(value: float) -> str:
    """Write a figure to three places, small ones to four, or a dash where there is none.

    >>> show_score(0.55539), show_score(0.00391), show_score(float("nan"))
    ('0.555', '0.0039', '–')
    """
    if math.isnan(value):
        return NOTHING
    return f"{value:.4f}" if 0.0 < abs(value) < 0.01 else f"{value:.3f}"


def show_interval(ends: Ends) -> str:
    """Write an interval, or say that there is none.

    >>> show_interval((0.5, 0.6123))
    '0.500 to 0.612'
    """
    return "no interval" if math.isnan(ends[0]) else f"{show_score(ends[0])} to {show_score(ends[1])}"


def show_share(value: float) -> str:
    """Write a share in per cent, with as many digits as tell something.

    >>> show_share(0.1234), show_share(0.0004), show_share(0.0), show_share(1.0)
    ('12.3 %', '0.04 %', '0 %', '100 %')
    """
    if math.isnan(value):
        return NOTHING
    if value in {0.0, 1.0}:
        return f"{100 * value:.0f} %"
    return f"{100 * value:.2f} %" if value < 0.001 else f"{100 * value:.1f} %"


def show_count(value: int) -> str:
    """Write a whole number in groups of three.

    >>> show_count(1234567)
    '1,234,567'
    """
    return f"{value:,}"


def show_number(value: float) -> str:
    """Write a number of any size in few digits.

    >>> show_number(1500), show_number(0.00020), show_number(0.25)
    ('1,500', '0.0002', '0.25')
    """
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.4g}"


def show_sizes(sizes: Sequence[tuple[int, int]]) -> str:
    """Tell the sizes (height, width) of images: the one they share, or the smallest and largest by area.

    >>> show_sizes([(360, 480), (360, 480)]), show_sizes([(10, 20), (30, 40), (20, 20)])
    ('480 × 360 px', '20 × 10 px to 40 × 30 px, 3 sizes')
    """
    different = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    if not different:
        return NOTHING
    shown = [f"{width} × {height} px" for height, width in (different[0], different[-1])]
    return shown[0] if len(different) == 1 else f"{shown[0]} to {shown[1]}, {len(different)} sizes"


def to_sentence(text: str) -> str:
    """Begin with a capital and end with a full stop.

    >>> to_sentence("pixels count once"), to_sentence("")
    ('Pixels count once.', '')
    """
    return text and f"{text[0].upper()}{text[1:].removesuffix('.')}."


def show_minutes(seconds: float) -> str:
    """Write a time as people say it.

    >>> show_minutes(40.0), show_minutes(1762.7), show_minutes(9000.0)
    ('40 s', '29.4 minutes', '2.5 hours')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
