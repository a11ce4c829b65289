"""The charts of the page, each a pure function from data to SVG."""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from segan.report.model import Curve, Figure, Reliability
from segan.report.svg import Plot, Scale, axes, element, figure, linear_scale, nice_ticks, path
from segan.report.text import show_number, show_score

_FEW_POINTS = 20  # A line of so few points shows each.
_HISTOGRAM_BINS = 20


def line_chart(curve: Curve) -> Markup:
    """Draw the lines of a curve over the steps."""
    plot = Plot()
    points = [point for series in curve.series for point in series.points]
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    low, high = curve.limits or _limits([y for _, y in points])
    x, y = linear_scale(first, last, *plot.ends_x), linear_scale(low, high, *plot.ends_y)
    parts = [axes(plot, (x, nice_ticks(first, last), "step"), (y, nice_ticks(low, high), ""))]
    parts += [_mark(plot, x(step), place) for place, (step, _) in enumerate(curve.marks) if first <= step <= last]
    if curve.level is not None:
        at, name = y(curve.level[0]), curve.level[1]
        parts.append(element("line", x1=plot.ends_x[0], x2=plot.ends_x[1], y1=at, y2=at, class_="level"))
        parts.append(element("text", name, x=plot.ends_x[1] - 4, y=at + 13, text_anchor="end", class_="name"))
    for place, series in enumerate(curve.series):
        drawn = [(x(a), y(b)) for a, b in series.points]
        parts.append(element("path", d=path(drawn), class_=f"line s{place % 6}"))
        if len(drawn) <= _FEW_POINTS:
            parts += [element("circle", cx=a, cy=b, r=2.5, class_=f"dot s{place % 6}") for a, b in drawn]
    return figure(plot, curve.title, describe_curve(curve), *parts)


def describe_curve(curve: Curve) -> str:
    """Tell in words where each line begins and ends."""
    return "; ".join(
        f"{series.name}: {show_number(series.points[0][1])} at step {show_number(series.points[0][0])}, "
        f"{show_number(series.points[-1][1])} at step {show_number(series.points[-1][0])}"
        for series in curve.series
    )


def legend_line(place: int) -> Markup:
    """Draw the sample of a line for a legend, coloured and dashed as in the chart."""
    line = element("path", d="M1 5L25 5", class_=f"line s{place % 6}")
    return element("svg", line, viewBox="0 0 26 10", class_="sample", aria_hidden="true")


def mark_line(place: int) -> Markup:
    """Draw the sample of the line at a marked step."""
    line = element("line", x1=13, x2=13, y1=0, y2=10, class_=f"mark m{place % 2}")
    return element("svg", line, viewBox="0 0 26 10", class_="sample", aria_hidden="true")


def interval_bar(figure_: Figure, limits: tuple[float, float] = (0.0, 1.0)) -> Markup:
    """Draw a value as a bar with its interval as a whisker; the numbers stand beside it in text."""
    x = linear_scale(*limits, 0.0, 200.0)
    parts = [element("rect", x=0, y=5, width=200, height=10, class_="track")]
    if not math.isnan(figure_.value):
        parts.append(element("rect", x=0, y=5, width=x(figure_.value), height=10, class_="bar"))
    if not math.isnan(figure_.ends[0]):
        low, high = map(x, figure_.ends)
        whisker = f"M{low:.2f} 10L{high:.2f} 10M{low:.2f} 4L{low:.2f} 16M{high:.2f} 4L{high:.2f} 16"
        parts += [element("path", d=whisker, class_=name) for name in ("halo", "whisker")]
    return element("svg", *parts, viewBox="0 0 200 20", preserveAspectRatio="none", class_="bars", aria_hidden="true")


def share_bar(share: float, largest: float, color: str) -> Markup:
    """Draw a share as a bar in the colour of its class; the number stands beside it in text."""
    width = 100.0 * share / largest if largest else 0.0
    bar = element("rect", x=0, y=2, width=width, height=8, fill=color, class_="edge")
    return element("svg", bar, viewBox="0 0 100 12", preserveAspectRatio="none", class_="share", aria_hidden="true")


def scale_strip(colors: Sequence[str]) -> Markup:
    """Draw the colours of a map from 0 to 1."""
    width = 120 / len(colors)
    parts = [
        element("rect", x=place * width, y=0, width=width + 0.5, height=12, fill=color)
        for place, color in enumerate(colors)
    ]
    return element("svg", *parts, viewBox="0 0 120 12", class_="strip", aria_hidden="true")


