"""Images go through the stages in order, in groups of one size, and a failure costs one image."""

import threading
import time

import numpy as np
import pytest

from segan.data.labels import build_labels
from segan.data.preprocess import build_chain
from segan.inference.engine import highest_of_planes
from segan.inference.pipeline import NotPredictedError, Pipeline
from segan.inference.planes import ArrayPlanes, Highest
from segan.inference.segmenter import Segmenter

LABELS = build_labels(["sky", "road", "car"])


class Colors:
    """An engine whose classes are the colours."""

    backend, device, precision = "torch", "cpu", "fp32"
    operations = ArrayPlanes()
    pixels = None

    def __init__(self, lanes=1, batch=1, refuse=None):
        self.lanes, self.batch, self.refuse = lanes, batch, refuse
        self.shapes, self.most, self._running, self._lock = [], 0, 0, threading.Lock()

    def enter_lane(self):
        pass

    def run(self, batch):
        with self._lock:
            self.shapes.append(batch.shape)
            self._running += 1
            self.most = max(self.most, self._running)
        time.sleep(0.01)
        with self._lock:
            self._running -= 1
        if self.refuse is not None and self.refuse(batch):
            raise ValueError("too much")
        weights = np.exp(batch)
        return weights / weights.sum(axis=1, keepdims=True)

    def highest(self, batch):
        return highest_of_planes(self, batch)


def make(engine, **options):
    return Segmenter(engine, LABELS, build_chain([{"name": "normalize"}]), **options)


def image_of(number, size=(6, 8)):
    image = np.zeros((*size, 3), np.uint8)
    image[..., number % 3] = 200
    return image


def run(segmenter, items, read=image_of, **options):
    def write(item, image, prediction, seconds):
        assert seconds >= 0
        assert image.shape[:2] == prediction.mask.shape
        return int(prediction.mask[0, 0]), prediction

    return list(Pipeline(segmenter, read, write, **options).run(items))


@pytest.mark.parametrize(("lanes", "batch"), [(1, 1), (3, 1), (1, 4), (2, 3)])
def test_results_come_in_order(lanes, batch):
    engine = Colors(lanes, batch)
    found = run(make(engine), range(20))
    assert [(item, future.result()[0]) for item, future in found] == [(item, item % 3) for item in range(20)]
    assert engine.most <= lanes
    assert max(shape[0] for shape in engine.shapes) == batch


def test_one_run_holds_images_of_one_size():
    engine = Colors(batch=4)
    sizes = [(6, 8), (6, 8), (6, 9), (6, 9), (6, 9), (6, 9), (6, 9), (6, 8)]
    run(make(engine), range(8), read=lambda item: image_of(item, sizes[item]))
    assert engine.shapes == [(2, 3, 6, 8), (4, 3, 6, 9), (1, 3, 6, 9), (1, 3, 6, 8)]


class Reader:
    """Finds everywhere the colour of the first pixel."""

    size = (6, 8)

    def __init__(self):
        self.figures = []

    def highest(self, image, figures):
        self.figures.append(figures)
        return Highest(np.full(image.shape[:2], image[0, 0].argmax(), np.uint8), 0.5)


@pytest.mark.parametrize("mode", ["image", "fixed"])
def test_pixels_go_to_the_network_that_reads_them(mode):
    engine = Colors()
    engine.pixels = Reader()
    segmenter = make(engine)
    segmenter.chain = build_chain([{"name": "normalize", "mode": mode}])
    sizes = [(6, 8), (6, 9), (6, 8), (8, 6)]
    found = run(segmenter, range(4), read=lambda item: image_of(item, sizes[item]))
    assert [future.result()[0] for _, future in found[::2]] == [0, 2]
    assert [future.result()[1].confidence == 0.5 for _, future in found] == [True, False, True, False]
    assert engine.shapes == [(1, 3, 6, 9), (1, 3, 8, 6)]
    expected = [segmenter.chain.figures(image_of(item)) for item in (0, 2)]
    assert engine.pixels.figures == expected
    assert (expected[0] == expected[1]) == (mode == "fixed")


