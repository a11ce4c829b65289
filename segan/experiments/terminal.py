"""The standings of a benchmark on a terminal, in 80 columns."""

import sys
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segan.experiments.standings import Standing
from segan.experiments.words import show_ends, show_quantity, show_score


def print_standings(standings: Sequence[Standing], stream: TextIO | None = None) -> None:
    """Print a row for each method on each data set.

    Args:
        standings: From `rank`.
        stream: Where to; `None`: standard output.
    """
    table = Table(title="mean IoU on test, 95 % interval over images", title_justify="left")
    table.add_column("data", overflow="fold")
    table.add_column("method", overflow="fold")
    for heading in ("seeds", "mean IoU", "interval", "minutes"):
        table.add_column(heading, justify="right", no_wrap=True)
    for standing in standings:
        score = show_score(standing.mean_iou)
        table.add_row(
            Text(standing.cell.dataset),
            Text(standing.cell.label),
            str(len(standing.runs)),
            Text(score, style="bold" if standing.is_best else ""),
            show_ends(standing.interval),
            show_quantity(standing.mean("training_minutes"), 1.0, 2),
        )
    Console(file=stream or sys.stdout, highlight=False).print(table)
