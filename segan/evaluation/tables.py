"""Show evaluations and comparisons as tables."""

import math
import sys
from collections.abc import Collection
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segan.evaluation.comparison import Comparison, Difference
from segan.evaluation.conventions import CONVENTIONS, PaperFigures
from segan.evaluation.families import FAMILIES
from segan.evaluation.family_figures import PER_CLASS, Column, main_column
from segan.evaluation.intervals import Ends
from segan.evaluation.result import Evaluation

# Rows of a comparison: figure, and what to call it.
_SHOWN = {"mean_iou": "mean IoU", "pixel_accuracy": "pixel accuracy", "iou": "IoU", "dice": "Dice"}


def print_evaluation(
    evaluation: Evaluation, stream: TextIO | None = None, *, families: Collection[str] | None = None
) -> None:
    """Print the scores of each class and of the whole.

    Args:
        evaluation: What to show.
        stream: Where to; `None`: standard output.
        families: Those to show below the table; `None`: all that were measured beyond the confusion matrix.
    """
    console = Console(file=stream or sys.stdout, highlight=False)
    console.print(evaluation_table(evaluation))
    for name in evaluation.sums if families is None else families:
        console.print(family_table(evaluation, name))


def print_convention(found: PaperFigures, stream: TextIO | None = None) -> None:
    """Print the figures that papers report, the definition, the source and what to mind.

    Args:
        found: What to show.
        stream: Where to; `None`: standard output.
    """
    convention = CONVENTIONS[found.name]
    console = Console(file=stream or sys.stdout, highlight=False)
    console.print(Text(f"convention {found.name}: {convention.definition}"))
    console.print(Text(f"source: {convention.source}"))
    table = Table(show_header=False, box=None)
    for label, (value, ends) in found.figures.items():
        interval = "no interval" if math.isnan(ends[0]) else f"95 % interval {ends[0]:.4f} to {ends[1]:.4f}"
        table.add_row(Text(label), _figure(value), interval)
    console.print(table)
    for note in found.notes:
        console.print(Text(f"note: {note}"))


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


def family_table(evaluation: Evaluation, name: str) -> Table:
    """Build a table of the main figures of one family: by class where they have classes, else a row for each."""
    family = FAMILIES[name]
    values, intervals = evaluation.family_values[name], evaluation.family_intervals[name]

    def cell(column: Column) -> str:
        low = intervals[column][0]
        return _short(values[column]) + ("" if math.isnan(low) else f"\n{_interval(intervals[column])}")

    table = Table(title=Text(f"{name}: {family.summary}"), title_justify="left", show_footer=bool(family.columns))
    if not family.columns:
        for heading in ("figure", "value", "95 % interval"):
            table.add_column(heading, justify="left" if heading == "figure" else "right")
        for label, figure in family.rows.items():
            column = main_column(figure, family)
            table.add_row(Text(label), _short(values[column]), _interval(intervals[column]))
        return table
    table.add_column("class", "mean (macro)", overflow="fold")
    for heading, figure in family.columns.items():
        table.add_column(heading, cell(main_column(figure, family)), justify="right", no_wrap=True)
    for own in evaluation.classes:
        table.add_row(Text(own), *(cell(Column(figure, PER_CLASS, own)) for figure in family.columns.values()))
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
    for family, differences in comparison.families.items():
        # Of the confusion matrix, the rows above say enough.
        shown = {} if family == "confusion" else {**FAMILIES[family].columns, **FAMILIES[family].rows}
        for label, figure in shown.items():
            table.add_row(Text(label), *_cells(differences[main_column(figure, FAMILIES[family])]))
    return table


def _cells(found: Difference) -> tuple[str, ...]:
    low, high = found.interval
    gain = "-" if math.isnan(found.difference) else f"{found.difference:+.4f}"
    interval = "-" if math.isnan(low) else f"{low:+.4f} to {high:+.4f}"
    return _figure(found.a), _figure(found.b), gain, interval, _figure(found.p_value)


def _with_interval(value: float, ends: Ends) -> str:
    return _figure(value) if math.isnan(ends[0]) else f"{_figure(value)}\n{ends[0]:.3f}-{ends[1]:.3f}"


def _interval(ends: Ends) -> str:
    return "-" if math.isnan(ends[0]) else f"{_short(ends[0])}-{_short(ends[1])}"


def _short(value: float) -> str:
    """Write four digits, for distances and numbers of things as well as for shares."""
    return "-" if math.isnan(value) else f"{value:.{3 if value < 10 else 1}f}"


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
