"""Numbers and rows of results as people read them."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from segan.evaluation.intervals import Ends


def markdown_rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    r"""Write a Markdown table.

    >>> markdown_rows(["a"], [["x|y"]])
    ['| a |', '| --- |', '| x\\|y |']
    """
    lines = [headings, ["---"] * len(headings), *rows]
    return ["| " + " | ".join(word.replace("|", "\\|") for word in line) + " |" for line in lines]


def show_score(value: float | None) -> str:
    """Write a score in 0..1.

    >>> show_score(0.43518), show_score(None)
    ('0.435', '-')
    """
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def show_quantity(value: float | None, unit: float, digits: int) -> str:
    """Write a quantity in a unit.

    >>> show_quantity(14_328_709, 1e6, 2), show_quantity(None, 1.0, 0)
    ('14.33', '-')
    """
    return "-" if value is None else f"{value / unit:.{digits}f}"


def show_ends(ends: Ends, form: str = ".3f") -> str:
    """Write an interval.

    >>> show_ends((0.41, 0.46)), show_ends((-0.01, 0.02), "+.4f")
    ('0.410 to 0.460', '-0.0100 to +0.0200')
    """
    low, high = ends
    return "-" if math.isnan(low) else f"{low:{form}} to {high:{form}}"


def or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value


def plain_cell(value: Any) -> Any:
    """Write a value for CSV: nothing for what is not there, floats to six significant digits."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value
