"""Work ahead in a background thread: OpenCV, numpy and torch release the interpreter while they compute."""

import queue
import threading
import weakref
from collections.abc import Iterator
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class _End:
    """Marks the end of the source in the queue, with what went wrong, if anything did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Prefetcher(Generic[T]):
    """Iterate over `source` with up to `depth` items made in advance.

    An exception of the source is raised where its item would have come. `close` stops the thread; so do leaving a
    `with` block and the collection of the object.

    Args:
        source: Consumed in the background thread alone.
        depth: Items that wait at most; one more may be in the making.
    """

    def __init__(self, source: Iterator[T], depth: int) -> None:
        self._queue: queue.Queue[T | _End] = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._ended = False
        # The thread holds no reference to `self`, so that a forgotten iterator is collected and stops it.
        self._thread = threading.Thread(
            target=_fill, args=(source, self._queue, self._stop), name="segan-prefetch", daemon=True
        )
        self._thread.start()
        # Also at the end of the process: a thread that computes while the interpreter goes away aborts it.
        self._finalizer = weakref.finalize(self, _end_thread, self._thread, self._stop)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._ended:
            raise StopIteration
        item = self._queue.get()
        if isinstance(item, _End):
            self.close()
            if item.error is not None:
                raise item.error
            raise StopIteration
        return item

    def close(self) -> None:
        """Stop the thread and wait for the item it is making; harmless when repeated."""
        self._ended = True
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()


def _end_thread(thread: threading.Thread, stop: threading.Event) -> None:
    stop.set()
    # A forgotten iterator may be collected in any thread, its own too.
    if thread is not threading.current_thread():
        thread.join()


def _fill(source: Iterator[T], items: "queue.Queue[T | _End]", stop: threading.Event) -> None:
    end = _End(None)
    try:
        for item in source:
            if not _put(item, items, stop):
                return
    except BaseException as error:  # noqa: BLE001 - carried to the thread that waits for the item.
        end = _End(error)
    _put(end, items, stop)


def _put(item: "T | _End", items: "queue.Queue[T | _End]", stop: threading.Event) -> bool:
    """Wait for room, but not after a stop; tell whether the item went in."""
    while not stop.is_set():
        try:
            items.put(item, timeout=0.1)
        except queue.Full:
            continue
        return True
    return False
