"""Read mask files as they are stored: index or grey values, or colours; what they mean is not known here."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segan.data.formats import (
    has_deep_colors,
    open_picture,
    orient,
    orientation_of,
    read_content,
    read_mode,
    show_path,
)
from segan.data.images import decode_deep_colors
from segan.errors import DataError

_GREY_MODES = frozenset({"L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_ALPHA_MODES = frozenset({"LA", "RGBA", "PA"})
_COLOR_MODES = frozenset({"RGB", "RGBX"})


@dataclass(frozen=True)
class RawLabels:
    """A mask as stored.

    Args:
        values: [H, W] as displayed: uint8 or uint16 grey or index values, or uint32 colours (`pack_color`).
        is_color: Whether `values` are packed colours.
        is_bit: Whether the file stores 1 bit a pixel; `values` are 0 and 1, which may also be meant as 0 and 255.
        palette: Packed colours of index values; `None` where the file has no palette.
    """

    values: NDArray[Any]
    is_color: bool = False
    is_bit: bool = False
    palette: NDArray[np.uint32] | None = None

    def as_colors(self) -> NDArray[np.uint32]:
        """Return packed colours [H, W]: through the palette, and grey as three equal channels."""
        if self.is_color:
            return self.values.astype(np.uint32, copy=False)
        if self.palette is not None:
            return np.take(self.palette, self.values)
        grey = self.values.astype(np.uint32) * (255 if self.is_bit else 1)
        return grey * 0x010101


def read_label_values(path: Path) -> RawLabels:
    """Read a mask file as stored; three equal channels count as grey.

    Raises:
        DataError: The file cannot be read, is JPEG, has transparent pixels or 16-bit colours, or no whole numbers.
    """
    content = read_content(path)
    picture = open_picture(content, path)
    if picture.format in {"JPEG", "MPO"}:
        raise DataError(
            f"{show_path(path)}: JPEG mask seen, expected PNG: JPEG compression changes label values. "
            "Export the masks again as PNG from their source."
        )
    orientation = orientation_of(picture)
    if picture.mode == "1":
        return RawLabels(orient(np.array(picture, np.uint8), orientation), is_bit=True)
    if picture.mode == "P":
        return RawLabels(orient(np.array(picture), orientation), palette=_read_palette(picture))
    if picture.mode in _GREY_MODES:
        return RawLabels(orient(_whole_numbers(np.asarray(picture), path), orientation))
    return _sort_channels(orient(_read_channels(picture, content, path), orientation), path)


def holds_colors(path: Path) -> bool:
    """Tell whether a mask stores colours that are not all grey; only masks with colour channels are decoded.

    Raises:
        DataError: As `read_label_values`.
    """
    return read_mode(path) not in {*_GREY_MODES, "1", "P", "LA"} and read_label_values(path).is_color


def _read_channels(picture: Image.Image, content: bytes, path: Path) -> NDArray[Any]:
    """Return RGB or RGBA [H, W, 3 or 4] as stored, uint8 or uint16."""
    if picture.mode not in _ALPHA_MODES | _COLOR_MODES:
        advice = "Save the mask as an index or RGB PNG."
        raise DataError(f"{show_path(path)}: colour mode {picture.mode} seen, expected grey, palette or RGB. {advice}")
    if not has_deep_colors(picture, content):
        return np.asarray(picture.convert("RGBA" if picture.mode in _ALPHA_MODES else "RGB"))
    try:
        return decode_deep_colors(content)
    except ValueError as error:
        raise DataError(f"{show_path(path)}: {error}. Save the mask as an 8-bit PNG of class indices.") from error


def _sort_channels(pixels: NDArray[Any], path: Path) -> RawLabels:
    """Tell grey from colours."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    if pixels.shape[2] == 4 and (alpha := pixels[..., 3]).min() < np.iinfo(pixels.dtype).max:
        raise DataError(
            f"{show_path(path)}: alpha {alpha.min()} to {alpha.max()} seen, expected opaque pixels in a mask. "
            "Flatten the mask onto the colour of its background class."
        )
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return RawLabels(np.ascontiguousarray(red))
    if pixels.dtype != np.uint8:
        advice = "Save the mask with 8 bits a channel, or as a PNG of class indices."
        raise DataError(f"{show_path(path)}: 16-bit colours seen, expected grey or 8-bit colours. {advice}")
    packed = red.astype(np.uint32) << 16 | green.astype(np.uint32) << 8 | blue
    return RawLabels(packed, is_color=True)


def _read_palette(picture: Image.Image) -> NDArray[np.uint32]:
    flat = np.array(picture.getpalette("RGB") or [], np.uint32)
    full = np.zeros(256 * 3, np.uint32)
    full[: flat.size] = flat
    red, green, blue = full.reshape(256, 3).T
    return np.ascontiguousarray(red << 16 | green << 8 | blue)


def _whole_numbers(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Bring grey values to uint8 or native uint16."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.floor(values)).all()):
        advice = "Save class indices as whole numbers."
        raise DataError(f"{show_path(path)}: fractions seen, expected whole numbers in a mask. {advice}")
    if values.min() < 0 or values.max() > 65535:
        advice = "Save the mask as an 8-bit PNG of class indices."
        seen = f"values {values.min():g} to {values.max():g}"
        raise DataError(f"{show_path(path)}: {seen} seen, expected 0 to 65535. {advice}")
    return values.astype(np.uint16)
