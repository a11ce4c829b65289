"""OpenVINO at the size it was compiled for, and at others."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np
import pytest

from segan.data.preprocess import Statistics
from segan.errors import CheckpointError
from segan.inference.openvino_engine import open_openvino
from segan.inference.planes import ArrayPlanes

openvino = pytest.importorskip("openvino")
SIZE = (5, 7)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A network whose classes are the colours, for images of any size."""
    from openvino import opset13 as operations

    image = operations.parameter([-1, 3, -1, -1], dtype=np.float32, name="image")
    path = tmp_path_factory.mktemp("network") / "model.xml"
    openvino.save_model(openvino.Model([operations.softmax(image, 1)], [image], "colours"), path)
    return path


def draw(*shape):
    # So few values that many pixels have no single highest.
    return np.random.default_rng(0).integers(0, 3, shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 3, *SIZE), (1, 3, 7, 5), (2, 3, *SIZE), (1, 3, 1, 1)])
@pytest.mark.parametrize(("size", "pixels"), [(None, False), (SIZE, False), (SIZE, True)])
def test_classes_are_the_first_of_the_highest_planes(network, shape, size, pixels):
    engine, batch = open_openvino(network, "fp32", lanes=1, size=size, pixels=pixels), draw(*shape)
    planes = engine.run(batch)
    np.testing.assert_allclose(planes, np.exp(batch) / np.exp(batch).sum(axis=1, keepdims=True), rtol=1e-5)
    before = planes.copy()
    for own, found in zip(planes, engine.highest(batch), strict=True):
        expected = ArrayPlanes().highest(own)
        assert found.mask.dtype == np.uint8
        np.testing.assert_array_equal(found.mask, expected.mask)
        assert found.mean == pytest.approx(expected.mean, rel=1e-6)
    engine.highest(draw(*shape)[:, ::-1].copy())
    np.testing.assert_array_equal(planes, before)


@pytest.mark.parametrize("size", [None, SIZE])
def test_the_order_of_values_in_memory_does_not_matter(network, size):
    engine, batch = open_openvino(network, "fp32", lanes=1, size=size), draw(1, 3, *SIZE)
    expected = engine.run(batch)
    for _ in range(5):
        np.testing.assert_array_equal(engine.run(np.asfortranarray(batch)), expected)
        np.testing.assert_array_equal(engine.highest(np.asfortranarray(batch))[0].mask, batch[0].argmax(axis=0))


def test_results_outlast_the_next_run_and_threads_share_the_network(network):
    reader = open_openvino(network, "fp32", lanes=3, size=SIZE, pixels=True).pixels
    figures = Statistics((1.0, 0.5, 0.25), (2.0, 1.0, 0.5))
    images = [np.roll(draw(*SIZE, 3), shift, axis=1).astype(np.uint8) for shift in range(40)]
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(reader.highest, images, repeat(figures)))
    for image, (mask, mean) in zip(images, found, strict=True):
        planes = (image - np.array(figures.mean)) / np.array(figures.std)
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, planes.argmax(axis=2))
        exponents = np.exp(planes)
        assert mean == pytest.approx((exponents.max(axis=2) / exponents.sum(axis=2)).mean(), rel=1e-5)


def test_parts_of_images_are_read_as_they_lie_in_memory(network):
    engine, image = open_openvino(network, "fp32", lanes=1, size=SIZE, pixels=True), draw(9, 9, 3).astype(np.uint8)
    figures, part = Statistics((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), image[2:7, 1:8]
    assert engine.pixels.size == SIZE
    np.testing.assert_array_equal(engine.pixels.highest(part, figures).mask, part.argmax(axis=2))


def test_what_is_no_network_is_refused(tmp_path):
    (tmp_path / "model.xml").write_text("nothing")
    with pytest.raises(CheckpointError, match=r"model\.xml: OpenVINO .* does not take it"):
        open_openvino(tmp_path / "model.xml", "fp32", lanes=1)


def test_signals_are_still_handled_when_networks_are_gone(network):
    code = """if True:
        import faulthandler, os, signal, sys
        from pathlib import Path
        from segan.inference.openvino_engine import open_openvino
        faulthandler.enable()
        signal.signal(signal.SIGUSR1, lambda number, frame: print("handled"))
        networks = [open_openvino(Path(sys.argv[1]), "fp32", lanes=1) for _ in range(2)]
        while networks:
            del networks[0]
        os.kill(os.getpid(), signal.SIGUSR1)
    """
    found = subprocess.run([sys.executable, "-c", code, network], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "handled\n")
