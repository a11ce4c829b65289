"""Threads that each run the network, so that no core waits for the slowest of a parallel loop."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from segan.data.threads import count_cores
from segan.inference.engine import Engine

T = TypeVar("T")
R = TypeVar("R")


# More would each need the memory of the network's features.
_MOST_LANES = 4


def count_lanes(device: str, images: int) -> int:
    """Choose how many threads run a network at once: on a processor one a core, where there are images for them.

    Threads with an image each wait for nothing; threads that share each layer of one image wait at its end.
    """
    return 1 if device.startswith("cuda") else max(1, min(count_cores(), _MOST_LANES, images))


@contextmanager
def open_lanes(engine: Engine) -> Iterator[Executor]:
    """Start the lanes of an engine; what is not begun is dropped at the end."""
    lanes = ThreadPoolExecutor(engine.lanes, thread_name_prefix="segan-run", initializer=engine.enter_lane)
    try:
        yield lanes
    finally:
        lanes.shutdown(wait=True, cancel_futures=True)


def map_ahead(lanes: Executor, function: Callable[[T], R], items: Iterable[T], ahead: int) -> Generator[R, None, None]:
    """Apply a function in the lanes and give the results in order.

    Args:
        lanes: Where it is called.
        function: What it raises is raised here.
        items: Arguments; taken as places become free.
        ahead: Calls that are made before the first result is taken; bounds the memory.
    """
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(lanes.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
