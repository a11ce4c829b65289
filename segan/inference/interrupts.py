"""Turn SIGTERM and Ctrl-C into an exception at once: a prediction has no state to finish, only files being written."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_WATCHED = (signal.SIGTERM, signal.SIGINT)


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
    """Raise `Interrupted` in the main thread at the first SIGTERM or SIGINT in the block; a second one acts as usual.

    Outside the main thread, where Python allows no handlers, the block runs unchanged.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _WATCHED}

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in _WATCHED:
            signal.signal(each, before[each])
        raise Interrupted(number)

    for number in _WATCHED:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in _WATCHED:
            signal.signal(number, before[number])
