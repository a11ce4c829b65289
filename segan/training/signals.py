"""Turn SIGTERM and Ctrl-C into a request that the loop honours between two steps."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class StopRequest:
    """Whether, and by which signal, the run was asked to stop."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def __bool__(self) -> bool:
        return self.signal_number is not None


@contextlib.contextmanager
def listen_for_stop() -> Iterator[StopRequest]:
    """Note the first SIGTERM or SIGINT inside the block; a second one acts as usual.

    Outside the main thread, where Python allows no handlers, the request simply never comes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    watched = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in watched}

    def note(number: int, frame: FrameType | None) -> None:
        request.signal_number = number
        for each in watched:
            signal.signal(each, before[each])

    for number in watched:
        signal.signal(number, note)
    try:
        yield request
    finally:
        for number in watched:
            signal.signal(number, before[number])
