"""Errors a user can act on: each becomes one line of text and an exit code in `cli.py`, nowhere else."""

from collections.abc import Sequence


class SeganError(Exception):
    """A failure of ours or of the environment, told in one line.

    The message reads `<what is wrong>: <what was seen>, expected <what>. <What to do now.>` and names the path or
    key as the user typed it.
    """

    exit_code = 1


class UsageError(SeganError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration key or value is wrong."""


class DataError(UsageError):
    """Images, masks or a dataset folder cannot be used as they are.

    Args:
        message: One line, or the heading over `problems`.
        problems: One line for each problem found, so that a user can repair all of them at once.
    """

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([message, *(f"  - {problem}" for problem in problems)]))


class CheckpointError(SeganError):
    """A model or checkpoint file is damaged, incomplete or not ours."""


class PartialFailureError(SeganError):
    """Some inputs failed and are listed; the others are done."""

    exit_code = 3


class StoppedError(SeganError):
    """A signal ended the run after its state was saved.

    Args:
        signal_number: The signal, so that the exit code is 128 + signal as shells expect.
        message: What was saved and how to go on.
    """

    def __init__(self, signal_number: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
