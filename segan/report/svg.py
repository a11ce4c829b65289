"""Write SVG elements, and the scales and axes of charts; colours and fonts are the style sheet's."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from segan.report.text import show_number

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Plot:
    """The field of a chart, in units of the SVG.

    Args:
        width: Of the whole.
        height: Of the whole.
        left: Room for the labels beside it, and so the others.
        right: See `left`.
        top: See `left`.
        bottom: See `left`.
    """

    width: float = 340
    height: float = 210
    left: float = 46
    right: float = 14
    top: float = 12
    bottom: float = 36

    @property
    def ends_x(self) -> tuple[float, float]:
        """Left and right end of the field."""
        return self.left, self.width - self.right

    @property
    def ends_y(self) -> tuple[float, float]:
        """Lower and upper end of the field."""
        return self.height - self.bottom, self.top


def element(tag: str, *children: Markup | str, **attributes: str | float) -> Markup:
    """Write an element; text and values are escaped.

    Args:
        tag: Its name.
        children: Markup as it is, text escaped.
        attributes: `stroke_width` becomes `stroke-width`, `class_` becomes `class`.

    >>> element("text", "a < b", x=1.0, class_="note")
    Markup('<text x="1" class="note">a &lt; b</text>')
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _show(value))
        for name, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), written, Markup("").join(map(escape, children)))


def linear_scale(low: float, high: float, start: float, end: float) -> Scale:
    """Map `low` to `start` and `high` to `end`; one value alone goes to the middle.

    >>> linear_scale(0.0, 10.0, 100.0, 200.0)(5.0)
    150.0
    """
    if high == low:
        return lambda value: (start + end) / 2
    return lambda value: start + (value - low) / (high - low) * (end - start)


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Choose round values from `low` to `high`, about `count` steps of 1, 2 or 5 times a power of ten.

    >>> nice_ticks(0.0, 3.6), nice_ticks(0.0, 1.0)
    ([0.0, 1.0, 2.0, 3.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    """
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.75)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{place * step:.10g}") for place in range(first, last + 1)]


def figure(plot: Plot, title: str, description: str, *children: Markup) -> Markup:
    """Wrap a chart as one picture with a name and a description for those who do not see it."""
    name = title if not description else f"{title}. {description}"
    return element(
        "svg", *children, viewBox=f"0 0 {plot.width:g} {plot.height:g}", role="img", aria_label=name, class_="chart"
    )


def axes(
    plot: Plot,
    x: tuple[Scale, Sequence[float], str],
    y: tuple[Scale, Sequence[float], str],
    show: Callable[[float], str] = show_number,
) -> Markup:
    """Draw the grid, the ticks and the names of both axes.

    Args:
        plot: The field.
        x: Scale, ticks and name.
        y: The same of the other axis.
        show: Writes the value of a tick.
    """
    (left, right), (bottom, top) = plot.ends_x, plot.ends_y
    parts = []
    for value in y[1]:
        at = y[0](value)
        parts.append(element("line", x1=left, x2=right, y1=at, y2=at, class_="grid"))
        parts.append(element("text", show(value), x=left - 6, y=at + 4, text_anchor="end"))
    for value in x[1]:
        parts.append(element("text", show(value), x=x[0](value), y=bottom + 15, text_anchor="middle"))
    parts.append(element("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"))
    parts.append(element("text", x[2], x=right, y=plot.height - 4, text_anchor="end", class_="name"))
    if y[2]:
        parts.append(element("text", y[2], x=left, y=top - 3, class_="name"))
    return Markup("").join(parts)


def path(points: Sequence[tuple[float, float]]) -> str:
    """Write a line through points as path data.

    >>> path([(0.0, 1.0), (2.5, 3.0)])
    'M0 1L2.5 3'
    """
    return "M" + "L".join(f"{_show(x)} {_show(y)}" for x, y in points)


def _show(value: str | float) -> str:
    return value if isinstance(value, str) else f"{round(value, 2):g}"
