"""Read images by rows, for those that are larger than the memory."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from segan.data.formats import damaged, unreadable
from segan.data.images import decode_pixels, reduce_pixels
from segan.data.intensity import SixteenBit, count_16_bit, table_of_16_bit

if TYPE_CHECKING:
    from segan.data.tiff_bands import TiffBands

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class RowSource(Protocol):
    """An image that gives its rows; for one thread at a time."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) as displayed."""

    def read(self, top: int, bottom: int) -> NDArray[np.uint8]:
        """Read rows `top` to `bottom`, without the latter.

        Returns:
            RGB `uint8 [bottom - top, W, 3]`, not to be written to.

        Raises:
            DataError: The rows are damaged.
            ValueError: There are no such rows.
        """

    def close(self) -> None:
        """Close the file, if there is one."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ArrayRows:
    """Rows of an image that was read whole.

    Args:
        image: RGB `uint8 [H, W, 3]`.
    """

    def __init__(self, image: NDArray[np.uint8]) -> None:
        self._image = image

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return (self._image.shape[0], self._image.shape[1])

    def read(self, top: int, bottom: int) -> NDArray[np.uint8]:
        """Give rows without copying them; see `RowSource`."""
        _check_rows(top, bottom, self.size[0])
        return self._image[top:bottom]

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class BandRows:
    """Rows of a TIFF file, decoded band by band.

    The bands of the last read are kept, so rows that are read from top to bottom, with any overlap, are decoded once.

    Args:
        stream: The open file; closed by `close`.
        path: Its name, for messages.
        bands: Where its rows lie.
        sixteen_bit: How deep pixels become 8 bits; `percentile` decodes the whole picture once more, at the first read.
    """

    def __init__(self, stream: BinaryIO, path: Path, bands: "TiffBands", sixteen_bit: SixteenBit) -> None:
        self._stream, self._path, self._bands, self._sixteen_bit = stream, path, bands, sixteen_bit
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._table: NDArray[np.uint8] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self._bands.size

    def read(self, top: int, bottom: int) -> NDArray[np.uint8]:
        """Read rows; see `RowSource`."""
        _check_rows(top, bottom, self.size[0])
        if self._table is None and self._bands.is_deep:
            self._table = table_of_16_bit(self._count() if self._sixteen_bit == "percentile" else None)
        height = self._bands.rows
        wanted = range(top // height, -(-bottom // height))
        self._kept = {index: band for index, band in self._kept.items() if index in wanted}
        rows = np.empty((bottom - top, self.size[1], 3), np.uint8)
        for index in wanted:
            if index not in self._kept:
                self._kept[index] = reduce_pixels(self._decode(index), self._look_up)
            first = index * height
            part = slice(max(top - first, 0), min(bottom - first, height))
            rows[first + part.start - top : first + part.stop - top] = self._kept[index][part]
        return rows

    def close(self) -> None:
        """Close the file and forget its rows."""
        self._kept.clear()
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decode(self, index: int) -> NDArray[Any]:
        try:
            content = self._bands.read(self._stream, index)
        except EOFError as error:
            raise damaged(self._path, error) from error
        except OSError as error:
            raise unreadable(self._path, error) from error
        return decode_pixels(content, self._path)

    def _count(self) -> NDArray[np.int64]:
        """Count the values of all pixels, as the ordinary reader does: all colours together, without alpha."""
        counts = np.zeros(65536, np.int64)
        for index in range(len(self._bands)):
            pixels = self._decode(index)
            counts += count_16_bit(pixels if pixels.ndim == 2 else pixels[..., :3])
        return counts

    def _look_up(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        assert self._table is not None
        return np.take(self._table, values)


def open_rows(path: Path, *, sixteen_bit: SixteenBit) -> RowSource | None:
    """Open an image that can be read by rows, without decoding any.

    Memory follows the width and the rows of a read, never the height. So there is no limit of pixels; a picture of more
    than `MAX_PIXELS` must hold bytes of its own for each strip or tile.

    Args:
        path: TIFF or BigTIFF; any name the file system allows.
        sixteen_bit: How deep pixels become 8 bits, as for `read_image`.

    Returns:
        Rows exactly as `read_image` gives them, or `None` where it is the one to read the file or to refuse it; see
        `find_bands`.
    """
    try:
        stream = path.open("rb")
    except (OSError, ValueError):
        return None
    if stream.peek(4)[:4] not in _TIFF_STARTS:
        stream.close()
        return None
    from segan.data.tiff_bands import find_bands  # Only here: it brings tifffile, a tenth of a second at a start.

    bands = find_bands(stream)
    if bands is None:
        stream.close()
        return None
    return BandRows(stream, path, bands, sixteen_bit)


def _check_rows(top: int, bottom: int, height: int) -> None:
    if not 0 <= top < bottom <= height:
        raise ValueError(f"rows {top} to {bottom} seen, expected some of 0 to {height}.")
