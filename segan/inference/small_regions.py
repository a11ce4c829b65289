"""Specks and pinholes of a mask: regions too small to be what they are called."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.errors import ConfigError


def absorb_small_regions(mask: NDArray[np.uint8], min_area_px: Sequence[int]) -> NDArray[np.uint8]:
    """Give the regions of a class that are smaller than its least area to what lies around them.

    A region is what touches by side or corner. Each of its pixels takes the class of the nearest pixel that is in no
    small region, so the result depends on no order. Where all regions are small, the mask stays as it is.

    Args:
        mask: Class indices `uint8 [H, W]`.
        min_area_px: Least area of a region of each class, in pixels; 0 and 1 leave a class alone.

    Returns:
        The mask itself where nothing is small, else a new one.
    """
    small = np.zeros(mask.shape, np.uint8)
    for index, least in enumerate(min_area_px):
        if least > 1:
            _, regions, facts, _ = cv2.connectedComponentsWithStats((mask == index).astype(np.uint8), connectivity=8)
            is_small = facts[:, cv2.CC_STAT_AREA] < least
            is_small[0] = False  # What is not of this class.
            np.maximum(small, is_small.astype(np.uint8)[regions], out=small)
    if not small.any() or small.all():
        return mask
    _, nearest = cv2.distanceTransformWithLabels(small, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    kept = small == 0
    classes = np.zeros(int(nearest.max()) + 1, np.uint8)
    classes[nearest[kept]] = mask[kept]
    return np.where(kept, mask, classes[nearest])


def min_areas_of(classes: Sequence[str], wanted: Mapping[str, int], where: str) -> tuple[int, ...]:
    """Order least areas given by name as the classes are.

    Args:
        classes: Names of the classes, by index.
        wanted: Least area in pixels by name; `all` stands for each class that is not named.
        where: What the message of an error begins with.

    Returns:
        One least area a class, 0 where none is wanted; empty where `wanted` is.

    Raises:
        ConfigError: A name is no class.
    """
    unknown = [name for name in wanted if name not in (*classes, "all")]
    if unknown:
        known = ", ".join(classes)
        raise ConfigError(f"{where}: class {unknown[0]!r} seen, expected {known} or all. Correct the name.")
    return tuple(wanted.get(name, wanted.get("all", 0)) for name in classes) if wanted else ()
