import subprocess
import sys
import threading
import time

import pytest

from segan.data.prefetch import Prefetcher


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "segan-prefetch"]


def test_items_come_in_order_and_end():
    prefetcher = Prefetcher(iter(range(5)), depth=2)
    assert list(prefetcher) == [0, 1, 2, 3, 4]
    with pytest.raises(StopIteration):
        next(prefetcher)
    assert not threads()


def test_an_error_comes_where_its_item_would_have():
    def source():
        yield 1
        raise ValueError("broken")

    with Prefetcher(source(), depth=2) as prefetcher:
        assert next(prefetcher) == 1
        with pytest.raises(ValueError, match="broken"):
            next(prefetcher)
        with pytest.raises(StopIteration):
            next(prefetcher)


def test_work_goes_ahead_by_depth_and_no_more():
    made = []
    with Prefetcher((made.append(k) or k for k in range(100)), depth=2) as prefetcher:
        assert next(prefetcher) == 0
        time.sleep(0.3)
        assert len(made) == 4  # One taken, two waiting, one in hand.
    assert not threads()


def test_a_forgotten_iterator_stops_its_thread():
    prefetcher = Prefetcher(iter(range(10**9)), depth=1)
    next(prefetcher)
    del prefetcher
    deadline = time.monotonic() + 5
    while threads() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not threads()


def test_closing_twice_is_harmless():
    prefetcher = Prefetcher(iter([1]), depth=1)
    prefetcher.close()
    prefetcher.close()
    assert list(prefetcher) == []


def test_a_process_ends_cleanly_while_an_iterator_is_left_open():
    # A thread in the middle of native work when the interpreter goes away would abort the process.
    code = """
import torch
from segan.data.prefetch import Prefetcher
def work():
    while True:
        yield torch.randn(400, 400) @ torch.randn(400, 400)
left_open = Prefetcher(work(), depth=2)
next(left_open)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
