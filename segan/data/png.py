"""PNG files put together by us: class indices with their palette, and rows that come one after the other."""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.data.colors import Color, mask_palette

_FASTEST = 1
_MARK = b"\x89PNG\r\n\x1a\n"
_COLORS, _PALETTE = 2, 3
_FILTER_UP = 2


def encode_mask(mask: NDArray[np.uint8], colors: Sequence[Color]) -> bytes:
    """Encode class indices as an index PNG; the palette shows classes in their colours and `IGNORE` in grey.

    Args:
        mask: uint8 [H, W].
        colors: RGB, one a class.

    Raises:
        ValueError: The shape or type is another one.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8 or not mask.size:
        raise ValueError(f"PNG: {mask.dtype} {mask.shape} seen, expected uint8 [H, W].")
    compressor = new_compressor(colors)
    packed = compressor.compress(filter_rows(mask, np.zeros_like(mask[:1])).data) + compressor.flush()
    return b"".join([encode_head(mask.shape, colors), encode_chunk(b"IDAT", packed), encode_chunk(b"IEND", b"")])


def encode_head(size: tuple[int, ...], colors: Sequence[Color] | None) -> bytes:
    """Encode all that comes before the rows.

    Args:
        size: Height and width.
        colors: Of the classes, where rows are indices; `None`: rows are RGB.

    Source:
        Portable Network Graphics (ISO/IEC 15948:2004), sections 5 and 11.
    """
    kind = _COLORS if colors is None else _PALETTE
    head = _MARK + encode_chunk(b"IHDR", struct.pack(">IIBBBBB", size[1], size[0], 8, kind, 0, 0, 0))
    return head if colors is None else head + encode_chunk(b"PLTE", bytes(mask_palette(colors)))


def encode_chunk(kind: bytes, data: bytes) -> bytes:
    """Encode a chunk: its length, its kind, its content and its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def new_compressor(colors: Sequence[Color] | None) -> Any:
    """Make what compresses the filtered rows; see `encode_head`."""
    # Runs: fastest and smallest for flat areas.
    return zlib.compressobj(_FASTEST, strategy=zlib.Z_DEFAULT_STRATEGY if colors is None else zlib.Z_RLE)


def filter_rows(rows: NDArray[np.uint8], above: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take from each row the one above it, and put the kind of that filter before it.

    Args:
        rows: uint8 [rows, W] or [rows, W, 3].
        above: The row before the first, of the same shape; zeros at the top.

    Source:
        Portable Network Graphics (ISO/IEC 15948:2004), section 9.
    """
    flat = rows.reshape(len(rows), -1)
    lines = np.empty((len(flat), 1 + flat.shape[1]), np.uint8)
    lines[:, 0] = _FILTER_UP
    np.subtract(flat[:1], above.reshape(1, -1), out=lines[:1, 1:])
    np.subtract(flat[1:], flat[:-1], out=lines[1:, 1:])
    return lines
