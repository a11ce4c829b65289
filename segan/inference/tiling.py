"""Predict large images in overlapping tiles, blended, holding only what later tiles will add to.

The blend weights are separable and sum to one at each pixel, so tiles are added up without a second array of weights
and without a division. What no later tile touches leaves at once, as a block.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segan.inference.planes import ArrayPlanes, PlaneOperations, Planes

# Rows and columns of a tile.
Window = tuple[slice, slice]


class Block(NamedTuple):
    """A finished part of an image.

    Args:
        top: Index of the first row.
        left: Index of the first column.
        planes: `float32 [K, rows, columns]`; memory that the next block reuses, so take what is needed before asking
            for it.
    """

    top: int
    left: int
    planes: Planes

    @property
    def window(self) -> Window:
        """Its place in the image."""
        rows, columns = self.planes.shape[1:]
        return slice(self.top, self.top + rows), slice(self.left, self.left + columns)


def tile_starts(length: int, tile: int, overlap: float) -> list[int]:
    """Place tiles along one side: evenly spaced, the first at 0, the last ending at the border.

    Args:
        length: Side of the image in pixels.
        tile: Side of a tile in pixels; a longer one than the image counts as one tile.
        overlap: Least share of a tile that its neighbour covers too, in [0, 1).

    >>> tile_starts(10, 4, 0.25)
    [0, 3, 6]
    >>> tile_starts(3, 4, 0.25)
    [0]
    """
    if length <= tile:
        return [0]
    stride = max(1, int(tile * (1.0 - overlap)))
    gaps = -(-(length - tile) // stride)
    return [(length - tile) * index // gaps for index in range(gaps + 1)]


def blend_weights(length: int, tile: int, starts: Sequence[int]) -> NDArray[np.float32]:
    """Compute the weight of each tile at each of its pixels along one side.

    A tile weighs most at its centre and falls linearly to its borders, where a network sees the least context; at each
    pixel of the image the weights of all tiles are then scaled to the sum 1.

    Args:
        length: Side of the image in pixels.
        tile: Side of a tile in pixels, at most `length`.
        starts: First pixel of each tile; together the tiles cover the side.

    Returns:
        `float32 [len(starts), tile]`.
    """
    tent = 1.0 - np.abs(2.0 * (np.arange(tile) + 0.5) / tile - 1.0)
    total = np.zeros(length)
    for start in starts:
        total[start : start + tile] += tent
    return np.stack([tent / total[start : start + tile] for start in starts]).astype(np.float32)


def blend_tiles(
    predict_tiles: Callable[[Sequence[Window]], Iterable[Planes]],
    size: tuple[int, int],
    tile_px: int,
    overlap: float,
    operations: PlaneOperations | None = None,
) -> Iterator[Block]:
    """Predict an image tile by tile and give each part as soon as no later tile touches it.

    Memory: the sums of one tile, and of the rows that one row of tiles shares with the next.

    Args:
        predict_tiles: Takes the windows of a row of tiles and gives the planes of each, `float32 [K, rows, columns]`,
            in their order.
        size: Height and width of the image in pixels.
        tile_px: Side of a tile in pixels; an image that is no larger is predicted whole.
        overlap: Least overlap of neighbours as a share of the side.
        operations: Of the planes; `None`: they are arrays.

    Yields:
        Blocks that together cover the image once: by rows of tiles from the top, each from the left.
    """
    operations = operations or ArrayPlanes()
    height, width = size
    tile_height, tile_width = min(tile_px, height), min(tile_px, width)
    tops, lefts = tile_starts(height, tile_px, overlap), tile_starts(width, tile_px, overlap)
    if len(tops) == len(lefts) == 1:
        (planes,) = predict_tiles([(slice(0, height), slice(0, width))])
        yield Block(0, 0, planes)
        return
    row_weights, column_weights = blend_weights(height, tile_height, tops), blend_weights(width, tile_width, lefts)
    row_ends, column_ends = [*tops[1:], height], [*lefts[1:], width]
    shared = tile_height - min(end - top for top, end in zip(tops[:-1], row_ends, strict=False)) if tops[1:] else 0
    sums: Planes = None
    below: Planes = None
    above = 0
    for top, row_end, row_weight in zip(tops, row_ends, row_weights, strict=True):
        windows = [(slice(top, top + tile_height), slice(left, left + tile_width)) for left in lefts]
        if sums is not None:
            sums[:] = 0.0
        tiles = zip(lefts, column_ends, column_weights, predict_tiles(windows), strict=True)
        for left, column_end, column_weight, planes in tiles:
            if sums is None:
                sums = operations.zeros((planes.shape[0], tile_height, tile_width))
                below = operations.zeros((planes.shape[0], shared, width))
            window = operations.place(np.outer(row_weight, column_weight))
            # Plane by plane the products stay in the cache.
            for total, plane in zip(sums, planes, strict=True):
                total += plane * window
            finished, columns = row_end - top, slice(left, column_end)
            block = sums[:, :, : column_end - left]
            block[:, :above] += below[:, :above, columns]
            yield Block(top, left, block[:, :finished])
            if row_end < height:
                below[:, : tile_height - finished, columns] = block[:, finished:]
            _shift_left(sums, column_end - left)
        above = tile_height - (row_end - top)


def _shift_left(sums: Planes, columns: int) -> None:
    """Drop the first columns, move the others to the left and clear what follows."""
    kept = sums.shape[2] - columns
    for plane in sums:
        # In steps that never write what is still to be read; on a GPU too, where copies that overlap are not safe.
        for start in range(0, kept, columns):
            count = min(columns, kept - start)
            plane[:, start : start + count] = plane[:, start + columns : start + columns + count]
        plane[:, kept:] = 0.0
