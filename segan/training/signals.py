"""Turn SIGTERM and Ctrl-C into a request that the loop honours between two steps."""

import contextlib
from collections.abc import Iterator

from segan.signals import on_stop_signal


class StopRequest:
    """Whether, and by which signal, the run was asked to stop."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def note(self, signal_number: int) -> None:
        """Remember the signal."""
        self.signal_number = signal_number

    def __bool__(self) -> bool:
        return self.signal_number is not None


@contextlib.contextmanager
def listen_for_stop() -> Iterator[StopRequest]:
    """Note the first SIGTERM or SIGINT inside the block; a second one acts as usual."""
    request = StopRequest()
    with on_stop_signal(request.note):
        yield request
