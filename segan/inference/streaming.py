"""Predict an image by rows, for those that are larger than the memory."""

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segan.data.row_source import RowSource
from segan.inference.segmenter import Segmenter, is_unresized
from segan.inference.tiling import Window

_ROWS_AT_A_TIME = 256


class Strip(NamedTuple):
    """Finished rows of an image.

    Args:
        top: Index of the first.
        image: RGB `uint8 [rows, W, 3]`.
        mask: Class indices `uint8 [rows, W]`.
        confidence: Sum over the pixels of the probability of the chosen class.
        probabilities: `float16 [K, rows, W]`, where asked for.
    """

    top: int
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    confidence: float
    probabilities: NDArray[np.float16] | None


class _Rows:
    """Rows as an array that is cut into tiles: all tiles of one row of them are cut from rows that are read once."""

    def __init__(self, source: RowSource) -> None:
        self.shape = (*source.size, 3)
        self._source = source
        self.top = 0
        self.rows = np.empty((0, source.size[1], 3), np.uint8)

    def __getitem__(self, window: Window) -> NDArray[np.uint8]:
        rows, columns = window
        if (rows.start, rows.stop) != (self.top, self.top + len(self.rows)):
            self.top, self.rows = rows.start, self._source.read(rows.start, rows.stop)
        return self.rows[:, columns]


def can_stream(segmenter: Segmenter, size: tuple[int, int]) -> bool:
    """Tell whether an image of `size` can be predicted by rows: no step and no option looks at all of it at once."""
    chain = segmenter.chain
    return (
        size[0] > segmenter.tile_px
        and not chain.changes_intensities
        and is_unresized(chain.place(size))
        and all(area <= 1 for area in segmenter.min_area_px)
    )


def predict_rows(
    segmenter: Segmenter, source: RowSource, *, probabilities: bool = False, lanes: Executor | None = None
) -> Iterator[Strip]:
    """Segment an image by rows; the masks are those of `Segmenter.predict`.

    Memory follows the width of the image and the tile, never the height.

    Args:
        segmenter: The model; `can_stream` tells whether it can.
        source: The image.
        probabilities: Also give the probabilities.
        lanes: Threads that share the tiles; `None`: this one takes all.

    Yields:
        Strips from top to bottom.

    Raises:
        DataError: The image is damaged.
        SeganError: The device has too little memory for a tile.
    """
    height, width = source.size
    tops = range(0, height, _ROWS_AT_A_TIME)
    statistics = segmenter.chain.statistics_of_parts(
        source.read(top, min(top + _ROWS_AT_A_TIME, height)) for top in tops
    )
    rows = _Rows(source)
    operations = segmenter.engine.operations
    mask = np.empty((0, width), np.uint8)
    planes: NDArray[np.float16] | None = None
    confidence = 0.0
    for block in segmenter.network_planes(rows, statistics, lanes=lanes):
        count, columns = block.planes.shape[1], block.window[1]
        if block.left == 0:
            mask, confidence = np.empty((count, width), np.uint8), 0.0
            planes = np.empty((len(block.planes), count, width), np.float16) if probabilities else None
        highest = operations.highest(block.planes)
        mask[:, columns] = highest.mask
        confidence += highest.mean * highest.mask.size
        if planes is not None:
            planes[:, :, columns] = operations.to_array(block.planes)
        if columns.stop == width:
            image = rows.rows[block.top - rows.top :][:count]
            yield Strip(block.top, image, mask, confidence, planes)
