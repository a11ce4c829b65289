"""Load an exported bundle for prediction, without torch unless the bundle is torch's own."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from segan.data.labels import Labels
from segan.data.placement import Size
from segan.data.preprocess import build_chain
from segan.errors import UsageError
from segan.inference.bundle import Bundle, load_bundle
from segan.inference.engine import Engine
from segan.inference.segmenter import Segmenter, is_unresized
from segan.inference.small_regions import min_areas_of
from segan.inference.views import choose_views

MODULES = {"torch": "torch", "onnx": "onnxruntime", "openvino": "openvino"}
# What runs each kind of bundle, the default first.
BACKENDS_OF = {"onnx": ("onnx", "openvino"), "openvino": ("openvino",), "torch": ("torch",)}

# Views at which the network sees every image at its own height and width.
_SAME_SIZE = {"none", "flip"}


def load_bundled(
    model: str | Path,
    device: str,
    *,
    backend: str | None,
    lanes: int,
    tile_px: int | None,
    tta: bool | None,
    min_area_px: Mapping[str, int] | None,
    precision: str | None,
    image_size: Size | None,
) -> Segmenter:
    """Load a bundle; see `load_segmenter`."""
    bundle = load_bundle(model)
    meta = bundle.meta
    where = str(bundle.folder)
    labels = Labels.from_dict(meta.labels, where)
    areas = meta.min_area_px if min_area_px is None else min_area_px
    chain, tile_px = build_chain(meta.preprocessing), tile_px or meta.tile_px
    views = choose_views(meta.tta, tta, bundle.folder)
    wanted = _Wanted(lanes)
    if image_size is not None and views in _SAME_SIZE:
        placement = chain.place(image_size)
        height, width = placement.canvas
        run_size = (min(height, tile_px), min(width, tile_px))
        whole = views == "none" and run_size == placement.canvas and is_unresized(placement)
        wanted = _Wanted(lanes, run_size, whole)
    return Segmenter(
        engine=_open(bundle, device, backend or _installed(meta.kind), precision, wanted),
        labels=labels,
        chain=chain,
        tile_px=tile_px,
        overlap=meta.overlap,
        tta=views,
        min_area_px=min_areas_of(labels.classes, areas, "least area of regions"),
        sixteen_bit=meta.sixteen_bit,
        identity=bundle.identity,
    )


def _installed(kind: str) -> str:
    """Choose the first backend of a kind that is installed; where none is, the first says so."""
    able = BACKENDS_OF[kind]
    return next((name for name in able if importlib.util.find_spec(MODULES[name]) is not None), able[0])


class _Wanted(NamedTuple):
    """What is known of the runs to come.

    Args:
        lanes: Threads that will run the network at once.
        size: Height and width of what the runs see; `None`: any.
        whole: Whether each sees one whole image, and the most probable class of each of its pixels is the result.
    """

    lanes: int
    size: Size | None = None
    whole: bool = False


def _open(bundle: Bundle, device: str, backend: str, precision: str | None, wanted: _Wanted) -> Engine:
    kind, stored = bundle.meta.kind, bundle.meta.precision
    if backend not in BACKENDS_OF[kind]:
        raise UsageError(
            f"--backend {backend}: {bundle.folder} is for {' or '.join(BACKENDS_OF[kind])}, expected a bundle for "
            f"{backend}. Run segan export with --format {backend}."
        )
    if stored == "int8" and precision is not None:
        raise UsageError(
            f"--precision {precision}: {bundle.folder} holds 8-bit integers, expected float32 weights. Leave it out."
        )
    if backend != "torch" and device not in {"auto", "cpu"}:
        raise UsageError(f"--device {device}: {backend} runs on the processor, expected cpu. Use --backend torch.")
    return _ENGINES[backend](bundle, device, precision or stored, wanted)


def _open_onnx(bundle: Bundle, device: str, precision: str, wanted: _Wanted) -> Engine:
    from segan.inference.onnx_engine import open_onnx

    if precision not in {"fp32", "int8"}:
        raise UsageError(f"--precision {precision}: ONNX Runtime has fp32 alone here. Use --backend openvino or torch.")
    return open_onnx(bundle.network, precision, wanted.lanes)


def _open_openvino(bundle: Bundle, device: str, precision: str, wanted: _Wanted) -> Engine:
    from segan.inference.openvino_engine import HINTS, open_openvino

    if precision not in HINTS:
        raise UsageError(f"--precision {precision}: OpenVINO has fp32 and bf16 here. Use one of these.")
    return open_openvino(bundle.network, precision, wanted.lanes, wanted.size, pixels=wanted.whole)


def _open_torch(bundle: Bundle, device: str, precision: str, wanted: _Wanted) -> Engine:
    from segan.inference.program_engine import open_program

    return open_program(bundle.network, device, precision, wanted.lanes)


_ENGINES: dict[str, Callable[[Bundle, str, str, _Wanted], Engine]] = {
    "onnx": _open_onnx,
    "openvino": _open_openvino,
    "torch": _open_torch,
}