@pytest.mark.parametrize(
    ("options", "steps"),
    [({"probabilities": True}, []), ({}, [{"name": "resize", "mode": "stretch", "height": 6, "width": 8}])],
)
def test_planes_are_taken_where_more_than_their_highest_is_wanted(options, steps):
    engine = Colors()
    engine.pixels = Reader()
    segmenter = make(engine)
    segmenter.chain = build_chain([*steps, {"name": "normalize"}])
    size = (12, 16) if steps else (6, 8)
    run(segmenter, range(3), read=lambda item: image_of(item, size), **options)
    assert engine.shapes == [(1, 3, 6, 8)] * 3
    assert not engine.pixels.figures


def test_tiles_of_a_large_image_share_the_lanes():
    engine = Colors(lanes=2)
    ((_, future),) = run(make(engine, tile_px=8), [1], read=lambda item: image_of(item, (20, 30)))
    assert future.result()[0] == 1
    assert engine.most == 2


@pytest.mark.parametrize("probabilities", [False, True])
@pytest.mark.parametrize("tile_px", [4, 64])
def test_the_same_as_one_image_at_a_time(probabilities, tile_px):
    segmenter = make(Colors(batch=2), tile_px=tile_px)
    for item, future in run(segmenter, range(3), probabilities=probabilities):
        expected, (_, found) = segmenter.predict(image_of(item), probabilities=probabilities), future.result()
        np.testing.assert_array_equal(found.mask, expected.mask)
        assert found.confidence == pytest.approx(expected.confidence)
        assert (found.probabilities is None) == (not probabilities)
        if probabilities:
            np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_what_cannot_be_read_or_run_costs_one_image():
    def read(item):
        if item == 2:
            raise OSError("gone")
        return image_of(item)

    engine = Colors(batch=4, refuse=lambda batch: batch[:, 1].max() > 0)
    causes = []
    for item, future in run(make(engine), range(6), read=read):
        error = future.exception()
        if error is not None:
            assert isinstance(error, NotPredictedError)
            causes.append((item, type(error.__cause__)))
    assert causes == [(1, ValueError), (2, OSError), (4, ValueError)]


def test_a_large_image_that_fails_costs_itself():
    engine = Colors(refuse=lambda batch: True)
    ((_, future),) = run(make(engine, tile_px=4), [0])
    assert isinstance(future.exception().__cause__, ValueError)


def test_what_cannot_be_written_is_raised_as_it_is():
    def write(item, image, prediction, seconds):
        raise OSError("full")

    ((_, future),) = Pipeline(make(Colors()), image_of, write).run([0])
    with pytest.raises(OSError, match="full"):
        future.result()


def test_reading_never_runs_far_ahead():
    read = []

    def slow(item, image, prediction, seconds):
        time.sleep(0.02)

    def note(item):
        read.append(item)
        return image_of(item)

    for done, (_, future) in enumerate(Pipeline(make(Colors()), note, slow).run(range(60))):
        future.result()
        assert len(read) <= done + 40


@pytest.mark.parametrize("tile_px", [4, 64])
def test_large_images_are_in_memory_one_at_a_time(tile_px):
    segmenter = make(Colors(lanes=2, batch=2), tile_px=tile_px)
    now, most, lock = set(), [], threading.Lock()

    def read(item):
        with lock:
            now.add(item)
            most.append(len(now & {2, 3, 5}))
        if item == 5:
            raise ValueError("damaged")
        return image_of(item)

    def write(item, image, prediction, seconds):
        with lock:
            now.discard(item)
        return int(prediction.mask[0, 0])

    pipeline = Pipeline(segmenter, read, write, is_large={2, 3, 5}.__contains__)
    found = list(pipeline.run(range(8)))
    assert [item for item, _ in found] == list(range(8))
    assert max(most) == 1
    for item, future in found:
        if item == 5:
            assert isinstance(future.exception(), NotPredictedError)
        else:
            assert future.result() == item % 3