def reliability_chart(
    reliability: Reliability,
    title: str = "Accuracy by confidence",
    names: tuple[str, str, str] = ("confidence", "accuracy", "pixels"),
) -> Markup:
    """Draw accuracy over confidence, the diagonal where both are equal, and below the share of pixels in each bin.

    Args:
        reliability: The bins.
        title: What the chart is called.
        names: What to call confidence, accuracy and what is counted.
    """
    plot = Plot(width=340, height=330, bottom=96)
    x, y = linear_scale(0.0, 1.0, *plot.ends_x), linear_scale(0.0, 1.0, *plot.ends_y)
    ticks = nice_ticks(0.0, 1.0)
    parts = [axes(plot, (x, [], ""), (y, ticks, names[1]))]
    parts.append(element("path", d=path([(x(0.0), y(0.0)), (x(1.0), y(1.0))]), class_="level"))
    known = [(c, a) for c, a in zip(reliability.confidence, reliability.accuracy, strict=True) if not math.isnan(a)]
    for confidence, accuracy in known:
        parts.append(
            element("line", x1=x(confidence), x2=x(confidence), y1=y(confidence), y2=y(accuracy), class_="gap")
        )
    parts.append(element("path", d=path([(x(c), y(a)) for c, a in known]), class_="line s0"))
    parts += _dots(reliability, x, y)
    parts += _pixels_below(plot, x, reliability.shares, names)
    told = "; ".join(f"{names[0]} {c:.2f}: {names[1]} {a:.2f}" for c, a in known)
    return figure(plot, title, told, *parts)


def histogram(values: Sequence[float], name: str) -> Markup:
    """Draw how many images have which score, from 0 to 1."""
    plot = Plot(height=170)
    counts, _ = np.histogram([value for value in values if not math.isnan(value)], _HISTOGRAM_BINS, (0.0, 1.0))
    x, y = linear_scale(0.0, 1.0, *plot.ends_x), linear_scale(0.0, float(max(1, counts.max())), *plot.ends_y)
    ticks = [tick for tick in nice_ticks(0.0, float(max(1, counts.max())), 3) if tick == int(tick)]
    parts = [axes(plot, (x, nice_ticks(0.0, 1.0), name), (y, ticks, "images"))]
    for place, count in enumerate(counts.tolist()):
        left, right = x(place / _HISTOGRAM_BINS), x((place + 1) / _HISTOGRAM_BINS)
        parts.append(
            element("rect", x=left + 1, y=y(count), width=right - left - 2, height=y(0.0) - y(count), class_="bar")
        )
    return figure(plot, f"{name} of the images", _tell_spread(values), *parts)


def _tell_spread(values: Sequence[float]) -> str:
    known = sorted(value for value in values if not math.isnan(value))
    if not known:
        return "no image has a score"
    median = show_score(float(np.median(known)))
    return f"lowest {show_score(known[0])}, median {median}, highest {show_score(known[-1])}"


def _dots(reliability: Reliability, x: Scale, y: Scale) -> list[Markup]:
    """Draw each bin as a dot whose area grows with its pixels: a bin of few pixels says little."""
    bins = zip(reliability.confidence, reliability.accuracy, reliability.shares, strict=True)
    return [
        element("circle", cx=x(confidence), cy=y(accuracy), r=2.0 + 4.0 * math.sqrt(share), class_="dot s0")
        for confidence, accuracy, share in bins
        if not math.isnan(accuracy)
    ]


def _pixels_below(plot: Plot, x: Scale, shares: Sequence[float], names: tuple[str, str, str]) -> list[Markup]:
    """Draw the share of pixels in each bin under the chart, on its own scale."""
    base, height = plot.height - 36, 42.0
    largest = max(shares) or 1.0
    parts = []
    for place, share in enumerate(shares):
        left, right = x(place / len(shares)), x((place + 1) / len(shares))
        tall = height * share / largest
        parts.append(
            element("rect", x=left + 1, y=base - tall, width=right - left - 2, height=tall, class_="track-bar")
        )
    parts.append(element("line", x1=plot.ends_x[0], x2=plot.ends_x[1], y1=base, y2=base, class_="axis"))
    for tick in nice_ticks(0.0, 1.0):
        parts.append(element("text", show_number(tick), x=x(tick), y=base + 15, text_anchor="middle"))
    parts.append(element("text", names[0], x=plot.ends_x[1], y=plot.height - 4, text_anchor="end", class_="name"))
    parts.append(element("text", names[2], x=plot.ends_x[0], y=base - height - 4, class_="name"))
    return parts


def _mark(plot: Plot, at: float, place: int) -> Markup:
    return element("line", x1=at, x2=at, y1=plot.ends_y[0], y2=plot.ends_y[1], class_=f"mark m{place % 2}")


def _limits(values: Sequence[float]) -> tuple[float, float]:
    """From 0, or the lowest where values are negative, to the highest."""
    return min(0.0, min(values)), max(values) if max(values) > 0 else 1.0
