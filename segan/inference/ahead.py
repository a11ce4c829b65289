"""Read what comes next while the network works on what is there."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

READERS = 2
DEPTH = 3


def read_ahead(
    read: Callable[[T], R], items: Iterable[T], *, readers: int = READERS, depth: int = DEPTH
) -> Iterator[tuple[T, Future[R]]]:
    """Call `read` on each item in background threads and give the items in order with their futures.

    Args:
        read: Called in a thread; what it raises is raised by the future's `result()`.
        items: What to read.
        readers: Threads.
        depth: Items that are read or being read in advance, at most; bounds the memory.
    """
    with ThreadPoolExecutor(readers, thread_name_prefix="segan-read") as pool:
        waiting: deque[tuple[T, Future[R]]] = deque()
        try:
            for item in items:
                waiting.append((item, pool.submit(read, item)))
                if len(waiting) > depth:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()
