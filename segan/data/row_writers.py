"""Write images by rows, from top to bottom, for those that are larger than the memory; whole files or none."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0
from numpy.typing import DTypeLike, NDArray

from segan.data import png
from segan.data import tiff_directory as tiff
from segan.data.colors import Color, mask_palette
from segan.data.tiff_directory import Tag, pack_directory, pack_header
from segan.files import PartFile, StagedFile

_FASTEST = 1
_PNG_CHUNK = 1 << 18
_TILE = 256
_TIFF_DEFLATE, _TIFF_PALETTE = 8, 3
_CLASSIC_TIFF_BYTES = 1 << 32


class RowWriter(ABC):
    """A file that takes its rows from top to bottom and exists when all are there; for one thread at a time.

    A context manager: where it is left by an exception, no file stays behind, and an earlier one of the same name is
    untouched.

    Args:
        path: Final name; missing folders are created.
        shape: Of each part of the rows: `None` at the axis of rows, whose length is `height`.
        height: Rows in all.
        dtype: Of the rows.

    Raises:
        OSError: The folder is not writable.
    """

    def __init__(self, path: Path, shape: tuple[int | None, ...], height: int, dtype: DTypeLike) -> None:
        if min(height, *(length for length in shape if length is not None)) < 1:
            raise ValueError(f"{path}: {shape} with {height} rows seen, expected no empty side.")
        self._path, self._shape, self._height, self._dtype = path, shape, height, np.dtype(dtype)
        self._axis = shape.index(None)
        self._done = 0
        self._part: PartFile | None = PartFile(path)
        self._stream = self._part.stream

    def append(self, rows: NDArray[Any]) -> None:
        """Write the next rows.

        Raises:
            ValueError: They have another shape or type, are too many, or the file is closed.
            OSError: The disk is full; no file stays behind.
        """
        if self._part is None:
            raise ValueError(f"{self._path}: rows after the end seen, expected none.")
        try:
            self._check(rows)
            if rows.size:
                self._take(rows)
            self._done += rows.shape[self._axis]
        except BaseException:
            self.discard()
            raise

    def stage(self) -> StagedFile:
        """Finish the file, which has yet to take its name.

        Raises:
            ValueError: Rows are missing, or the file was finished before; no file stays behind.
            OSError: The disk is full; no file stays behind.
        """
        if self._part is None:
            raise ValueError(f"{self._path}: a second end seen, expected one.")
        try:
            if self._done < self._height:
                raise ValueError(f"{self._path}: {self._done} rows seen, expected {self._height}.")
            self._finish()
            staged = self._part.stage()
        except BaseException:
            self.discard()
            raise
        self._part = None
        return staged

    def close(self) -> None:
        """Finish the file and give it its name; a second call does nothing.

        Raises:
            ValueError: Rows are missing; no file stays behind.
            OSError: The disk is full; no file stays behind.
        """
        if self._part is not None:
            self.stage().commit()

    def discard(self) -> None:
        """Remove what was written."""
        if self._part is not None:
            self._part.discard()
            self._part = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _check(self, rows: NDArray[Any]) -> None:
        fits = rows.ndim == len(self._shape) and all(
            expected in {None, seen} for expected, seen in zip(self._shape, rows.shape, strict=True)
        )
        if not fits or rows.dtype != self._dtype:
            expected = ", ".join("rows" if length is None else str(length) for length in self._shape)
            raise ValueError(f"{self._path}: {rows.dtype} {rows.shape} seen, expected {self._dtype} ({expected}).")
        if self._done + rows.shape[self._axis] > self._height:
            raise ValueError(
                f"{self._path}: {self._done + rows.shape[self._axis]} rows seen, expected {self._height} in all."
            )

    @abstractmethod
    def _take(self, rows: NDArray[Any]) -> None:
        """Write rows that fit."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what follows the last row."""


