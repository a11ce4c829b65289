"""Open picture files: formats, size limit, truncation and orientation, the same for images and masks.

Pillow decodes here because it raises on truncated files, where OpenCV may return half a picture without a word.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile

from segan.errors import DataError

Scalar = TypeVar("Scalar", bound=np.generic)

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp"})
IMAGE_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
FORMAT_NAMES = "JPEG, PNG, TIFF, BMP or WebP"
MAX_PIXELS = 400_000_000

# Our own limit below is the strict one; Pillow's is raised so that it neither warns nor refuses earlier.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Odd metadata makes Pillow warn about files that decode well.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_EXIF_ORIENTATION = 0x0112
_EXIF_AS_TEXT = "Raw profile type exif"  # As ImageMagick writes it.
_PNG_MARK_BYTES = 8
_PNG_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_TIFF_BITS_PER_SAMPLE = 258


def show_path(path: Path) -> str:
    r"""Write a path on one line, with characters that cannot be printed escaped.

    >>> show_path(Path("a\nb.png"))
    'a\\nb.png'
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(path))


def read_content(path: Path) -> bytes:
    """Read a whole file.

    Raises:
        DataError: The file is missing, not readable or empty.
    """
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    if not content:
        raise DataError(f"{show_path(path)}: 0 bytes seen, expected a picture. Copy the file again or remove it.")
    return content


def open_header(content: bytes, path: Path) -> Image.Image:
    """Read the header of a picture file; no pixel is decoded.

    Args:
        content: The whole file.
        path: Where it came from, for messages.

    Raises:
        DataError: The format is unknown, the header is damaged or tells of too large a picture.
    """
    return _open(io.BytesIO(content), path)


def open_picture(content: bytes, path: Path) -> Image.Image:
    """Decode the content of a picture file completely, without applying its orientation.

    Args:
        content: The whole file.
        path: Where it came from, for messages.

    Raises:
        DataError: The format is unknown, the file is damaged or truncated, too large or holds several pages.
    """
    picture = open_header(content, path)
    try:
        _refuse_pages(picture, path)
        picture.load()
    except DataError:
        raise
    except Exception as error:  # Decoders raise almost any class on damaged bytes.
        raise damaged(path, error) from error
    return picture


def read_displayed_size(path: Path) -> tuple[int, int]:
    """Read (height, width) as displayed, from the header alone.

    Raises:
        DataError: The file is missing or its header cannot be read.
    """
    with _header(path) as picture:
        width, height = picture.size
        # Pillow already gives the displayed size of a TIFF, and turns its pixels while loading.
        turned = picture.format != "TIFF" and _orientation_ahead(picture) >= 5
    return (width, height) if turned else (height, width)


def read_orientation(path: Path) -> int:
    """Read the EXIF orientation, 1 to 8, from the header alone; 1 where there is none.

    Raises:
        DataError: The file is missing or its header cannot be read.
    """
    with _header(path) as picture:
        return _orientation_ahead(picture)


def read_mode(path: Path) -> str:
    """Read Pillow's name of the pixel layout, from the header alone.

    Raises:
        DataError: The file is missing or its header cannot be read.
    """
    with _header(path) as picture:
        return picture.mode


