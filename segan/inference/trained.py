"""Load a run folder or its model file for prediction by torch."""

from collections.abc import Mapping
from pathlib import Path

import torch

from segan.data.labels import Labels
from segan.data.preprocess import build_chain
from segan.errors import CheckpointError
from segan.inference.devices import check_precision, choose_device
from segan.inference.model_file import find_model_file, load_model_file
from segan.inference.segmenter import Segmenter
from segan.inference.small_regions import min_areas_of
from segan.inference.torch_engine import torch_segmenter
from segan.inference.views import choose_views
from segan.models import build_generator


def load_trained(
    model: str | Path,
    device: str | torch.device,
    *,
    lanes: int = 1,
    tile_px: int | None = None,
    tta: bool | None = None,
    min_area_px: Mapping[str, int] | None = None,
    precision: str = "fp32",
) -> Segmenter:
    """Load a trained model; see `load_segmenter`.

    Args:
        model: Run folder or `model.safetensors`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or a device.
        lanes: Threads that will run the network at once.
        tile_px: Side of tiles in pixels.
        tta: Whether to average over views.
        min_area_px: Least area of a region by class name.
        precision: `fp32`, `bf16` or `fp16`.

    Raises:
        UsageError: There is no model, or the device or precision cannot be had.
        ConfigError: A least area names no class.
        CheckpointError: The file is damaged or does not fit its own description.
    """
    place = choose_device(device) if isinstance(device, str) else device
    check_precision(precision, place)
    path = find_model_file(model)
    stored = load_model_file(path)
    meta = stored.meta
    labels = Labels.from_dict(meta.labels, str(path))
    network = build_generator(
        meta.architecture,
        meta.encoder,
        num_classes=len(labels.classes),
        dropout=meta.dropout,
        weights="none",
        options=meta.options,
    )
    try:
        network.load_state_dict(stored.tensors)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: the weights do not fit {meta.architecture} with {meta.encoder}, as the file says they do. "
            f"Use segan {meta.segan_version}, which wrote it."
        ) from error
    network = network.to(device=place, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    return torch_segmenter(
        network,
        labels,
        build_chain(meta.preprocessing),
        device=place,
        precision=precision,
        lanes=lanes,
        tile_px=tile_px or meta.tile_px,
        overlap=meta.overlap,
        tta=choose_views(meta.tta, tta, path),
        min_area_px=min_areas_of(
            labels.classes, meta.min_area_px if min_area_px is None else min_area_px, "least area of regions"
        ),
        sixteen_bit=meta.sixteen_bit,
        identity=stored.sha256,
    )
