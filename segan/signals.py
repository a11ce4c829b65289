"""Catch SIGTERM and Ctrl-C once, so that a command can end in an orderly way."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_WATCHED = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def on_stop_signal(act: Callable[[int], None]) -> Iterator[None]:
    """Call `act` with the number of the first SIGTERM or SIGINT in the block; a second one acts as usual.

    Outside the main thread, where Python allows no handlers, the block runs unchanged.

    Args:
        act: Runs in the main thread, between two of its instructions; may raise.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _WATCHED}

    def restore() -> None:
        for number in _WATCHED:
            signal.signal(number, before[number])

    def handle(number: int, frame: FrameType | None) -> None:
        restore()
        act(number)

    for number in _WATCHED:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
