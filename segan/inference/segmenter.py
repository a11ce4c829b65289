"""The one way from an image to a mask; validation, evaluation, prediction and the server all go through it."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain as chained
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segan.data.intensity import SixteenBit
from segan.data.labels import Labels
from segan.data.placement import Placement
from segan.data.preprocess import Chain, Statistics, build_chain
from segan.errors import CheckpointError, SeganError
from segan.inference.devices import PRECISIONS, check_precision, choose_device
from segan.inference.model_file import find_model_file, load_model_file
from segan.inference.small_regions import absorb_small_regions, min_areas_of
from segan.inference.tiling import Band, blend_tiles
from segan.inference.views import TTA
from segan.models import build_generator

_PLANES_AT_A_TIME = 4


@dataclass(frozen=True)
class Prediction:
    """The result for one image.

    Args:
        mask: Class indices at the size of the image, `uint8 [H, W]`.
        confidence: Mean over the pixels of the probability of the chosen class, in [0, 1]; an estimate of quality.
        probabilities: `float16 [K, H, W]` at the size of the image, where asked for.
    """

    mask: NDArray[np.uint8]
    confidence: float
    probabilities: NDArray[np.float16] | None = None


class Predictor(Protocol):
    """What can be scored: a `Segmenter`, or a classical method with the same face."""

    @property
    def labels(self) -> Labels:
        """Names and colours of the classes."""

    @property
    def sixteen_bit(self) -> SixteenBit:
        """How 16-bit images are to be read."""

    def predict(self, image: NDArray[np.uint8], *, probabilities: bool = False) -> Prediction:
        """Segment one RGB image, `uint8 [H, W, 3]`."""


@dataclass
class Segmenter:
    """A network and all that turns its logits into masks.

    Args:
        network: `float32 [N, 3, h, w]` to logits `[N, K, h, w]`, on `device`.
        labels: Names and colours of the classes.
        chain: Preprocessing, as in training.
        device: Where the network lives.
        tile_px: Larger images are predicted in tiles of this side, in pixels of the network's input.
        overlap: Least overlap of tiles, as a share of the side.
        precision: `fp32`, `bf16` or `fp16`; softmax and blending are float32 in each.
        tta: Key of `TTA`: `none`, `flip` for the mean with the mirrored image, `scales` for both at three sizes, `d4`
            for the mean over eight views.
        min_area_px: Least area of a region of each class, in pixels of the image; smaller ones go to what lies around
            them, in the mask alone. Empty: all stay.
        sixteen_bit: How 16-bit images are to be read for this network.
        identity: SHA-256 of the model file; empty for a network that comes from none.
    """

    network: nn.Module
    labels: Labels
    chain: Chain
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    tile_px: int = 1024
    overlap: float = 0.25
    precision: str = "fp32"
    tta: str = "none"
    min_area_px: tuple[int, ...] = ()
    sixteen_bit: SixteenBit = "percentile"
    identity: str = ""

    def predict(self, image: NDArray[np.uint8], *, probabilities: bool = False) -> Prediction:
        """Segment one image.

        Probabilities, not logits, are brought back to the size of the image: they are what tiles blend and views
        average, so one kind of plane goes all the way.

        Args:
            image: RGB `uint8 [H, W, 3]` of any size.
            probabilities: Also return the probabilities at the size of the image; 2 K H W bytes.

        Raises:
            SeganError: The device has too little memory for a tile.
        """
        evened = self.chain.photometric(image)
        statistics = self.chain.statistics(evened)
        prepared, placement = self.chain.fit(evened)
        bands = self.network_planes(prepared, statistics)
        if placement.resized == placement.canvas == placement.original:
            prediction = _read_bands(bands, placement.original, probabilities=probabilities)
        else:
            prediction = _restore(_gather(bands, placement.canvas), placement, probabilities=probabilities)
        return replace(prediction, mask=absorb_small_regions(prediction.mask, self.min_area_px))

    def network_planes(self, prepared: NDArray[np.uint8], statistics: Statistics | None) -> Iterator[Band]:
        """Give the probabilities over an image that is already fitted, in bands from top to bottom.

        Args:
            prepared: RGB `uint8 [h, w, 3]`, after the chain's `photometric` and `fit`.
            statistics: Of the whole image before `fit`, as in training.

        Yields:
            Bands of `float32 [K, rows, w]` on the device.
        """

        def predict_tile(rows: slice, columns: slice) -> Tensor:
            return self._probs(prepared[rows, columns], statistics)

        size = (prepared.shape[0], prepared.shape[1])
        with evaluating(self.network):
            yield from blend_tiles(predict_tile, size, self.tile_px, self.overlap)

    @torch.inference_mode()
    def _probs(self, tile: NDArray[np.uint8], statistics: Statistics | None) -> Tensor:
        """Compute `float32 [K, h, w]` of one tile `uint8 [h, w, 3]`, as the mean over the views."""
        height, width = tile.shape[:2]
        views = TTA[self.tta]
        total: Tensor | None = None
        try:
            for view in views:
                probs = view.undo(self._probs_of_view(view.show(tile), statistics), (height, width))
                total = probs if total is None else total + probs
        except torch.OutOfMemoryError as error:
            raise SeganError(
                f"{self.device}: out of memory, seen a tile of {height}x{width} px. "
                f"Use --tile {max(height, width) // 2}."
            ) from error
        assert total is not None
        return total / len(views) if len(views) > 1 else total

    def _probs_of_view(self, image: NDArray[np.uint8], statistics: Statistics | None) -> Tensor:
        planes = torch.from_numpy(self.chain.normalize(image, statistics))
        batch = planes[None].to(self.device, memory_format=torch.channels_last)
        dtype = PRECISIONS[self.precision]
        with torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not torch.float32):
            logits: Tensor = self.network(batch)
        return logits.float().softmax(dim=1)[0]


def load_segmenter(
    model: str | Path,
    device: str | torch.device = "auto",
    *,
    tile_px: int | None = None,
    tta: bool | None = None,
    min_area_px: Mapping[str, int] | None = None,
    precision: str = "fp32",
) -> Segmenter:
    """Load a model for prediction.

    Args:
        model: Run folder or `model.safetensors`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or a device.
        tile_px: Side of tiles in pixels; `None`: as stored with the model.
        tta: Average over views: those stored with the model, or the mirrored image where these are none; `None`: as
            stored.
        min_area_px: Least area of a region by class name, see `min_areas_of`; `None`: as stored.
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
    return Segmenter(
        network=network,
        labels=labels,
        chain=build_chain(meta.preprocessing),
        device=place,
        tile_px=tile_px or meta.tile_px,
        overlap=meta.overlap,
        precision=precision,
        tta=_choose_views(meta.tta, tta, path),
        min_area_px=min_areas_of(
            labels.classes, meta.min_area_px if min_area_px is None else min_area_px, "least area of regions"
        ),
        sixteen_bit=meta.sixteen_bit,
        identity=stored.sha256,
    )


