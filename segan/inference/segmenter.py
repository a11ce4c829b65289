"""The one way from an image to a mask; validation, evaluation, prediction and the server all go through it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import chain as chained
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from segan.data.intensity import SixteenBit
from segan.data.labels import Labels
from segan.data.placement import Placement
from segan.data.preprocess import Chain, Statistics
from segan.inference.engine import Engine
from segan.inference.lanes import map_ahead
from segan.inference.planes import Planes
from segan.inference.small_regions import absorb_small_regions
from segan.inference.tiling import Block, Window, blend_tiles
from segan.inference.views import TTA, View

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


class Tiled(Protocol):
    """An image that can be cut into tiles: an array, or rows that are read as they are needed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and 3."""

    def __getitem__(self, window: Window, /) -> NDArray[np.uint8]:
        """Cut a tile."""


class Prepared(NamedTuple):
    """An image as the network is to see it, not yet normalised.

    Args:
        image: RGB `uint8 [h, w, 3]` over the canvas.
        statistics: Of the whole image before it was fitted, as in training.
        placement: The way back to the image.
    """

    image: NDArray[np.uint8]
    statistics: Statistics | None
    placement: Placement

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the canvas."""
        return (self.image.shape[0], self.image.shape[1])


@dataclass
class Segmenter:
    """A network and all that turns its probabilities into masks.

    Args:
        engine: What runs the network.
        labels: Names and colours of the classes.
        chain: Preprocessing, as in training.
        tile_px: Larger images are predicted in tiles of this side, in pixels of the network's input.
        overlap: Least overlap of tiles, as a share of the side.
        tta: Key of `TTA`: `none`, `flip` for the mean with the mirrored image, `scales` for both at three sizes, `d4`
            for the mean over eight views.
        min_area_px: Least area of a region of each class, in pixels of the image; smaller ones go to what lies around
            them, in the mask alone. Empty: all stay.
        sixteen_bit: How 16-bit images are to be read for this network.
        identity: SHA-256 of the model file; empty for a network that comes from none.
    """

    engine: Engine
    labels: Labels
    chain: Chain
    tile_px: int = 1024
    overlap: float = 0.25
    tta: str = "none"
    min_area_px: tuple[int, ...] = ()
    sixteen_bit: SixteenBit = "percentile"
    identity: str = ""

    def predict(
        self, image: NDArray[np.uint8], *, probabilities: bool = False, lanes: Executor | None = None
    ) -> Prediction:
        """Segment one image.

        Probabilities, not logits, are brought back to the size of the image: they are what tiles blend and views
        average, so one kind of plane goes all the way.

        Args:
            image: RGB `uint8 [H, W, 3]` of any size.
            probabilities: Also return the probabilities at the size of the image; 2 K H W bytes.
            lanes: Threads that share the tiles; `None`: this one takes all.

        Raises:
            SeganError: The device has too little memory for a tile.
        """
        return self.predict_prepared(self.prepare(image), probabilities=probabilities, lanes=lanes)

    def predict_prepared(
        self, prepared: Prepared, *, probabilities: bool = False, lanes: Executor | None = None
    ) -> Prediction:
        """Segment an image that `prepare` has brought to the network's size; see `predict`."""
        blocks = self.network_planes(prepared.image, prepared.statistics, lanes=lanes)
        if is_unresized(prepared.placement):
            return self._finish(self._read_blocks(blocks, prepared.size, probabilities=probabilities))
        planes = self._gather(blocks, prepared.size)
        return self._finish(_restore(planes, prepared.placement, probabilities=probabilities))

    def prepare(self, image: NDArray[np.uint8]) -> Prepared:
        """Bring an image RGB `uint8 [H, W, 3]` to the intensities and the size at which the network sees it."""
        evened = self.chain.photometric(image)
        statistics = self.chain.statistics(evened)
        fitted, placement = self.chain.fit(evened)
        return Prepared(fitted, statistics, placement)

    def fits_one_run(self, prepared: Prepared) -> bool:
        """Tell whether one run of the network is all that an image needs."""
        return self.tta == "none" and max(prepared.size) <= self.tile_px

    def normalize(self, prepared: Prepared, *, probabilities: bool) -> NDArray[np.float32] | None:
        """Turn a whole prepared image into what `run_once` needs beside it.

        Args:
            prepared: From `prepare`.
            probabilities: Whether the result must come with them.

        Returns:
            `float32 [3, h, w]`; `None` where the engine takes the pixels as they are.
        """
        pixels = self.engine.pixels
        mask_alone = not probabilities and is_unresized(prepared.placement)
        if mask_alone and pixels is not None and prepared.size == pixels.size:
            return None
        return self.chain.normalize(prepared.image, prepared.statistics)

    def run_once(
        self, images: Sequence[Prepared], normalized: Sequence[NDArray[np.float32] | None], *, probabilities: bool
    ) -> list[Prediction | NDArray[np.float32]]:
        """Run the network on whole images of one size.

        Args:
            images: From `prepare`.
            normalized: From `normalize`.
            probabilities: As for `normalize`.

        Returns:
            Of each image the mask where that is enough, else all planes, on the processor.
        """
        inputs = [planes[None] for planes in normalized if planes is not None]
        if not inputs:
            return [self._read_pixels(prepared) for prepared in images]
        assert len(inputs) == len(images), "engines that take pixels run one image at a time"
        batch = inputs[0] if len(inputs) == 1 else np.concatenate(inputs)
        if probabilities or not all(is_unresized(prepared.placement) for prepared in images):
            return [self.engine.operations.to_array(planes) for planes in self.engine.run(batch)]
        return [Prediction(*found) for found in self.engine.highest(batch)]

    def _read_pixels(self, prepared: Prepared) -> Prediction:
        assert self.engine.pixels is not None
        figures = self.chain.figures(prepared.image, prepared.statistics)
        return Prediction(*self.engine.pixels.highest(prepared.image, figures))

    def from_raw(
        self, found: Prediction | NDArray[np.float32], placement: Placement, *, probabilities: bool
    ) -> Prediction:
        """Turn what `run_once` gave into the result for the image."""
        if not isinstance(found, Prediction):
            found = _restore(found, placement, probabilities=probabilities)
        return self._finish(found)

    def _finish(self, prediction: Prediction) -> Prediction:
        """Give regions that are too small to what lies around them."""
        return replace(prediction, mask=absorb_small_regions(prediction.mask, self.min_area_px))

    def network_planes(
        self, prepared: Tiled, statistics: Statistics | None, *, lanes: Executor | None = None
    ) -> Iterator[Block]:
        """Give the probabilities over an image that is already fitted, in blocks as they are finished.

        Args:
            prepared: RGB `uint8 [h, w, 3]`, after the chain's `photometric` and `fit`.
            statistics: Of the whole image before `fit`, as in training.
            lanes: Threads that share the tiles; `None`: this one takes all.

        Yields:
            Blocks of `float32 [K, rows, columns]`, where the engine leaves them.
        """

        def predict_tiles(windows: Sequence[Window]) -> Iterator[Planes]:
            count = self.engine.batch
            # Cut in this thread, which is the one that may read rows of the image.
            groups = (
                [prepared[window] for window in windows[first : first + count]]
                for first in range(0, len(windows), count)
            )

            def predict_group(tiles: Sequence[NDArray[np.uint8]]) -> list[Planes]:
                return self._probs(tiles, statistics)

            if lanes is None:
                return chained.from_iterable(map(predict_group, groups))
            return chained.from_iterable(map_ahead(lanes, predict_group, groups, ahead=self.engine.lanes))

        size = (prepared.shape[0], prepared.shape[1])
        yield from blend_tiles(predict_tiles, size, self.tile_px, self.overlap, self.engine.operations)

    def _probs(self, tiles: Sequence[NDArray[np.uint8]], statistics: Statistics | None) -> list[Planes]:
        """Compute `float32 [K, h, w]` of each tile `uint8 [h, w, 3]`, all of one size, as the mean over the views."""
        views = TTA[self.tta]
        totals: list[Planes] = []
        for view in views:
            for index, planes in enumerate(self._probs_of_view(tiles, view, statistics)):
                if len(totals) == index:
                    totals.append(planes)
                else:
                    totals[index] = totals[index] + planes
        return [total / len(views) for total in totals] if len(views) > 1 else totals

    def _probs_of_view(
        self, tiles: Sequence[NDArray[np.uint8]], view: View, statistics: Statistics | None
    ) -> Iterator[Planes]:
        batch = np.stack([self.chain.normalize(view.show(tile), statistics) for tile in tiles])
        for planes, tile in zip(self.engine.run(batch), tiles, strict=True):
            yield view.undo(planes, (tile.shape[0], tile.shape[1]), self.engine.operations)

    def _read_blocks(self, blocks: Iterator[Block], size: tuple[int, int], *, probabilities: bool) -> Prediction:
        """Turn each block into a part of the mask at once, so that the planes of the whole image never exist."""
        mask = np.empty(size, np.uint8)
        planes: NDArray[np.float16] | None = None
        total = 0.0
        for block in blocks:
            highest = self.engine.operations.highest(block.planes)
            mask[block.window] = highest.mask
            total += highest.mean * highest.mask.size
            if probabilities:
                planes = np.empty((len(block.planes), *size), np.float16) if planes is None else planes
                planes[:, *block.window] = self.engine.operations.to_array(block.planes)
        return Prediction(mask, total / mask.size, planes)

    def _gather(self, blocks: Iterator[Block], size: tuple[int, int]) -> NDArray[np.floating]:
        """Put blocks together; in float16, to halve the memory, where there are several."""
        first = next(blocks)
        if first.planes.shape[1:] == size:
            return self.engine.operations.to_array(first.planes)
        planes = np.empty((len(first.planes), *size), np.float16)
        for block in chained([first], blocks):
            planes[:, *block.window] = self.engine.operations.to_array(block.planes)
        return planes


def is_unresized(placement: Placement) -> bool:
    """Tell whether the network sees an image at its own size, pixel on pixel."""
    return placement.resized == placement.canvas == placement.original


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
