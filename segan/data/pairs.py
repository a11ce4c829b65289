"""Read an image together with its mask."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segan.data.formats import show_path
from segan.data.images import read_image
from segan.data.intensity import SixteenBit
from segan.data.labels import Labels
from segan.data.masks import read_mask
from segan.errors import DataError


def read_pair(
    image_path: Path, mask_path: Path, labels: Labels, *, sixteen_bit: SixteenBit
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read an image and its mask, both turned the way they are displayed.

    Args:
        image_path: As `read_image`.
        mask_path: As `read_mask`.
        labels: What the mask means.
        sixteen_bit: How a 16-bit image becomes 8-bit; see `read_image`.

    Returns:
        RGB `uint8 [H, W, 3]` and class indices `uint8 [H, W]`.

    Raises:
        DataError: A file cannot be read, or the sizes differ.
    """
    image = read_image(image_path, sixteen_bit=sixteen_bit)
    mask = read_mask(mask_path, labels)
    if image.shape[:2] != mask.shape:
        raise DataError(
            f"{show_path(mask_path)}: size {mask.shape} (height, width) seen, expected {image.shape[:2]} as its image "
            "has. Run `segan data check` to see all such files."
        )
    return image, mask
