"""Show an evaluation as a table."""

import math
import sys
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segan.evaluation.result import Evaluation


def print_evaluation(evaluation: Evaluation, stream: TextIO | None = None) -> None:
    """Print the scores of each class and of the whole.

    Args:
        evaluation: What to show.
        stream: Where to; `None`: standard output.
    """
    Console(file=stream or sys.stdout, highlight=False).print(evaluation_table(evaluation))


def evaluation_table(evaluation: Evaluation) -> Table:
    """Build a table with a row for each class and one for the mean IoU and the pixel accuracy."""
    split = f"{evaluation.split}: " if evaluation.split else ""
    # Names are no markup: `Text` shows brackets as they are.
    table = Table(title=Text(f"{split}{evaluation.images} images"), title_justify="left", show_footer=True)
    table.add_column("class", "mean IoU, pixel accuracy", overflow="fold")
    table.add_column("IoU", _figure(evaluation.mean_iou), justify="right")
    table.add_column("Dice", justify="right")
    table.add_column("precision", justify="right")
    table.add_column("recall", justify="right")
    table.add_column("pixels %", _figure(evaluation.pixel_accuracy), justify="right")
    counts = evaluation.confusion_matrix.sum(axis=1)
    columns = (evaluation.iou, evaluation.dice, evaluation.precision, evaluation.recall)
    for index, name in enumerate(evaluation.classes):
        share = 100.0 * counts[index] / max(1, counts.sum())
        table.add_row(Text(name), *(_figure(column[name]) for column in columns), f"{share:.2f}")
    return table


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
