"""Choose what runs a network: what is installed, and what a short measurement says."""

import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from segan.errors import SeganError
from segan.export.cached import cached_bundle
from segan.files import write_json
from segan.inference.bundled import MODULES
from segan.inference.engine import Engine
from segan.inference.lanes import count_lanes, open_lanes
from segan.inference.load import load_segmenter
from segan.inference.segmenter import Segmenter

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
    size = _size_of_first(segmenter, images)
    if not others or size is None:
        return best
    lanes = count_lanes("cpu", len(images))
    rate = measure_rate(load_segmenter(model, "cpu", lanes=lanes, precision=precision).engine, size)
    if len(images) / rate < _WORTH_S:
        return best
    rates = {"torch": rate}
    for name in others:
        if name == "onnx" and precision == "bf16":
            continue
        try:
            bundle = cached_bundle(segmenter, name, say)
            found = load_segmenter(bundle, "cpu", backend=name, lanes=lanes, precision=precision)
            rates[name] = measure_rate(found.engine, size)
        except SeganError as error:
            say(f"{name} is left out: {error}")
            continue
        if rates[name] > _FASTER * rate:
            best, rate = Choice(bundle, name), rates[name]
    told = ", ".join(f"{name} {value:.1f}" for name, value in rates.items())
    say(f"runs a second: {told}; {best.backend} is chosen")
    return best


def measure_rate(engine: Engine, size: tuple[int, int]) -> float:
    """Measure how many images `(height, width)` a network takes a second, with all lanes at work."""
    image = np.random.default_rng(0).standard_normal((1, 3, *size)).astype(np.float32)
    with open_lanes(engine) as lanes:

        def run(count: int) -> float:
            begun = time.perf_counter()
            for future in [lanes.submit(engine.run, image) for _ in range(count)]:
                future.result()
            return count / (time.perf_counter() - begun)

        run(engine.lanes)
        return run(_RUNS * engine.lanes)


def _size_of_first(segmenter: Segmenter, images: Sequence[Path]) -> tuple[int, int] | None:
    """Find what the network sees of the first image that can be opened; its pixels are not read."""
    for path in images[:8]:
        try:
            with Image.open(path) as image:
                width, height = image.size
        except (OSError, ValueError, Image.DecompressionBombError):
            continue
        canvas = segmenter.chain.place((height, width)).canvas
        return (min(canvas[0], segmenter.tile_px), min(canvas[1], segmenter.tile_px))
    return None


def _is_installed(backend: str) -> bool:
    return importlib.util.find_spec(MODULES[backend]) is not None
