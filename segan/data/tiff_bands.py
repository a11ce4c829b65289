"""Cut a TIFF file into bands of rows, each a small TIFF of its own that the ordinary reader decodes."""

import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import TiffFile, TiffPage

from segan.data import formats
from segan.data import tiff_directory as tiff
from segan.data.tiff_directory import ByteOrder, Tag, pack_directory, pack_header

# What is wrong with odd files is told by the ordinary reader alone.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

Tags = Mapping[int, Sequence[int]]

_ROWS = 128
_MOST_ROWS = 1024
_LAYOUT = (
    tiff.BITS_PER_SAMPLE,
    tiff.COMPRESSION,
    tiff.PHOTOMETRIC,
    tiff.SAMPLES_PER_PIXEL,
    tiff.PLANAR,
    tiff.PREDICTOR,
    tiff.EXTRA_SAMPLES,
    tiff.SAMPLE_FORMAT,
)
_COPIED = (*_LAYOUT, tiff.COLOR_MAP)
# Tag, the values it may have, and the value where it is missing.
_SUITED: tuple[tuple[int, frozenset[int], int], ...] = (
    (tiff.BITS_PER_SAMPLE, frozenset({8, 16}), 1),
    (tiff.COMPRESSION, frozenset({1, 5, 8, 32773, 32946}), 1),  # None, LZW, deflate, PackBits, old deflate.
    (tiff.PHOTOMETRIC, frozenset({0, 1, 2, 3}), -1),  # Grey, white or black at 0; RGB; palette.
    (tiff.FILL_ORDER, frozenset({1}), 1),
    (tiff.ORIENTATION, frozenset({1}), 1),
    (tiff.PLANAR, frozenset({1, 2}), 1),
    (tiff.PREDICTOR, frozenset({1, 2}), 1),
    (tiff.SAMPLE_FORMAT, frozenset({1}), 1),  # Whole numbers without a sign.
    (tiff.IMAGE_DEPTH, frozenset({1}), 1),
)
_KNOWN = frozenset(_COPIED) | {code for code, _, _ in _SUITED}
# Bits, planes and the kinds of those beyond three; 2 is a transparency. Of others, the decoders read some files only.
_SUITED_PLANES = frozenset({(8, 3), (8, 4, 2)})
_MODES = {8: frozenset({"L", "LA", "P", "PA", "RGB", "RGBA"}), 16: frozenset({"I;16", "I;16B", "RGB", "RGBA"})}


class _UnsuitedError(Exception):
    """Bands of this file would not be exactly what the ordinary reader gives."""