def _choose_views(stored: str, wanted: bool | None, path: Path) -> str:
    if stored not in TTA:
        raise CheckpointError(f"{path}: views {stored!r} seen, expected one of {', '.join(TTA)}. Update segan.")
    if wanted is None:
        return stored
    if not wanted:
        return "none"
    return "flip" if stored == "none" else stored


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Switch a network that is in training to evaluation, and back."""
    trained = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in trained:
            module.training = True


def _read_bands(bands: Iterator[Band], size: tuple[int, int], *, probabilities: bool) -> Prediction:
    """Turn each band into rows of the mask at once, so that the planes of the whole image never exist."""
    mask = np.empty(size, np.uint8)
    planes: NDArray[np.float16] | None = None
    total = 0.0
    for top, probs in bands:
        best, index = probs.max(dim=0)
        rows = slice(top, top + probs.shape[1])
        mask[rows] = index.to(torch.uint8).cpu().numpy()
        total += float(best.sum(dtype=torch.float64))
        if probabilities:
            planes = np.empty((probs.shape[0], *size), np.float16) if planes is None else planes
            planes[:, rows] = probs.to(torch.float16).cpu().numpy()
    return Prediction(mask, total / mask.size, planes)


def _gather(bands: Iterator[Band], size: tuple[int, int]) -> NDArray[np.floating]:
    """Put bands together; in float16, to halve the memory, where there are several."""
    first = next(bands)
    if first.planes.shape[1] == size[0]:
        whole: NDArray[np.float32] = first.planes.cpu().numpy()
        return whole
    planes = np.empty((first.planes.shape[0], *size), np.float16)
    for top, probs in chained([first], bands):
        planes[:, top : top + probs.shape[1]] = probs.to(torch.float16).cpu().numpy()
    return planes


def _restore(planes: NDArray[np.floating], placement: Placement, *, probabilities: bool) -> Prediction:
    """Bring planes over the canvas to the size of the image; those in float16 a few at a time."""
    mask, best = np.zeros(placement.original, np.uint8), np.full(placement.original, -1.0, np.float32)
    restored = np.empty((len(planes), *placement.original), np.float16) if probabilities else None
    count = len(planes) if planes.dtype == np.float32 else _PLANES_AT_A_TIME
    for first in range(0, len(planes), count):
        part = planes[first : first + count].astype(np.float32, copy=False)
        index, value = placement.argmax_with_value(part)
        np.copyto(mask, index + np.uint8(first), where=value > best)
        np.maximum(best, value, out=best)
        if restored is not None:
            restored[first : first + count] = placement.restore(part)
    return Prediction(mask, float(best.mean(dtype=np.float64)), restored)