class PngRows(RowWriter):
    """A PNG file, of class indices or of colours.

    Args:
        path: Final name; missing folders are created.
        size: (height, width).
        palette: Colours of the classes; rows are indices `uint8 [rows, W]`, as `write_mask` writes them.
        rgb: Rows are RGB `uint8 [rows, W, 3]`; the one or the other.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], palette: Sequence[Color] | None = None, rgb: bool = False
    ) -> None:
        if rgb == (palette is not None):
            raise ValueError(f"{path}: palette {palette} and rgb {rgb} seen, expected one of the two.")
        height, width = size
        super().__init__(path, (None, width, 3) if rgb else (None, width), height, np.uint8)
        self._compressor = png.new_compressor(palette)
        self._packed = bytearray()
        self._last_row = np.zeros((1, width, 3) if rgb else (1, width), np.uint8)
        self._stream.write(png.encode_head(size, palette))

    def _take(self, rows: NDArray[Any]) -> None:
        self._packed += self._compressor.compress(png.filter_rows(rows, self._last_row).data)
        self._last_row = rows[-1:].copy()
        self._write_chunks(_PNG_CHUNK)

    def _finish(self) -> None:
        self._packed += self._compressor.flush()
        self._write_chunks(1)
        self._stream.write(png.encode_chunk(b"IEND", b""))

    def _write_chunks(self, least: int) -> None:
        while len(self._packed) >= least:
            self._stream.write(png.encode_chunk(b"IDAT", bytes(self._packed[:_PNG_CHUNK])))
            del self._packed[:_PNG_CHUNK]


class TiffRows(RowWriter):
    """A tiled TIFF file of class indices, for masks that PNG readers refuse; a BigTIFF where 4 GiB might not do.

    Args:
        path: Final name; missing folders are created.
        size: (height, width); rows are indices `uint8 [rows, W]`.
        colors: RGB, one a class; other values are grey.

    Source:
        TIFF 6.0 (Adobe, 1992), sections 3, 5 and 15; deflate: TIFF Technical Note 2 (Adobe, 2002).
    """

    def __init__(self, path: Path, size: tuple[int, int], colors: Sequence[Color]) -> None:
        height, width = size
        super().__init__(path, (None, width), height, np.uint8)
        self._size, self._palette = size, mask_palette(colors)
        down, across = -(-height // _TILE), -(-width // _TILE)
        # Deflate adds less than a thousandth to what it cannot shrink, and a tile takes 16 bytes in the tables.
        self._is_big = down * across * (_TILE * _TILE * 1.001 + 64) > _CLASSIC_TIFF_BYTES
        self._offset = self._stream.write(pack_header(0, big=self._is_big))
        self._offsets: list[int] = []
        self._counts: list[int] = []
        self._band = np.zeros((_TILE, across * _TILE), np.uint8)
        self._filled = 0

    def _take(self, rows: NDArray[Any]) -> None:
        while len(rows):
            count = min(_TILE - self._filled, len(rows))
            self._band[self._filled : self._filled + count, : rows.shape[1]] = rows[:count]
            self._filled, rows = self._filled + count, rows[count:]
            if self._filled == _TILE:
                self._write_tiles()

    def _finish(self) -> None:
        if self._filled:
            self._band[self._filled :] = 0
            self._write_tiles()
        directory = self._offset + self._offset % 2
        self._stream.write(bytes(self._offset % 2) + pack_directory(self._tags(), directory, big=self._is_big))
        self._stream.seek(0)
        self._stream.write(pack_header(directory, big=self._is_big))

    def _write_tiles(self) -> None:
        for left in range(0, self._band.shape[1], _TILE):
            compressor = zlib.compressobj(_FASTEST, strategy=zlib.Z_RLE)
            tile = compressor.compress(self._band[:, left : left + _TILE].tobytes()) + compressor.flush()
            self._offsets.append(self._offset)
            self._counts.append(len(tile))
            self._offset += self._stream.write(tile)
        self._filled = 0

    def _tags(self) -> list[Tag]:
        shorts = {
            tiff.BITS_PER_SAMPLE: [8],
            tiff.COMPRESSION: [_TIFF_DEFLATE],
            tiff.PHOTOMETRIC: [_TIFF_PALETTE],
            tiff.SAMPLES_PER_PIXEL: [1],
            tiff.PLANAR: [1],
            # All reds, then all greens and blues, in 16 bits.
            tiff.COLOR_MAP: [value * 257 for channel in range(3) for value in self._palette[channel::3]],
            tiff.TILE_WIDTH: [_TILE],
            tiff.TILE_LENGTH: [_TILE],
        }
        height, width = self._size
        longs = {tiff.WIDTH: [width], tiff.LENGTH: [height], tiff.TILE_COUNTS: self._counts}
        return [
            *(Tag(code, tiff.SHORT, values) for code, values in shorts.items()),
            *(Tag(code, tiff.LONG, values) for code, values in longs.items()),
            Tag(tiff.TILE_OFFSETS, tiff.LONG8 if self._is_big else tiff.LONG, self._offsets),
        ]


class NpyRows(RowWriter):
    """A `.npy` file of planes, the one that `np.save` writes.

    Args:
        path: Final name; missing folders are created.
        shape: (planes, height, width); rows are `[planes, rows, W]`.
        dtype: Of the planes.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], dtype: DTypeLike) -> None:
        planes, height, width = (int(length) for length in shape)
        super().__init__(path, (planes, None, width), height, dtype)
        description = {"descr": dtype_to_descr(self._dtype), "fortran_order": False, "shape": (planes, height, width)}
        write_array_header_1_0(self._stream, description)
        self._first = self._stream.tell()

    def _take(self, rows: NDArray[Any]) -> None:
        row_bytes = rows.shape[2] * self._dtype.itemsize
        for index, plane in enumerate(rows):
            self._stream.seek(self._first + (index * self._height + self._done) * row_bytes)
            self._stream.write(np.ascontiguousarray(plane).data)

    def _finish(self) -> None:
        """Do nothing: the last rows end the file."""
