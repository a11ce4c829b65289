"""Recall of objects by their size: are the small ones found?

An object is a component, over 8 neighbours, of a class in the truth; its size is its number of pixels. It is found
where at least half of its pixels (or another share) are predicted as its class.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE
from segan.evaluation.confusion import validate_sizes
from segan.evaluation.regions import Mask
from segan.evaluation.sums import Counts, Sums, divide
from segan.evaluation.topology import label_components

SIZES_PX = (32**2, 96**2)  # COCO's limits between small, medium and large.

Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SizeCounts(Sums):
    """True objects by size, all `int64 [K, B]` but the settings.

    Args:
        settings: Sizes in px² that divide the B bins, and the share of an object that must be predicted.
        objects: True objects.
        found: Those of which enough is predicted.
        pixels: Pixels of the objects.
        hits: Those that are predicted as the class.
    """

    settings: tuple[tuple[int, ...], float]
    objects: Counts
    found: Counts
    pixels: Counts
    hits: Counts


def size_counts(
    mask: Mask, truth: Mask, num_classes: int, *, sizes_px: Sequence[int] = SIZES_PX, share: float = 0.5
) -> SizeCounts:
    """Count the objects of one image by class and size, and those that are found.

    Ignored pixels belong to no object and cut those they lie across.

    Args:
        mask: Predicted class indices, `uint8 [H, W]`.
        truth: True class indices or 255, `uint8 [H, W]`.
        num_classes: K.
        sizes_px: Rising areas in px² at which a bin ends and the next begins; an object of just that area is in the
            upper bin.
        share: Part of an object's pixels that must be predicted as its class, in (0, 1].

    Raises:
        DataError: The sizes differ.
    """
    validate_sizes(mask, truth)
    part = Fraction(str(share))  # Compared in whole numbers, so that half of an object is half of it.
    counts = np.zeros((4, num_classes, len(sizes_px) + 1), np.int64)
    present = np.bincount(truth.ravel(), minlength=IGNORE + 1)[:num_classes]
    for index in np.flatnonzero(present).tolist():
        labels = label_components(truth == index, 8)
        pixels = np.bincount(labels.ravel())[1:]
        hits = np.bincount(labels[mask == index], minlength=len(pixels) + 1)[1:]
        place = np.searchsorted(sizes_px, pixels, side="right")
        found = hits * part.denominator >= pixels * part.numerator
        for row, own in enumerate((np.ones_like(pixels), found, pixels, hits)):
            np.add.at(counts[row, index], place, own)
    return SizeCounts((tuple(map(int, sizes_px)), share), *counts)


def object_recall(counts: SizeCounts) -> Figures:
    """Compute the share of true objects that are found, `[K, B]`; NaN where there is none of the size."""
    return divide(counts.found, counts.objects)


def pixel_recall(counts: SizeCounts) -> Figures:
    """Compute the share of the objects' pixels that are predicted as their class, `[K, B]`; otherwise as above."""
    return divide(counts.hits, counts.pixels)
