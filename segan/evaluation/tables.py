"""Show evaluations and comparisons as tables."""

import math
import sys
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segan.evaluation.comparison import Comparison, Difference
from segan.evaluation.intervals import Ends
from segan.evaluation.result import Evaluation

# Rows of a comparison: figure, and what to call it.
_SHOWN = {"mean_iou": "mean IoU", "pixel_accuracy": "pixel accuracy", "iou": "IoU", "dice": "Dice"}


def print_evaluation(evaluation: Evaluation, stream: TextIO | None = None) -> None:
    """Print the scores of each class and of the whole.

    Args:
        evaluation: What to show.
        stream: Where to; `None`: standard output.
    """
    Console(file=stream or sys.stdout, highlight=False).print(evaluation_table(evaluation))


def print_comparison(comparison: Comparison, stream: TextIO | None = None) -> None:
    """Print each figure of two evaluations, the difference, its interval and its p-value.

    Args:
        comparison: What to show.
        stream: Where to; `None`: standard output.
    """
    Console(file=stream or sys.stdout, highlight=False).print(comparison_table(comparison))


def evaluation_table(evaluation: Evaluation) -> Table:
    """Build a table with a row for each class and one for the mean IoU and the pixel accuracy.

    Below IoU and Dice stand the ends of their 95 % interval, where there is one; a line of 80 columns has room for two.
    """
    split = f"{evaluation.split}: " if evaluation.split else ""
    about = "1 image, no intervals" if evaluation.images == 1 else f"{evaluation.images} images, 95 % intervals below"
    intervals = evaluation.intervals
    # Names are no markup: `Text` shows brackets as they are.
    table = Table(title=Text(f"{split}{about}"), title_justify="left", show_footer=True)
    table.add_column("class", "mean IoU, pixel accuracy", overflow="fold")
    table.add_column(
        "IoU", _with_interval(evaluation.mean_iou, intervals.whole["mean_iou"]), justify="right", no_wrap=True
    )
    table.add_column("Dice", justify="right", no_wrap=True)
    table.add_column("precision", justify="right")
    table.add_column("recall", justify="right")
    accuracy = _with_interval(evaluation.pixel_accuracy, intervals.whole["pixel_accuracy"])
    table.add_column("pixels %", accuracy, justify="right", no_wrap=True)
    counts = evaluation.confusion_matrix.sum(axis=1)
    for index, name in enumerate(evaluation.classes):
        share = 100.0 * counts[index] / max(1, counts.sum())
        cells = (
            _with_interval(evaluation.iou[name], intervals.per_class["iou"][name]),
            _with_interval(evaluation.dice[name], intervals.per_class["dice"][name]),
            _figure(evaluation.precision[name]),
            _figure(evaluation.recall[name]),
        )
        table.add_row(Text(name), *cells, f"{share:.2f}")
    return table


def comparison_table(comparison: Comparison) -> Table:
    """Build a table with a row for each figure."""
    table = Table(title=f"{comparison.images} images; p is not corrected for the number of rows", title_justify="left")
    table.add_column("figure", overflow="fold")
    for heading in ("A", "B", "B - A", "95 % interval", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for (figure, name), found in comparison.figures.items():
        if figure in _SHOWN:
            table.add_row(Text(f"{_SHOWN[figure]} {name}".rstrip()), *_cells(found))
    return table


def _cells(found: Difference) -> tuple[str, ...]:
    low, high = found.interval
    gain = "-" if math.isnan(found.difference) else f"{found.difference:+.4f}"
    interval = "-" if math.isnan(low) else f"{low:+.4f} to {high:+.4f}"
    return _figure(found.a), _figure(found.b), gain, interval, _figure(found.p_value)


def _with_interval(value: float, ends: Ends) -> str:
    return _figure(value) if math.isnan(ends[0]) else f"{_figure(value)}\n{ends[0]:.3f}-{ends[1]:.3f}"


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
