"""Load a model for prediction: a run folder or its model file, or an exported bundle."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from segan.errors import UsageError
from segan.inference.bundle import is_bundle
from segan.inference.segmenter import Segmenter

if TYPE_CHECKING:
    import torch

BACKENDS = ("torch", "onnx", "openvino")


def load_segmenter(
    model: str | Path,
    device: "str | torch.device" = "auto",
    *,
    backend: str | None = None,
    lanes: int = 1,
    tile_px: int | None = None,
    tta: bool | None = None,
    min_area_px: Mapping[str, int] | None = None,
    precision: str | None = None,
    image_size: tuple[int, int] | None = None,
    compiled: bool = False,
) -> Segmenter:
    """Load a model for prediction. A bundle needs neither torch nor SMP.

    Args:
        model: Run folder, `model.safetensors`, or a bundle of `segan export`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or a device.
        backend: What runs the network, one of `BACKENDS`; `None`: torch for a model, for a bundle what it was made for.
        lanes: Threads that will run the network at once, and share the cores; one is best for a single image.
        tile_px: Side of tiles in pixels; `None`: as stored with the model.
        tta: Average over views: those stored with the model, or the mirrored image where these are none; `None`: as
            stored.
        min_area_px: Least area of a region by class name, see `min_areas_of`; `None`: as stored.
        precision: `fp32`, `bf16` or `fp16`; `None`: float32, or what a bundle holds.
        image_size: Height and width that the images to come share, from `find_shared_size`: OpenVINO is faster at a
            size that it was compiled for. Others are predicted as well.
        compiled: Run a network in torch through `torch.compile`; for GPUs and many images, as that takes long itself.

    Raises:
        UsageError: There is no model, or the device, backend, precision or `torch.compile` cannot be had.
        ConfigError: A least area names no class.
        CheckpointError: The file is damaged or does not fit its own description.
    """
    if is_bundle(model):
        from segan.inference.bundled import load_bundled

        segmenter = load_bundled(
            model,
            str(device),
            backend=backend,
            lanes=lanes,
            tile_px=tile_px,
            tta=tta,
            min_area_px=min_area_px,
            precision=precision,
            image_size=image_size,
        )
    elif backend in {None, "torch"}:
        from segan.inference.trained import load_trained

        segmenter = load_trained(
            model,
            device,
            lanes=lanes,
            tile_px=tile_px,
            tta=tta,
            min_area_px=min_area_px,
            precision=precision or "fp32",
        )
    else:
        raise UsageError(
            f"--backend {backend}: {model} is no bundle, expected one. Run segan export {model} --format {backend}."
        )
    if compiled:
        if segmenter.engine.backend != "torch":
            raise UsageError(f"--compile: {segmenter.engine.backend} runs {model}, expected torch. Leave it out.")
        from segan.inference.torch_engine import compile_network

        compile_network(segmenter, image_size)
    return segmenter
