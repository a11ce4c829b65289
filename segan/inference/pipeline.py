"""Many images through one network: reading, running and writing overlap, and no stage runs ahead without bound.

Images that one run of the network takes go through its lanes, several of one size at once where the engine gains from
that. A larger image is predicted by itself, and its tiles share the lanes; one that can be read by rows is never in
memory as a whole.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from segan.data.row_source import RowSource
from segan.data.threads import count_cores
from segan.inference.ahead import read_ahead
from segan.inference.lanes import open_lanes
from segan.inference.segmenter import Prediction, Prepared, Segmenter
from segan.inference.streaming import Strip, can_stream, predict_rows

T = TypeVar("T")
R = TypeVar("R")

_MOST_THREADS = 8


class NotPredictedError(Exception):
    """One image could not be read or predicted; the cause is that of the exception."""


class _Opened(NamedTuple):
    """An image that is read by rows."""

    rows: RowSource


class _Alone(NamedTuple):
    """An image that is not read beside others like it."""


class _Ready(NamedTuple):
    """An image that was read.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        prepared: As the network is to see it.
        one_run: Whether one run of the network is enough.
        normalized: What that run needs beside the prepared image.
        seconds: What that took.
    """

    image: NDArray[np.uint8]
    prepared: Prepared
    one_run: bool
    normalized: NDArray[np.float32] | None
    seconds: float


class _Raw(NamedTuple):
    """What the network said of one image: a mask already, or the probabilities over the canvas."""

    found: Prediction | NDArray[np.float32]
    seconds: float


@dataclass(frozen=True)
class Pipeline(Generic[T, R]):
    """The stages of a prediction of many images.

    Args:
        segmenter: The model.
        read: Reads one image, RGB `uint8 [H, W, 3]`; called in several threads.
        write: Takes the item, its image, its prediction and the seconds it took; called in several threads.
        probabilities: Whether predictions hold the probabilities.
        is_large: Tells of an image that is not to be in memory beside others like it, without reading it; `None`: none
            is.
        open_rows: Opens a large image, to be read by rows; `None` where it gives none.
        write_rows: Takes the item, the height and width of its image, and the strips of it.
    """

    segmenter: Segmenter
    read: Callable[[T], NDArray[np.uint8]]
    write: Callable[[T, NDArray[np.uint8], Prediction, float], R]
    probabilities: bool = False
    is_large: Callable[[T], bool] | None = None
    open_rows: Callable[[T], RowSource | None] | None = None
    write_rows: Callable[[T, tuple[int, int], Iterator[Strip]], R] | None = None

    def run(self, items: Iterable[T]) -> Generator[tuple[T, Future[R]], None, None]:
        """Predict all items.

        Yields:
            Items in order with what `write` returned or raised, done; `NotPredictedError` where it was not called.
        """
        engine = self.segmenter.engine
        helpers = max(2, min(_MOST_THREADS, count_cores() // 2))
        most_waiting = 2 * engine.lanes * engine.batch + helpers
        waiting: deque[tuple[T, Future[R]]] = deque()
        group: list[tuple[T, _Ready]] = []
        with ThreadPoolExecutor(helpers, thread_name_prefix="segan-write") as writers, open_lanes(engine) as lanes:

            def send() -> None:
                running = lanes.submit(self._run_group, [ready for _, ready in group])
                for place, (item, ready) in enumerate(group):
                    waiting.append((item, writers.submit(self._finish, item, ready, running, place)))
                group.clear()

            for item, reading in read_ahead(self._take, items, readers=helpers, depth=helpers + 2 * engine.batch):
                error = reading.exception()
                found = None if error is not None else reading.result()
                if group and not _belongs(found, group[0][1]):
                    send()
                if found is None:
                    waiting.append((item, writers.submit(_refuse, error)))
                elif isinstance(found, _Opened):
                    waiting.append((item, self._predict_rows(item, found.rows, lanes)))
                elif isinstance(found, _Alone):
                    waiting.append((item, self._predict_alone(item, lanes, writers)))
                elif not found.one_run:
                    waiting.append((item, self._predict_large(item, found, lanes, writers)))
                else:
                    group.append((item, found))
                    if len(group) >= engine.batch:
                        send()
                while len(waiting) > most_waiting or (waiting and waiting[0][1].done()):
                    wait([waiting[0][1]])
                    yield waiting.popleft()
            if group:
                send()
            for item, writing in waiting:
                wait([writing])
                yield item, writing

    def _take(self, item: T) -> _Ready | _Opened | _Alone:
        begun = time.perf_counter()
        if self.is_large is None or not self.is_large(item):
            return self._read(item, begun)
        rows = None if self.open_rows is None else self.open_rows(item)
        if rows is None:
            return _Alone()
        if can_stream(self.segmenter, rows.size):
            return _Opened(rows)
        rows.close()
        return _Alone()

    def _read(self, item: T, begun: float) -> _Ready:
        image = self.read(item)
        prepared = self.segmenter.prepare(image)
        one_run = self.segmenter.fits_one_run(prepared)
        normalized = self.segmenter.normalize(prepared, probabilities=self.probabilities) if one_run else None
        return _Ready(image, prepared, one_run, normalized, time.perf_counter() - begun)

    def _run_group(self, group: list[_Ready]) -> list[_Raw | Exception]:
        """Run the network on images of one size; where that fails, on each by itself."""
        begun = time.perf_counter()
        try:
            found = self.segmenter.run_once(
                [ready.prepared for ready in group],
                [ready.normalized for ready in group],
                probabilities=self.probabilities,
            )
        except Exception as error:  # noqa: BLE001 - whatever one image provokes, the others go on.
            if len(group) == 1:
                return [error]
            return [self._run_group([ready])[0] for ready in group]
        seconds = (time.perf_counter() - begun) / len(group)
        return [_Raw(one, seconds) for one in found]

    def _finish(self, item: T, ready: _Ready, running: Future[list[_Raw | Exception]], place: int) -> R:
        raw = running.result()[place]
        if isinstance(raw, Exception):
            raise NotPredictedError from raw
        begun = time.perf_counter()
        placement = ready.prepared.placement
        prediction = self.segmenter.from_raw(raw.found, placement, probabilities=self.probabilities)
        seconds = ready.seconds + raw.seconds + time.perf_counter() - begun
        return self.write(item, ready.image, prediction, seconds)

    def _predict_large(self, item: T, ready: _Ready, lanes: Executor, writers: Executor) -> Future[R]:
        begun = time.perf_counter()
        try:
            prediction = self.segmenter.predict_prepared(ready.prepared, probabilities=self.probabilities, lanes=lanes)
        except Exception as error:  # noqa: BLE001 - as above.
            return writers.submit(_refuse, error)
        return writers.submit(self.write, item, ready.image, prediction, ready.seconds + time.perf_counter() - begun)

    def _predict_alone(self, item: T, lanes: Executor, writers: Executor) -> Future[R]:
        """Read, predict and write an image in turn, so that no two such images are in memory at once."""
        try:
            ready = self._read(item, time.perf_counter())
        except Exception as error:  # noqa: BLE001 - as above.
            return writers.submit(_refuse, error)
        if not ready.one_run:
            writing = self._predict_large(item, ready, lanes, writers)
        else:
            writing = writers.submit(self._finish, item, ready, lanes.submit(self._run_group, [ready]), 0)
        wait([writing])
        return writing

    def _predict_rows(self, item: T, rows: RowSource, lanes: Executor) -> Future[R]:
        """Predict and write an image in this thread: its rows are taken as they come."""
        assert self.write_rows is not None
        done: Future[R] = Future()
        with (
            rows,
            closing(
                _telling(predict_rows(self.segmenter, rows, probabilities=self.probabilities, lanes=lanes))
            ) as strips,
        ):
            try:
                done.set_result(self.write_rows(item, rows.size, strips))
            except Exception as error:  # noqa: BLE001 - as above.
                done.set_exception(error)
        return done


def _belongs(found: _Ready | _Opened | _Alone | None, first: _Ready) -> bool:
    """Tell whether an image may share a run of the network with the first of a group."""
    return isinstance(found, _Ready) and found.one_run and found.prepared.size == first.prepared.size


def _telling(strips: Iterator[Strip]) -> Generator[Strip, None, None]:
    """Tell what goes wrong in reading or predicting from what goes wrong in writing."""
    try:
        yield from strips
    except Exception as error:
        raise NotPredictedError from error


def _refuse(error: BaseException | None) -> R:  # type: ignore[type-var]
    raise NotPredictedError from error
