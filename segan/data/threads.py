"""Run a function over many files at once; decoding frees the interpreter lock."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def count_cores() -> int:
    """Count the cores that are ours: those the process may use, shared with its siblings below torchrun.

    `OMP_NUM_THREADS`, where it is set, is the most.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    siblings, most = (os.environ.get(name, "") for name in ("LOCAL_WORLD_SIZE", "OMP_NUM_THREADS"))
    cores //= max(1, int(siblings)) if siblings.isdecimal() else 1
    return max(1, min(cores, int(most)) if most.isdecimal() and int(most) else cores)


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
    executor = ThreadPoolExecutor(workers or min(8, count_cores()))
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
