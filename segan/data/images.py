"""Read and write images: the only place that knows the channel order of OpenCV."""

import contextlib
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segan.data.formats import (
    IMAGE_FORMATS,
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    has_deep_colors,
    open_header,
    open_picture,
    orient,
    orientation_of,
    read_content,
    read_displayed_size,
    show_path,
)
from segan.data.intensity import SixteenBit, reduce_to_8_bit
from segan.errors import DataError
from segan.files import write_bytes_atomically

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "decode_deep_colors",
    "decode_image",
    "decode_pixels",
    "encode_png",
    "image_size",
    "read_image",
    "reduce_pixels",
    "show_path",
    "write_png",
]

_DEEP_GREY_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_TIFF_PLANAR_CONFIGURATION = 284
_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", 0xDA, b"\xff\xd9"
_JPEG_MARK = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_PLAIN_MODES = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"})


def read_image(path: Path, *, sixteen_bit: SixteenBit = "percentile") -> NDArray[np.uint8]:
    """Read an image file as RGB, turned the way it is displayed, transparency composited over white.

    Args:
        path: JPEG, PNG, TIFF, BMP or WebP; any name the file system allows.
        sixteen_bit: How deep pixels become 8 bits; see `reduce_to_8_bit`.

    Returns:
        uint8 [H, W, 3].

    Raises:
        DataError: The file is missing, damaged, truncated, too large or of an unknown kind; one line with the path.
    """
    return decode_image(read_content(path), path, sixteen_bit=sixteen_bit)


def decode_image(content: bytes, path: Path, *, sixteen_bit: SixteenBit = "percentile") -> NDArray[np.uint8]:
    """Decode the content of an image file as `read_image` does; `path` is for messages alone.

    Raises:
        DataError: As `read_image`.
    """
    pixels = decode_pixels(content, path)
    with _telling(path):
        return reduce_pixels(pixels, lambda deep: reduce_to_8_bit(deep, sixteen_bit))


def decode_pixels(content: bytes, path: Path) -> NDArray[Any]:
    """Decode the content of an image file as displayed, with all the bits that it stores.

    Args:
        content: The whole file.
        path: Where it came from, for messages.

    Returns:
        RGB `uint8 [H, W, 3]` with transparency composited over white; or deep pixels: `[H, W]` of another type, or
        `uint16 [H, W, 3 or 4]`.

    Raises:
        DataError: As `read_image`.
    """
    jpeg = _decode_whole_jpeg(content, path)
    if jpeg is not None:
        return jpeg
    picture = open_picture(content, path)
    with _telling(path):
        if has_deep_colors(picture, content):
            pixels: NDArray[Any] = decode_deep_colors(content)
        elif picture.mode in _DEEP_GREY_MODES:
            pixels = _native(np.asarray(picture))
        else:
            pixels = _decode_8_bit(picture)
    # Pillow and OpenCV both turn a TIFF while decoding; orientation_of is 1 after that.
    return orient(pixels, orientation_of(picture))