def orientation_of(picture: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8, that is still to be applied; 1 where there is none."""
    try:
        value = picture.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - damaged metadata must not cost a readable picture.
        return 1
    return value if value in range(1, 9) else 1


def _orientation_ahead(picture: Image.Image) -> int:
    """Return the EXIF orientation without decoding a PNG, as Pillow does to look for one behind the pixels."""
    return 1 if isinstance(picture, PngImageFile) and not _has_exif(picture) else orientation_of(picture)


def _has_exif(picture: PngImageFile) -> bool:
    """Look for EXIF data among the chunks of a PNG that is open: before the pixels or after them."""
    if not {"exif", _EXIF_AS_TEXT}.isdisjoint(picture.info):
        return True
    stream = picture.fp
    assert stream is not None
    place = stream.tell()
    stream.seek(_PNG_MARK_BYTES)
    try:
        while len(head := stream.read(8)) == 8 and head[4:] != b"IEND":
            following = stream.tell() + int.from_bytes(head[:4], "big") + 4
            text = stream.read(len(_EXIF_AS_TEXT)) if head[4:] in _PNG_TEXTS else b""
            if head[4:] == b"eXIf" or text == _EXIF_AS_TEXT.encode():
                return True
            stream.seek(following)
        return False
    finally:
        stream.seek(place)


def orient(array: NDArray[Scalar], orientation: int) -> NDArray[Scalar]:
    """Turn stored pixels the way they are displayed.

    Args:
        array: [H, W] or [H, W, C].
        orientation: EXIF orientation, 1 to 8.

    Source:
        CIPA DC-008 (Exif 2.32), tag 274.
    """
    if orientation in {5, 6, 7, 8}:
        array = array.swapaxes(0, 1)
    if orientation in {3, 4, 7, 8}:
        array = array[::-1]
    if orientation in {2, 3, 6, 7}:
        array = array[:, ::-1]
    return np.ascontiguousarray(array)


def has_deep_colors(picture: Image.Image, content: bytes) -> bool:
    """Tell whether the file stores more than 8 bits a colour channel, which Pillow would cut off."""
    if picture.mode not in {"RGB", "RGBA", "LA"}:
        return False
    if picture.format == "PNG":
        return content[24] == 16  # IHDR: 8 bytes signature, 8 chunk header, 4 width, 4 height, then the bit depth.
    tags = getattr(picture, "tag_v2", {})
    return picture.format == "TIFF" and max(tags.get(_TIFF_BITS_PER_SAMPLE, (8,))) > 8


@contextlib.contextmanager
def _header(path: Path) -> Iterator[Image.Image]:
    try:
        stream = path.open("rb")
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    with stream:
        yield _open(stream, path)


def _open(stream: BinaryIO, path: Path) -> Image.Image:
    try:
        picture = Image.open(stream, formats=IMAGE_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path, "more") from error
    except UnidentifiedImageError as error:
        raise _unknown_format(path, stream) from error
    except Exception as error:  # Decoders raise almost any class on damaged bytes.
        raise damaged(path, error) from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_large(path, f"{height} x {width}")
    return picture


def _unknown_format(path: Path, stream: BinaryIO) -> DataError:
    stream.seek(0)
    if stream.read(4) in {b"II*\0", b"MM\0*"}:
        seen, expected = "a damaged TIFF or one of an unusual layout", "8 or 16-bit grey or interleaved RGB"
    else:
        seen, expected = "no known picture format", FORMAT_NAMES
    return DataError(f"{show_path(path)}: {seen} seen, expected {expected}. Convert the file, or copy it again.")


def _refuse_pages(picture: Image.Image, path: Path) -> None:
    """Refuse stacks and animations; a second, smaller page is a thumbnail and does not matter."""
    pages = getattr(picture, "n_frames", 1)
    if pages == 1 or picture.format not in {"TIFF", "PNG", "WEBP"}:
        return
    first_size = picture.size
    picture.seek(1)
    second_size = picture.size
    picture.seek(0)
    if first_size == second_size:
        advice = "Save each page as a file of its own."
        raise DataError(f"{show_path(path)}: {pages} pages seen, expected one picture a file. {advice}")


def _too_large(path: Path, seen: str) -> DataError:
    limit = f"{MAX_PIXELS // 1_000_000} million pixels"
    return DataError(f"{show_path(path)}: {seen} pixels seen, expected at most {limit}. Cut the picture into parts.")


def unreadable(path: Path, error: Exception) -> DataError:
    """Make the error of a file that cannot be opened or read."""
    reason = getattr(error, "strerror", None) or str(error)
    return DataError(
        f"{show_path(path)}: cannot be read ({reason}), expected a file. Check the path and its permissions."
    )


def damaged(path: Path, error: Exception) -> DataError:
    """Make the error of a file that is no whole picture; `error` tells what is wrong with it."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(
        f"{show_path(path)}: damaged or incomplete ({reason}), expected a whole picture. Copy or export the file again."
    )
