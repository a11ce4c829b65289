"""Turn a network's file into one of 8-bit integers, with ranges measured on real images."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.data.images import read_image
from segan.errors import UsageError
from segan.export.networks import quiet
from segan.inference.openvino_package import forbid_telemetry, import_openvino, shared_core
from segan.inference.segmenter import Segmenter

# More images move the ranges little and take minutes.
MOST_IMAGES = 300


def inputs_of(segmenter: Segmenter, images: Sequence[Path]) -> Iterator[NDArray[np.float32]]:
    """Give what the network sees of each image, `float32 [1, 3, h, w]`: all of it, or the tile at its centre."""
    for path in images:
        prepared = segmenter.prepare(read_image(path, sixteen_bit=segmenter.sixteen_bit))
        window = tuple(_middle(side, segmenter.tile_px) for side in prepared.size)
        yield segmenter.chain.normalize(prepared.image[window], prepared.statistics)[None]


def quantizer(kind: str, segmenter: Segmenter, images: Sequence[Path]) -> Callable[[Path], None]:
    """Make the function that quantizes a network's file in place.

    Args:
        kind: `onnx` or `openvino`.
        segmenter: The model, which prepares the images.
        images: The calibration images, at most `MOST_IMAGES` of them, evenly picked.

    Raises:
        UsageError: That kind cannot be quantized, or NNCF is not installed.
    """
    if kind not in {"onnx", "openvino"}:
        raise UsageError(f"--int8: --format {kind} seen, expected onnx or openvino. Choose one of these.")
    try:
        with quiet():
            forbid_telemetry()
            import nncf
    except ImportError as error:
        raise UsageError("--int8: nncf is not installed, expected it. Run pip install 'segan[openvino]'.") from error
    picked = [
        images[index] for index in np.linspace(0, len(images) - 1, min(len(images), MOST_IMAGES)).round().astype(int)
    ]

    def quantize(file: Path) -> None:
        def dataset(name: str) -> Any:
            return nncf.Dataset(list(picked), lambda path: {name: next(inputs_of(segmenter, [path]))})

        options: dict[str, Any] = {"preset": nncf.QuantizationPreset.MIXED, "subset_size": len(picked)}
        with quiet():
            if kind == "openvino":
                openvino = import_openvino("--int8")
                model = shared_core().read_model(file)
                quantized = nncf.quantize(model, dataset(model.inputs[0].get_any_name()), **options)
                # Weights are still read from the old files while the new ones are written.
                with tempfile.TemporaryDirectory(dir=file.parent) as folder:
                    openvino.save_model(quantized, Path(folder) / file.name, compress_to_fp16=False)
                    del model, quantized
                    for written in Path(folder).iterdir():
                        written.replace(file.parent / written.name)
            else:
                import onnx

                loaded = onnx.load(file)
                onnx.save(nncf.quantize(loaded, dataset(loaded.graph.input[0].name), **options), file)

    return quantize


def _middle(side: int, most: int) -> slice:
    start = max(0, side - most) // 2
    return slice(start, start + min(side, most))
