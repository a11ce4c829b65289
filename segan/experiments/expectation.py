"""How long the cells that are left will take, from those that are done and the budgets of the others."""

import statistics
from collections.abc import Callable, Iterable, Sequence

from segan.experiments.cells import BASELINE, Cell

Timed = tuple[Cell, float]

# Imports, checking the data and scoring, beside a training budget.
_OVERHEAD_S = 30.0


def expect_s(cell: Cell, done: Sequence[Timed]) -> float | None:
    """Expect the seconds of a cell: as its twins took, else its budget, else as others of its kind took.

    Args:
        cell: Not done yet.
        done: Finished cells and the seconds each took.

    Returns:
        `None` where nothing is known.
    """
    same = [seconds for other, seconds in done if (other.dataset, other.label) == (cell.dataset, cell.label)]
    if same:
        return statistics.fmean(same)
    budget = cell.config.training.max_minutes
    if cell.mode != BASELINE and budget is not None:
        return 60 * budget + _OVERHEAD_S
    rules: tuple[Callable[[Cell], bool], ...] = (
        lambda other: (other.dataset, other.mode) == (cell.dataset, cell.mode),
        lambda other: other.mode == cell.mode,
    )
    for is_alike in rules:
        alike = [seconds for other, seconds in done if is_alike(other)]
        if alike:
            return statistics.fmean(alike)
    return None


def expect_all_s(cells: Iterable[Cell], done: Sequence[Timed]) -> tuple[float, int]:
    """Add up the expected seconds of cells.

    Returns:
        The sum of those that are known, and the number of those that are not.
    """
    expected = [expect_s(cell, done) for cell in cells]
    known = [seconds for seconds in expected if seconds is not None]
    return sum(known), len(expected) - len(known)


def show_minutes(seconds: float) -> str:
    """Write a time for people.

    >>> show_minutes(40), show_minutes(600), show_minutes(5400)
    ('1 min', '10 min', '1 h 30 min')
    """
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def show_left(cells: Iterable[Cell], done: Sequence[Timed]) -> str:
    """Say how much time is left."""
    seconds, unknown = expect_all_s(cells, done)
    rest = f" and {unknown} cells of unknown length" if unknown else ""
    return f"about {show_minutes(seconds)} left{rest}" if seconds or not unknown else f"{unknown} cells left"
