"""Run a function over many files at once; decoding frees the interpreter lock."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_threads(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    on_done: Callable[[], None] | None = None,
) -> list[Result]:
    """Apply `function` to each item and return the results in the order of the items.

    Args:
        function: Called in several threads.
        items: Arguments.
        workers: Threads; `None`: one a core, 8 at most.
        on_done: Called after each result, in this thread.
    """
    executor = ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1))
    try:
        results = []
        for result in executor.map(function, items):
            results.append(result)
            if on_done is not None:
                on_done()
        return results
    finally:
        # After Ctrl-C or an error, files not begun are not begun any more.
        executor.shutdown(wait=True, cancel_futures=True)
