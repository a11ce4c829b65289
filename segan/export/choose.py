"""Choose what runs a network: what is installed, and what a short measurement says."""

import contextlib
import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan.data.images import image_size
from segan.data.placement import Size
from segan.errors import DataError, SeganError
from segan.export.cached import cached_bundle
from segan.files import write_json
from segan.inference.bundled import MODULES
from segan.inference.inputs import find_shared_size
from segan.inference.lanes import count_lanes, open_lanes
from segan.inference.load import load_segmenter
from segan.inference.segmenter import Prepared, Segmenter, is_unresized

_OTHERS = ("openvino", "onnx")
# Writing a network for another backend takes a quarter of a minute, which a shorter job does not win back.
_WORTH_S = 90.0
_RUNS = 3
_FASTER = 1.1


@dataclass(frozen=True)
class Choice:
    """What to load, and what to run it with.

    Args:
        model: The model, or a bundle of it.
        backend: `torch`, `onnx` or `openvino`.
    """

    model: str | Path
    backend: str


def choose_backend(
    model: str | Path,
    backend: str,
    images: Sequence[Path],
    *,
    precision: str | None = None,
    record: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Choice:
    """Choose what runs a model on the processor.

    Args:
        model: Run folder or model file.
        backend: `auto`, `onnx` or `openvino`; the model is exported for it once and kept.
        images: What is to be predicted.
        precision: `fp32` or `bf16`; `None`: `fp32`.
        record: File that keeps what was measured, so that a job that goes on stays with its backend; `None`: none.
        say: Called with what is being done.

    Raises:
        UsageError: There is no model, or the backend is not installed.
        SeganError: The network cannot be exported, or the record cannot be written.
    """
    segmenter = load_segmenter(model, "cpu", precision=precision)
    if backend != "auto":
        return Choice(cached_bundle(segmenter, backend, say), backend)
    key = f"{segmenter.identity} {precision or 'fp32'}"
    known = _read_record(record).get(key)
    if known == "torch":
        return Choice(model, "torch")
    if known in _OTHERS and _is_installed(known):
        return Choice(cached_bundle(segmenter, known, say), known)
    choice = _fastest(model, segmenter, images, precision, say)
    if record is not None:
        write_json(record, {key: choice.backend})
    return choice


def _read_record(record: Path | None) -> dict[str, str]:
    try:
        return dict(json.loads(record.read_text(encoding="utf-8"))) if record is not None else {}
    except (OSError, ValueError):
        return {}  # It is measured again.


def _fastest(
    model: str | Path, segmenter: Segmenter, images: Sequence[Path], precision: str | None, say: Callable[[str], None]
) -> Choice:
    """Measure torch, and the others where they may save more time than they take."""
    best = Choice(model, "torch")
    others = [name for name in _OTHERS if _is_installed(name)]
    shared = find_shared_size(images)
    size = shared or _size_of_first(images)
    if not others or size is None:
        return best
    lanes = count_lanes("cpu", len(images))
    rate = measure_rate(load_segmenter(model, "cpu", lanes=lanes, precision=precision), size)
    if len(images) / rate < _WORTH_S:
        return best
    rates = {"torch": rate}
    for name in others:
        if name == "onnx" and precision == "bf16":
            continue
        try:
            bundle = cached_bundle(segmenter, name, say)
            found = load_segmenter(bundle, "cpu", backend=name, lanes=lanes, precision=precision, image_size=shared)
            rates[name] = measure_rate(found, size)
        except SeganError as error:
            say(f"{name} is left out: {error}")
            continue
        if rates[name] > _FASTER * rate:
            best, rate = Choice(bundle, name), rates[name]
    told = ", ".join(f"{name} {value:.1f}" for name, value in rates.items())
    say(f"runs a second: {told}; {best.backend} is chosen")
    return best


def measure_rate(segmenter: Segmenter, size: Size) -> float:
    """Measure how many runs of the network a second images of `size` get, or their tiles, with all lanes at work."""
    run_once = _one_run(segmenter, size)
    with open_lanes(segmenter.engine) as lanes:

        def run(count: int) -> float:
            begun = time.perf_counter()
            for future in [lanes.submit(run_once) for _ in range(count)]:
                future.result()
            return count / (time.perf_counter() - begun)

        run(segmenter.engine.lanes)
        return run(_RUNS * segmenter.engine.lanes)


def _one_run(segmenter: Segmenter, size: Size) -> Callable[[], object]:
    """Make what runs the network once as a prediction does."""
    random = np.random.default_rng(0)
    placement = segmenter.chain.place(size)
    height, width = (min(side, segmenter.tile_px) for side in placement.canvas)
    if (height, width) == size and is_unresized(placement) and segmenter.tta == "none":
        pixels = random.integers(0, 256, (*size, 3), np.uint8)
        prepared = Prepared(pixels, segmenter.chain.statistics(pixels), placement)
        normalized = segmenter.normalize(prepared, probabilities=False)
        return lambda: segmenter.run_once([prepared], [normalized], probabilities=False)
    tile = random.standard_normal((1, 3, height, width)).astype(np.float32)
    return lambda: segmenter.engine.run(tile)


def _size_of_first(images: Sequence[Path]) -> Size | None:
    """Read the height and width of the first image that can be opened."""
    for path in images[:8]:
        with contextlib.suppress(DataError):  # Told when it is read.
            return image_size(path)
    return None


def _is_installed(backend: str) -> bool:
    return importlib.util.find_spec(MODULES[backend]) is not None
