"""Outlines of a mask as GeoJSON: polygons along the edges of pixels, which give the mask back when they are filled."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segan.data.colors import show_color
from segan.data.labels import IGNORE, Labels, foreground_classes

_NOTHING = IGNORE  # What is not drawn, and what lies around the image.
_QUADRANTS = ((-1, -1), (-1, 1), (1, -1), (1, 1))  # The pixels that meet at a corner: steps down and to the right.

Indices = NDArray[np.int64]
Ring = NDArray[np.int64]


class Outline(NamedTuple):
    """The outline of one region: pixels of one class that hang together by their sides.

    Args:
        class_index: The class.
        area_px: Number of pixels.
        rings: Corners as `[n, 2]` of (x, y), the first repeated at the end: the exterior, then the holes.
    """

    class_index: int
    area_px: int
    rings: list[Ring]


class _Regions(NamedTuple):
    """Regions of a mask, as runs of pixels within its rows.

    Args:
        starts: Where each run starts, as an index into the flat mask.
        region: Number of the region of each run.
        values: Class of each region.
        areas: Pixels of each region.
    """

    starts: Indices
    region: Indices
    values: NDArray[np.uint8]
    areas: Indices

    def at(self, pixels: Indices) -> Indices:
        """Number of the region of each pixel of the flat mask."""
        return self.region[np.searchsorted(self.starts, pixels, side="right") - 1]


class _Corners(NamedTuple):
    """Places where the edge of a region turns; one entry for each region that turns there.

    Args:
        region: Number of the region.
        y: Row line, 0 to H.
        x: Column line, 0 to W.
        down: Whether the vertical edge leads down from here, else up.
        right: Whether the horizontal edge leads to the right from here, else to the left.
        convex: Whether the region is what lies between the two edges, else all around it.
    """

    region: Indices
    y: Indices
    x: Indices
    down: NDArray[np.bool_]
    right: NDArray[np.bool_]
    convex: NDArray[np.bool_]

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> "_Corners":
        """Choose or reorder corners."""
        edges = self.down[which], self.right[which], self.convex[which]
        return _Corners(self.region[which], self.y[which], self.x[which], *edges)


def encode_outlines(mask: NDArray[np.uint8], labels: Labels) -> bytes:
    """Encode the outlines of a mask as a GeoJSON `FeatureCollection`, one `Polygon` a region, from top to bottom.

    A class that is background, by name and place the first, has no outlines.

    Args:
        mask: Class indices `uint8 [H, W]`.
        labels: Names and colours of the classes.
    """
    features = (
        json.dumps(_feature(outline, labels), separators=(",", ":"))
        for outline in trace_outlines(mask, foreground_classes(labels.classes))
    )
    return ('{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n").encode("ascii")


def _feature(outline: Outline, labels: Labels) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {
            "class_index": outline.class_index,
            "class_name": labels.classes[outline.class_index],
            "area_px": outline.area_px,
            "color": show_color(labels.colors[outline.class_index]),
        },
        "geometry": {"type": "Polygon", "coordinates": [ring.tolist() for ring in outline.rings]},
    }


def trace_outlines(mask: NDArray[np.uint8], classes: Sequence[int]) -> Iterator[Outline]:
    """Trace the regions of some classes along the edges of their pixels.

    The pixel of row r and column c covers the square from (c, r) to (c + 1, r + 1), so that areas of polygons are
    numbers of pixels. Regions hang together by sides, not by corners, and no ring touches itself; two rings of one
    region may share single corners. An exterior has a positive area by the shoelace formula of (x, y), as RFC 7946
    asks of the numbers, and a hole a negative one; on a screen, where y points down, exteriors run clockwise.

    Args:
        mask: Class indices `uint8 [H, W]`.
        classes: What is traced; all other values are left out.

    Yields:
        Outlines by their topmost, then leftmost pixel.

    >>> outline = next(trace_outlines(np.array([[0, 1, 1]], np.uint8), [1]))
    >>> outline.area_px, outline.rings[0].tolist()
    (2, [[1, 0], [3, 0], [3, 1], [1, 1], [1, 0]])
    """
    table = np.full(256, _NOTHING, np.uint8)
    table[list(classes)] = list(classes)
    drawn = table[mask]
    regions = _find_regions(drawn)
    corners = _find_corners(drawn, regions)
    order, starts = _walk(_following(corners, (drawn.shape[0], drawn.shape[1])).tolist())
    points = np.stack([corners.x[order], corners.y[order]], axis=1)
    rings = (points[start:end] for start, end in pairwise([*starts, len(order)]))
    owners = corners.region[order][starts].tolist()
    for own, group in groupby(zip(owners, rings, strict=True), itemgetter(0)):
        yield Outline(int(regions.values[own]), int(regions.areas[own]), [ring for _, ring in group])


def _find_regions(drawn: NDArray[np.uint8]) -> _Regions:
    """Join the runs of neighbouring rows that have one class and touch."""
    is_start = np.ones(drawn.shape, np.bool_)
    np.not_equal(drawn[:, 1:], drawn[:, :-1], out=is_start[:, 1:])
    starts = np.flatnonzero(is_start)
    lengths = np.diff(starts, append=drawn.size)
    # Two runs touch where one of them starts beside or under a pixel of the other.
    touching = (drawn[1:] == drawn[:-1]) & (is_start[1:] | is_start[:-1])
    upper = np.flatnonzero(touching)
    pair = [np.searchsorted(starts, pixels, side="right") - 1 for pixels in (upper, upper + drawn.shape[1])]
    # Imported here: a bundle that writes masks alone needs no SciPy, and starts the sooner.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(upper.size, np.bool_), tuple(pair)), shape=(starts.size, starts.size))
    count, region = connected_components(links, directed=False)
    values = np.empty(count, np.uint8)
    values[region] = drawn.ravel()[starts]
    areas = np.bincount(region, lengths, count).astype(np.int64)  # Exact: sums below 2 ** 53.
    return _Regions(starts, region.astype(np.int64), values, areas)


def _find_corners(drawn: NDArray[np.uint8], regions: _Regions) -> _Corners:
    """Find where edges turn; pixels of one region that touch by a corner alone are both cut off there.

    Each of two such pixels gives one of the two turns: around the other region at its side, never around itself, so
    that the rings on both sides of the corner are different ones.
    """
    y, x = _find_turns(drawn)
    around = {quadrant: _regions_beside(y, x, quadrant, drawn, regions) for quadrant in _QUADRANTS}
    found = []
    for down, right in _QUADRANTS:
        own = around[down, right]
        beside, above, across = (own == around[at] for at in ((down, -right), (-down, right), (-down, -right)))
        convex = ~beside & ~above & ~across
        reflex = beside & above & ~across
        turns = (own >= 0) & (convex | reflex | (~beside & ~above & across))
        leads_down, leads_right = convex == (down > 0), reflex != (right > 0)
        found.append(_Corners(own, y, x, leads_down, leads_right, convex).take(turns))
    corners = _Corners(*map(np.concatenate, zip(*found, strict=True)))
    order = _order(corners.region, corners.y, corners.x, corners.right, (drawn.shape[0], drawn.shape[1]))
    return corners.take(order)


def _find_turns(drawn: NDArray[np.uint8]) -> tuple[Indices, Indices]:
    """Find the corners of pixels, by row and column line, at which not all edges are straight."""
    padded = np.pad(drawn, 1, constant_values=_NOTHING)
    same_across, same_down = padded[:, 1:] == padded[:, :-1], padded[1:] == padded[:-1]
    straight = (same_across[1:] & same_across[:-1]) | (same_down[:, 1:] & same_down[:, :-1])
    return np.divmod(np.flatnonzero(~straight), drawn.shape[1] + 1)


def _regions_beside(
    y: Indices, x: Indices, quadrant: tuple[int, int], drawn: NDArray[np.uint8], regions: _Regions
) -> Indices:
    """Number the regions of the pixels at one side of corners; -1 where nothing is drawn."""
    row, column = y - (quadrant[0] < 0), x - (quadrant[1] < 0)
    height, width = drawn.shape
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    beside = np.full(y.shape, -1, np.int64)
    beside[inside] = regions.at(row[inside] * width + column[inside])
    beside[inside] = np.where(regions.values[beside[inside]] == _NOTHING, -1, beside[inside])
    return beside


def _order(
    region: Indices, line: Indices, place: Indices, onwards: NDArray[np.bool_], size: tuple[int, int]
) -> NDArray[np.intp]:
    """Sort corners by region, line and place on it: each even one is then joined to the next by an edge.

    Where a region has two corners at one place, the edge that comes from before ends before the other begins.
    """
    lines, places = size[0] + 1, size[1] + 1
    return np.argsort(((region * lines + line) * places + place) * 2 + onwards)


def _following(corners: _Corners, size: tuple[int, int]) -> NDArray[np.intp]:
    """Give the next corner of each, with the region to the right of the way as it is seen on a screen."""
    count = corners.x.size
    partner = np.arange(count) ^ 1
    order = _order(corners.region, corners.x, corners.y, corners.down, (size[1], size[0]))
    vertical = np.empty(count, np.intp)
    vertical[order] = order[partner]
    leaves_by_row = corners.convex == (corners.down == corners.right)
    return np.where(leaves_by_row, partner, vertical)


def _walk(following: list[int]) -> tuple[list[int], list[int]]:
    """Go around each ring from its topmost, then leftmost corner; the exterior of a region has the first of all.

    Returns:
        Corners ring after ring, the first of each repeated at its end, and where each ring starts.
    """
    seen = bytearray(len(following))
    order: list[int] = []
    starts: list[int] = []
    for first in range(len(following)):
        if not seen[first]:
            starts.append(len(order))
            place = first
            while not seen[place]:
                seen[place] = 1
                order.append(place)
                place = following[place]
            order.append(first)
    return order, starts