class _Segments(NamedTuple):
    """Rows of each strip or tile, and where they lie: `int64 [planes, down, across]`, offsets and bytes."""

    rows: int
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class TiffBands:
    """Where the rows of a TIFF file lie in it.

    Args:
        size: (height, width).
        order: Byte order.
        tags: What all bands share: the layout of pixels and, in a tiled file, the size of tiles.
        segments: Strips or tiles.
    """

    size: tuple[int, int]
    order: ByteOrder
    tags: Tags
    segments: _Segments

    def __len__(self) -> int:
        return -(-self.size[0] // self.rows)

    @property
    def rows(self) -> int:
        """Rows of each band but the last."""
        return _band_rows(self.segments.rows)

    @property
    def is_deep(self) -> bool:
        """Whether samples have 16 bits."""
        return self.tags[tiff.BITS_PER_SAMPLE][0] == 16

    def read(self, stream: BinaryIO, index: int) -> bytes:
        """Read a band as the content of a TIFF file.

        Raises:
            EOFError: The file ends before the band does.
            OSError: It cannot be read.
        """
        step = self.rows // self.segments.rows
        part = (slice(None), slice(index * step, (index + 1) * step))
        places = zip(self.segments.offsets[part].ravel(), self.segments.counts[part].ravel(), strict=True)
        rows = min(self.rows, self.size[0] - index * self.rows)
        return self._pack(rows, [_read_exactly(stream, int(offset), int(count)) for offset, count in places])

    def describe(self) -> bytes:
        """Return the content of a TIFF file with the tags of a band and without pixels."""
        return self._pack(self.rows, [b""])

    def _pack(self, rows: int, segments: Sequence[bytes]) -> bytes:
        counts = [len(segment) for segment in segments]
        first = len(pack_header(0))
        offsets = (first + np.cumsum([0, *counts[:-1]])).tolist()
        padding = bytes(sum(counts) % 2)
        directory = first + sum(counts) + len(padding)
        values = {**self.tags, tiff.WIDTH: [self.size[1]], tiff.LENGTH: [rows]}
        if tiff.TILE_WIDTH in self.tags:
            values |= {tiff.TILE_OFFSETS: offsets, tiff.TILE_COUNTS: counts}
        else:
            values |= {
                tiff.STRIP_OFFSETS: offsets,
                tiff.STRIP_COUNTS: counts,
                tiff.ROWS_PER_STRIP: [self.segments.rows],
            }
        tags = [Tag(code, tiff.SHORT if code in _COPIED else tiff.LONG, numbers) for code, numbers in values.items()]
        table = pack_directory(tags, directory, self.order)
        return b"".join([pack_header(directory, self.order), *segments, padding, table])


def find_bands(stream: BinaryIO) -> TiffBands | None:
    """Find the bands of a TIFF or BigTIFF file from its tags alone.

    Args:
        stream: The open file.

    Returns:
        `None` where the file is no TIFF, or one of which bands would not be exactly what the ordinary reader gives:
        several pages of one size, another orientation than 1, bits but 8 and 16, floats, CMYK, YCbCr, sparse tiles,
        strips or tiles of more than 1024 rows that must be decoded whole, compressions but LZW, deflate and PackBits.
    """
    try:
        with TiffFile(stream) as file:
            return _find_bands(file)
    except Exception:  # noqa: BLE001 - damaged tags raise almost any class; the ordinary reader tells of them.
        return None


def _find_bands(file: TiffFile) -> TiffBands:
    page = file.pages.first
    tags = _read_tags(page)
    _refuse_unsuited(tags, page)
    _refuse_pages(file, tags)
    bands = TiffBands(
        size=(tags[tiff.LENGTH][0], tags[tiff.WIDTH][0]),
        order=">" if file.byteorder == ">" else "<",
        tags={code: tags[code] for code in (*_COPIED, tiff.TILE_WIDTH, tiff.TILE_LENGTH) if code in tags},
        segments=_find_segments(tags, file.filehandle.size),
    )
    with Image.open(io.BytesIO(bands.describe()), formats=["TIFF"]) as picture:
        _require(picture.mode in _MODES[tags[tiff.BITS_PER_SAMPLE][0]])
    return bands


def _require(suited: bool) -> None:
    if not suited:
        raise _UnsuitedError


def _read_tags(page: TiffPage) -> dict[int, list[int]]:
    """Read the tags that hold whole numbers."""
    codes = [tag.code for tag in page.tags]
    _require(len(codes) == len(set(codes)))
    numbers = {tag.code: tag for tag in page.tags if tag.dtype in (tiff.SHORT, tiff.LONG, tiff.LONG8)}
    _require(not _KNOWN & (set(codes) - set(numbers)))
    return {code: np.ravel(tag.value).tolist() for code, tag in numbers.items()}


def _refuse_unsuited(tags: Tags, page: TiffPage) -> None:
    for code, values, missing in _SUITED:
        _require(values.issuperset(tags.get(code, [missing])))
    _require(len(set(tags[tiff.BITS_PER_SAMPLE])) == 1)
    if tags.get(tiff.PLANAR, [1])[0] == 2:
        channels = (tags[tiff.BITS_PER_SAMPLE][0], _count_planes(tags), *tags.get(tiff.EXTRA_SAMPLES, []))
        _require(channels in _SUITED_PLANES)
    # Where no tag tells the orientation, Pillow looks for it there.
    _require(tiff.ORIENTATION in tags or "tiff:Orientation" not in str(page.tags.valueof(tiff.XMP)))


def _refuse_pages(file: TiffFile, tags: Tags) -> None:
    """Leave stacks to the ordinary reader; smaller pages of the same layout are thumbnails and do not matter."""
    if len(file.pages) == 1:
        return
    second = _read_tags(file.pages[1].aspage())
    _require({tags[tiff.WIDTH][0], tags[tiff.LENGTH][0]} != {second[tiff.WIDTH][0], second[tiff.LENGTH][0]})
    for page in file.pages[1:]:
        other = _read_tags(page.aspage())
        _require(all(other.get(code) == tags.get(code) for code in _LAYOUT))


def _find_segments(tags: Tags, file_bytes: int) -> _Segments:
    height, width = tags[tiff.LENGTH][0], tags[tiff.WIDTH][0]
    _require(height > 0 and width > 0 and (tiff.TILE_WIDTH in tags) != (tiff.STRIP_OFFSETS in tags))
    if tiff.TILE_WIDTH in tags:
        rows, columns = tags[tiff.TILE_LENGTH][0], tags[tiff.TILE_WIDTH][0]
        places, lengths = tags[tiff.TILE_OFFSETS], tags[tiff.TILE_COUNTS]
    else:
        rows, columns = min(height, tags.get(tiff.ROWS_PER_STRIP, [height])[0]), width
        places, lengths = tags[tiff.STRIP_OFFSETS], tags[tiff.STRIP_COUNTS]
    grid = (_count_planes(tags), -(-height // rows), -(-width // columns))
    segments = _Segments(rows, np.array(places, np.int64).reshape(grid), np.array(lengths, np.int64).reshape(grid))
    _require(bool((segments.offsets > 0).all() and (segments.counts > 0).all()))
    row_bytes = columns * tags.get(tiff.SAMPLES_PER_PIXEL, [1])[0] // grid[0] * tags[tiff.BITS_PER_SAMPLE][0] // 8
    segments = _check_lengths(segments, height, row_bytes, tags)
    _require(segments.rows <= _MOST_ROWS and _band_rows(segments.rows) * width <= formats.MAX_PIXELS)
    # Segments that share bytes would let a small file pass for a picture without end.
    _require(height * width <= formats.MAX_PIXELS or int(segments.counts.sum()) <= file_bytes)
    return segments


def _check_lengths(segments: _Segments, height: int, row_bytes: int, tags: Tags) -> _Segments:
    """Compare the bytes of segments with those of their pixels; cut what is not compressed where it suits us."""
    is_tiled = tiff.TILE_WIDTH in tags
    starts = np.arange(0, height, segments.rows)
    heights = np.full_like(starts, segments.rows) if is_tiled else np.minimum(segments.rows, height - starts)
    decoded = heights[None, :, None] * row_bytes
    if tags.get(tiff.COMPRESSION, [1])[0] != 1:
        # No encoder makes pixels grow by so much; a damaged length must not fill the memory.
        _require(bool((segments.counts <= 2 * decoded + 65536).all()))
        return segments
    _require(bool((segments.counts >= decoded).all()))
    if is_tiled or not (np.diff(segments.offsets, axis=1) == decoded[:, :-1]).all():
        return segments._replace(counts=np.broadcast_to(decoded, segments.counts.shape))
    starts = np.arange(0, height, _ROWS)[None, :, None]
    offsets = segments.offsets[:, :1] + starts * row_bytes
    return _Segments(_ROWS, offsets, np.broadcast_to(np.minimum(_ROWS, height - starts) * row_bytes, offsets.shape))


def _count_planes(tags: Tags) -> int:
    return tags.get(tiff.SAMPLES_PER_PIXEL, [1])[0] if tags.get(tiff.PLANAR, [1])[0] == 2 else 1


def _band_rows(segment_rows: int) -> int:
    """Choose whole segments of 128 rows or a little more: enough to keep the cost of a band small."""
    return segment_rows * -(-_ROWS // segment_rows)


def _read_exactly(stream: BinaryIO, offset: int, count: int) -> bytes:
    stream.seek(offset)
    content = stream.read(count)
    if len(content) < count:
        raise EOFError("the file ends too early")
    return content
