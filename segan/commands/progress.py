"""A bar of progress on standard error, so that standard output holds the result alone."""

import contextlib
import sys
from collections.abc import Callable, Iterator

Advance = Callable[[int, int], None]


@contextlib.contextmanager
def progress_bar(what: str, *, quiet: bool) -> Iterator[Advance]:
    """Show how far a command is; silent where standard error is no terminal.

    Args:
        what: Word before the bar.
        quiet: Show nothing.

    Yields:
        A function that takes the number done and the total.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console  # Only here: a tenth of the start of a command that shows no bar.
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Images per second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f} images/s" if task.speed else "")

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
