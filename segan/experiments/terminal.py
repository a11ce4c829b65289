"""The standings of a benchmark and the effects of a proof on a terminal, in 80 columns."""

import sys
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segan.experiments.effects import MEASURED, Comparison
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


def print_proof(standings: Sequence[Standing], comparisons: Sequence[Comparison], stream: TextIO | None = None) -> None:
    """Print the score of each arm, then every difference with its interval.

    Args:
        standings: From `rank`.
        comparisons: From `compare_arms`.
        stream: Where to; `None`: standard output.
    """
    console = Console(file=stream or sys.stdout, highlight=False)
    for standing in standings:
        spread = "" if standing.spread is None else f", s.d. {show_score(standing.spread)}"
        console.print(
            Text(
                f"{standing.cell.method}: mean IoU {show_score(standing.mean_iou)}{spread}, {len(standing.runs)} seeds"
            )
        )
    table = Table(title="differences in points, 95 % interval over seeds and images", title_justify="left")
    table.add_column("arm", overflow="fold")
    table.add_column("minus", overflow="fold")
    table.add_column("figure")
    for heading in ("difference", "interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for comparison in comparisons:
        for key, effect in comparison.effects.items():
            low, high = effect.interval
            table.add_row(
                Text(comparison.arm),
                Text(comparison.against),
                MEASURED[key].title,
                f"{100 * effect.mean:+.2f}",
                show_ends((100 * low, 100 * high), "+.2f"),
            )
    console.print(table)