def reduce_pixels(pixels: NDArray[Any], reduce: Callable[[NDArray[Any]], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Make RGB `uint8 [H, W, 3]` of what `decode_pixels` returns.

    Args:
        pixels: Those of a picture, or of some of its rows.
        reduce: Maps deep grey or colours, without alpha, to `uint8` of the same shape.
    """
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.ndim == 2:
        return _repeat_grey(reduce(pixels))
    colors = reduce(pixels[..., :3])
    return colors if pixels.shape[2] == 3 else _over_white(colors, reduce_to_8_bit(pixels[..., 3], "full"))


def decode_deep_colors(content: bytes) -> NDArray[np.uint16]:
    """Decode 16-bit colour, of which Pillow would drop half the bits; the file is known to be whole.

    Args:
        content: The whole file, for which `has_deep_colors` holds.

    Returns:
        RGB or RGBA `uint16 [H, W, 3 or 4]`; a TIFF as displayed, a PNG as stored.

    Raises:
        ValueError: The layout is unusual; the message has no path.
    """
    with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as picture:
        if getattr(picture, "tag_v2", {}).get(_TIFF_PLANAR_CONFIGURATION, 1) == 2:
            # OpenCV takes the planes for interleaved pixels without a word.
            raise ValueError("16-bit channels in planes of their own seen, expected interleaved RGB or RGBA")
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] not in {3, 4} or pixels.dtype != np.uint16:
        raise ValueError("16-bit channels in an unusual layout seen, expected RGB or RGBA")
    return np.ascontiguousarray(pixels[..., [2, 1, 0, 3][: pixels.shape[2]]], np.uint16)


def image_size(path: Path) -> tuple[int, int]:
    """Read (height, width) of an image as displayed, from its header alone.

    Raises:
        DataError: The file is missing or its header cannot be read.
    """
    return read_displayed_size(path)


def encode_png(array: NDArray[Any]) -> bytes:
    """Encode an image as a PNG file.

    Args:
        array: uint8 [H, W, 3] RGB, or uint8 or uint16 [H, W] grey.

    Raises:
        ValueError: The shape or type is another one.
    """
    grey = array.ndim == 2 and array.dtype in (np.uint8, np.uint16)
    if not grey and not (array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8):
        raise ValueError(f"PNG: {array.dtype} {array.shape} seen, expected uint8 [H, W, 3], uint8 or uint16 [H, W].")
    stored = array if grey else cv2.cvtColor(array, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".png", stored, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return bytes(encoded)


def write_png(path: Path, array: NDArray[Any]) -> None:
    """Write an image as a PNG file, whole or not at all.

    Args:
        path: Final name; missing folders are created.
        array: As `encode_png`.
    """
    write_bytes_atomically(path, encode_png(array))


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Add the path to what is wrong with pixels."""
    try:
        yield
    except ValueError as error:
        advice = "Set data.sixteen_bit to percentile, or convert the file to 8-bit RGB."
        raise DataError(f"{show_path(path)}: {error}. {advice}") from error


def _decode_whole_jpeg(content: bytes, path: Path) -> NDArray[np.uint8] | None:
    """Decode a JPEG file of colours by OpenCV, which gives Pillow's pixels without a detour over its own picture.

    Of a file that is cut off or damaged OpenCV may give a part of the pixels, so Pillow takes all that is not plainly
    whole, and tells what is wrong. Where coded pixels are damaged and neither of the two refuses them, libjpeg writes a
    line of its own to standard error.

    Returns:
        uint8 [H, W, 3] as displayed; `None` for any other file.
    """
    if not _is_whole_jpeg(content):
        return None
    picture = open_header(content, path)
    if picture.mode != "RGB":
        return None
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    return None if pixels is None else orient(pixels.astype(np.uint8, copy=False), orientation_of(picture))


def _is_whole_jpeg(content: bytes) -> bool:
    """Tell whether a file is a JPEG of one scan, with no mark but those of restarts between its head and its end.

    Source:
        ITU-T T.81 (1992), B.1.1: segments, marks, and what may stand among coded pixels.
    """
    if not content.startswith(_JPEG_START):
        return False
    place, kind = len(_JPEG_START), 0
    while kind != _JPEG_SCAN:
        if content[place : place + 1] != b"\xff" or len(content) < place + 4:
            return False
        kind = content[place + 1]
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    mark = _JPEG_MARK.search(content, place)
    return mark is not None and content[mark.start() :] == _JPEG_END


def _decode_8_bit(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.has_transparency_data:
        pixels = np.asarray(picture.convert("RGBA"))
        return _over_white(pixels[..., :3], pixels[..., 3])
    if picture.mode not in _PLAIN_MODES:
        raise ValueError(f"colour mode {picture.mode} seen, expected grey, palette, RGB or CMYK")
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _over_white(colors: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    opacity = alpha[..., None].astype(np.uint16)
    blended: NDArray[np.uint16] = (colors * opacity + 255 * (255 - opacity) + 127) // 255
    return blended.astype(np.uint8)


def _repeat_grey(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[..., None], 3, axis=2)


def _native(values: NDArray[Any]) -> NDArray[Any]:
    """Undo big-endian storage, which table look-ups do not take."""
    return values.astype(values.dtype.newbyteorder("="), copy=False)
