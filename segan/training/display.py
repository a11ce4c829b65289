"""What a person sees while a run trains: a progress bar on a terminal, plain lines elsewhere, on standard error."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Display:
    """Messages and progress on standard error.

    Args:
        quiet: Show nothing but warnings.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.quiet = quiet

    def line(self, text: str) -> None:
        """Print one line of news."""
        if not self.quiet:
            self.console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """Print one line that must be seen."""
        self.console.print(f"warning: {text}", markup=False, style="yellow")

    def bar(self, description: str, *, total: int, done: int) -> "ProgressBar":
        """Open a progress bar; use it in a `with` block."""
        return ProgressBar(self, description, total=total, done=done)


class ProgressBar:
    """A progress bar with the latest figures and the time left."""

    def __init__(self, display: Display, description: str, *, total: int, done: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=display.console,
            transient=True,
            disable=display.quiet or not display.console.is_terminal,
        )
        self._task = self._progress.add_task(description, total=total, completed=done, figures="")

    def advance(self, done: int, figures: str | None = None) -> None:
        """Move to `done` and show the latest figures."""
        if figures is None:
            self._progress.update(self._task, completed=done)
        else:
            self._progress.update(self._task, completed=done, figures=figures)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()
