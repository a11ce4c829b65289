"""Turn SIGTERM and Ctrl-C into an exception at once: a prediction has no state to finish, only files being written."""

import contextlib
from collections.abc import Iterator

from segan.signals import on_stop_signal


class Interrupted(BaseException):
    """A signal asked the process to stop.

    Args:
        signal_number: The signal.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


@contextlib.contextmanager
def raise_on_signals() -> Iterator[None]:
    """Raise `Interrupted` in the main thread at the first SIGTERM or SIGINT in the block; a second acts as usual."""
    with on_stop_signal(_interrupt):
        yield


def _interrupt(signal_number: int) -> None:
    raise Interrupted(signal_number)
