"""Predict large images in overlapping tiles, blended, holding only one row of tiles in memory.

The blend weights are separable and sum to one at each pixel, so tiles are added up without a second array of weights
and without a division. Rows that no later tile touches leave at once, as a band.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor


class Band(NamedTuple):
    """Finished rows of an image.

    Args:
        top: Index of the first row.
        planes: `float32 [K, rows, W]`; memory that the next band reuses, so take what is needed before asking for it.
    """

    top: int
    planes: Tensor


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


def blend_weights(length: int, tile: int, starts: list[int]) -> Tensor:
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
    tent = 1.0 - (2.0 * (torch.arange(tile, dtype=torch.float64) + 0.5) / tile - 1.0).abs()
    total = torch.zeros(length, dtype=torch.float64)
    for start in starts:
        total[start : start + tile] += tent
    return torch.stack([tent / total[start : start + tile] for start in starts]).float()


def blend_tiles(
    predict_tile: Callable[[slice, slice], Tensor], size: tuple[int, int], tile_px: int, overlap: float
) -> Iterator[Band]:
    """Predict an image tile by tile and give finished rows as soon as no later tile touches them.

    Args:
        predict_tile: Takes the rows and columns of a tile and returns its planes, `float32 [K, rows, columns]`.
        size: Height and width of the image in pixels.
        tile_px: Side of a tile in pixels; an image that is no larger is predicted whole.
        overlap: Least overlap of neighbours as a share of the side.

    Yields:
        Bands from top to bottom that together cover the image once.
    """
    height, width = size
    tile_height, tile_width = min(tile_px, height), min(tile_px, width)
    tops, lefts = tile_starts(height, tile_px, overlap), tile_starts(width, tile_px, overlap)
    if len(tops) == len(lefts) == 1:
        yield Band(0, predict_tile(slice(0, height), slice(0, width)))
        return
    row_weights, column_weights = blend_weights(height, tile_height, tops), blend_weights(width, tile_width, lefts)
    sums: Tensor | None = None
    for index, top in enumerate(tops):
        for left, weights in zip(lefts, column_weights, strict=True):
            planes = predict_tile(slice(top, top + tile_height), slice(left, left + tile_width))
            if sums is None:
                sums = planes.new_zeros((planes.shape[0], tile_height, width))
            window = torch.outer(row_weights[index], weights).to(planes.device)
            sums[:, :, left : left + tile_width] += planes * window
        assert sums is not None
        finished = (tops[index + 1] if index + 1 < len(tops) else height) - top
        yield Band(top, sums[:, :finished])
        _shift_up(sums, finished)


def _shift_up(sums: Tensor, rows: int) -> None:
    """Drop the first rows, move the others to the top and clear what follows."""
    kept = sums[:, rows:].clone()
    sums[:, : kept.shape[1]] = kept
    sums[:, kept.shape[1] :] = 0.0
