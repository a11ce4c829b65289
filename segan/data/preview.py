"""A picture of a few samples of each split, to see at a glance whether masks fit their images."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from segan.data.dataset import SPLITS, Dataset, Sample
from segan.data.images import read_image
from segan.data.labels import Labels
from segan.data.masks import read_mask
from segan.data.overlay import overlay
from segan.errors import DataError

_GROUND, _INK = (32, 32, 32), (235, 235, 235)
_LINE_PX, _GAP_PX = 24, 8
Picture = NDArray[np.uint8]


def draw_preview(dataset: Dataset, *, per_split: int = 3, tile_px: int = 256) -> Picture:
    """Draw a row for each split: pairs of an image and the same under its mask; below, the colours of the classes.

    Args:
        dataset: Its unreadable samples are passed over.
        per_split: Samples a row, evenly spread over the split.
        tile_px: Side of the square that holds each image, in pixels.

    Returns:
        uint8 [H, W, 3] RGB.
    """
    width = per_split * (2 * tile_px + _GAP_PX) + _GAP_PX
    parts = []
    for split in SPLITS:
        samples = dataset.samples.get(split, ())
        if samples:
            parts.append(_write_line(f"{split}: {len(samples)} images", width))
            parts.append(_draw_row(_spread(samples, per_split), dataset.labels, tile_px, width))
    parts.append(_draw_legend(dataset.labels, width))
    return np.concatenate(parts)


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    places = np.unique(np.linspace(0, len(samples) - 1, count).round().astype(int))
    return [samples[place] for place in places]


def _draw_row(samples: Sequence[Sample], labels: Labels, tile_px: int, width: int) -> Picture:
    row = np.full((tile_px + _GAP_PX, width, 3), _GROUND, np.uint8)
    left, height = _GAP_PX, 0
    for sample in samples:
        for picture in _draw_pair(sample, labels):
            tile = _fit(picture, tile_px)
            row[: tile.shape[0], left : left + tile.shape[1]] = tile
            left += tile_px
            height = max(height, tile.shape[0])
        left += _GAP_PX
    return row[: height + _GAP_PX]


def _draw_pair(sample: Sample, labels: Labels) -> list[Picture]:
    try:
        image = read_image(sample.image)
        if sample.mask is None:
            return [image]
        return [image, overlay(image, read_mask(sample.mask, labels), labels.colors)]
    except (DataError, ValueError):  # The check tells about it; the preview shows what can be shown.
        return []


def _fit(picture: Picture, side: int) -> Picture:
    scale = side / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    resized: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return resized


def _draw_legend(labels: Labels, width: int) -> Picture:
    """Write the class names in as many lines as they need, each behind a square of its colour."""
    lines, line, left = [], _write_line("", width), _GAP_PX
    for name, color in zip(labels.classes, labels.colors, strict=True):
        needed = _LINE_PX + round(ImageDraw.Draw(Image.new("RGB", (1, 1))).textlength(_plain(name))) + 2 * _GAP_PX
        if left > _GAP_PX and left + needed > width:
            lines.append(line)
            line, left = _write_line("", width), _GAP_PX
        line[6:18, left : left + 12] = color
        line = _write_line(name, width, line, left + 18)
        left += needed
    return np.concatenate([*lines, line])


def _write_line(text: str, width: int, ground: Picture | None = None, left: int = _GAP_PX) -> Picture:
    start = np.full((_LINE_PX, width, 3), _GROUND, np.uint8) if ground is None else ground
    picture = Image.fromarray(start)
    ImageDraw.Draw(picture).text((left, 6), _plain(text), fill=_INK)
    return np.array(picture)


def _plain(text: str) -> str:
    """Keep what the built-in font can draw."""
    return text.encode("latin-1", "replace").decode("latin-1")
