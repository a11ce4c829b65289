"""Restrict a comparison to the pixels that count."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE
from segan.errors import DataError
from segan.evaluation.confusion import validate_sizes

Mask = NDArray[np.uint8]


def keep_region(truth: Mask, region: NDArray[Any]) -> Mask:
    """Set the pixels outside a region of interest to 255 (`IGNORE`), so that they count in no metric.

    Args:
        truth: True class indices or 255, `uint8 [H, W]`.
        region: Such as a field of view, `[H, W]` of any number type; inside where not zero.

    Returns:
        A new mask.

    Raises:
        DataError: The sizes differ.

    >>> keep_region(np.array([[0, 1, 1]], np.uint8), np.array([[255, 255, 0]])).tolist()
    [[0, 1, 255]]
    """
    if region.shape != truth.shape:
        raise DataError(
            f"region of interest: height and width {region.shape}, expected {truth.shape} as the true mask has. "
            "Draw the region at the size of the image."
        )
    return np.where(region != 0, truth, np.uint8(IGNORE))


def hide_ignored(mask: Mask, truth: Mask) -> Mask:
    """Set the prediction to 255 where the truth is, so that nothing predicted there has a shape.

    Raises:
        DataError: The sizes differ.
    """
    validate_sizes(mask, truth)
    return np.where(truth == IGNORE, np.uint8(IGNORE), mask)
