"""Turn the log of a run into charts."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from segan.report.model import Curve, Series

MOST_POINTS = 240
Line = dict[str, Any]


@dataclass(frozen=True)
class _Chart:
    """A chart that is drawn where the log has one of its names.

    Args:
        title: Its heading.
        names: Keys of the log and what to call them.
        about: How to read it.
        kind: Of the log's lines.
        limits: Lowest and highest value shown; `None`: from the points.
        level: A value worth a line of its own, with its name.
    """

    title: str
    names: dict[str, str]
    about: str
    kind: str = "step"
    limits: tuple[float, float] | None = None
    level: tuple[float, str] | None = None


_CHARTS = (
    _Chart(
        "Pixel losses",
        {
            "pixel": "all pixel losses",
            "cross_entropy": "cross entropy",
            "dice": "Dice loss",
            "focal": "focal loss",
            "lovasz": "Lovász loss",
            "tversky": "Tversky loss",
            "l1": "L1 loss",
        },
        "What the generator lowers on training images. Lower is better.",
    ),
    _Chart(
        "Validation IoU",
        {"mean_iou": "mean IoU"},
        "Mean IoU of the averaged generator on the validation split, which chose the model. Higher is better.",
        kind="validation",
        limits=(0.0, 1.0),
    ),
    _Chart(
        "Adversarial losses",
        {"adversarial": "of the generator", "d_loss": "of the discriminator", "feature_matching": "feature matching"},
        "Two opponents: neither should fall to zero for long.",
    ),
    _Chart(
        "Discriminator accuracy",
        {"d_accuracy": "training patches"},
        "Share of training patches that the discriminator tells right. At one half it cannot tell a prediction from a "
        "true mask.",
        limits=(0.0, 1.0),
        level=(0.5, "chance"),
    ),
    _Chart("Learning rate", {"lr": "of the generator"}, "As the schedule sets it."),
    _Chart(
        "Gradient norms",
        {"gradient_norm_g": "generator", "gradient_norm_d": "discriminator"},
        "Before clipping. Sudden peaks tell of an unstable run.",
    ),
)


def draw_curves(lines: Sequence[Line]) -> tuple[Curve, ...]:
    """Make the charts that a log has points for.

    Args:
        lines: Of `metrics.jsonl`.
    """
    marks = _find_marks(lines)
    curves = []
    for chart in _CHARTS:
        found = [line for line in lines if line.get("kind") == chart.kind]
        series = [Series(label, thin_out(_points(found, name))) for name, label in chart.names.items()]
        drawn = tuple(one for one in series if one.points)
        if drawn:
            curves.append(Curve(chart.title, chart.about, drawn, chart.limits, chart.level, marks))
    return tuple(curves)


def thin_out(points: Sequence[tuple[float, float]], most: int = MOST_POINTS) -> tuple[tuple[float, float], ...]:
    """Take means of neighbours where there are more points than a chart can show; the last point stays.

    >>> thin_out([(1, 2.0), (2, 4.0), (3, 6.0), (4, 8.0)], most=3)
    ((1.5, 3.0), (3.5, 7.0), (4, 8.0))
    """
    if len(points) <= most:
        return tuple(points)
    width = math.ceil(len(points) / (most - 1))
    groups = [points[start : start + width] for start in range(0, len(points), width)]
    means = [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]
    return (*means, points[-1])


def best_validation(lines: Iterable[Line]) -> tuple[int, float] | None:
    """Find the step of the highest validation mean IoU, the first of equals."""
    found = [
        (line["step"], line["mean_iou"])
        for line in lines
        if line.get("kind") == "validation" and line.get("mean_iou") is not None
    ]
    return max(found, key=lambda pair: pair[1], default=None)


def adversarial_from(lines: Iterable[Line]) -> int | None:
    """Find the first logged step in which the discriminator took part."""
    return next((line["step"] for line in lines if line.get("mode") == "adversarial"), None)


def _points(lines: Iterable[Line], name: str) -> list[tuple[float, float]]:
    return [(float(line["step"]), float(line[name])) for line in lines if isinstance(line.get(name), int | float)]


def _find_marks(lines: Sequence[Line]) -> tuple[tuple[float, str], ...]:
    """Name the steps that explain a bend: the discriminator joins in, the best model."""
    joined, best = adversarial_from(lines), best_validation(lines)
    marks = [] if joined is None or joined <= lines[0]["step"] else [(float(joined), "adversarial from here")]
    return tuple(marks if best is None else [*marks, (float(best[0]), "best model")])
