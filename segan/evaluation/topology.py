"""Topology of classes: Betti numbers and connected components.

Convention: an area is connected over 8 neighbours, what surrounds it over 4, so that a diagonal line is one line and
closes a hole. Betti-0 is the number of components, Betti-1 that of holes; what is beyond the border of the image is
outside. The whole image is counted, not patches. Ignored pixels belong to no class. An image counts for a class that
occurs in its truth or its prediction.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.evaluation.regions import Mask, hide_ignored
from segan.evaluation.sums import Counts, Sums, divide

Area = NDArray[np.bool_]
Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TopologyCounts(Sums):
    """Components, holes and their errors, all `int64 [K]`.

    Args:
        images: Images in which the class occurs.
        betti0_error: Sum over images of the absolute difference of the numbers of components.
        betti1_error: The same of holes.
        predicted: Components of the prediction.
        true: Components of the truth.
        invented: Predicted components that touch no pixel of the class in the truth.
        missed: True components that touch no predicted pixel of the class.
        splits: Predicted components beyond the first that touch one true component, over all true ones.
        merges: True components beyond the first that touch one predicted component, over all predicted ones.
    """

    images: Counts
    betti0_error: Counts
    betti1_error: Counts
    predicted: Counts
    true: Counts
    invented: Counts
    missed: Counts
    splits: Counts
    merges: Counts


def topology_counts(mask: Mask, truth: Mask, num_classes: int) -> TopologyCounts:
    """Compare the components and holes of each class in one image.

    Args:
        mask: Predicted class indices, `uint8 [H, W]`.
        truth: True class indices or 255, `uint8 [H, W]`.
        num_classes: K.

    Raises:
        DataError: The sizes differ.
    """
    mask = hide_ignored(mask, truth)
    counts = np.array([_compare(mask == index, truth == index) for index in range(num_classes)], np.int64)
    return TopologyCounts(*counts.T)


def betti_numbers(area: Area) -> tuple[int, int]:
    """Count the components and the holes of an area, `bool [H, W]`.

    >>> betti_numbers(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool))
    (1, 1)
    """
    return int(label_components(area, 8).max(initial=0)), _count_holes(area)


def label_components(area: Area, connectivity: int) -> NDArray[np.int32]:
    """Number the components of an area from 1, `int32 [H, W]`; 0 is outside.

    Args:
        area: `bool [H, W]`.
        connectivity: 4 or 8 neighbours.
    """
    _, labels = cv2.connectedComponents(np.ascontiguousarray(area).view(np.uint8), None, connectivity, cv2.CV_32S)
    return np.asarray(labels, np.int32)


def betti_0_error(counts: TopologyCounts) -> Figures:
    """Compute the mean over images of |components predicted - components true|, `[K]`; NaN without an image.

    Source:
        Hu et al. (2019), Topology-preserving deep image segmentation; there over patches and for one class.
    """
    return divide(counts.betti0_error, counts.images)


def betti_1_error(counts: TopologyCounts) -> Figures:
    """Compute the mean over images of |holes predicted - holes true|, `[K]`; NaN without an image."""
    return divide(counts.betti1_error, counts.images)


def component_error(counts: TopologyCounts) -> Figures:
    """Compute (missed + invented) / (true + predicted) components, pooled, `[K]` in [0, 1]; NaN without a component.

    One common pixel is enough to be found; `splits` and `merges` tell how the found ones fit together.
    """
    return divide(counts.missed + counts.invented, counts.true + counts.predicted)


def _compare(predicted: Area, true: Area) -> tuple[int, ...]:
    if not predicted.any() and not true.any():
        return (0,) * 9
    ours, theirs = label_components(predicted, 8), label_components(true, 8)
    num_ours, num_theirs = int(ours.max()), int(theirs.max())
    common = predicted & true
    # Each pair of components that share a pixel, once.
    pairs = np.unique(ours[common].astype(np.int64) * (num_theirs + 1) + theirs[common])
    touched_by_ours = np.bincount(pairs // (num_theirs + 1), minlength=num_ours + 1)[1:]
    touched_by_theirs = np.bincount(pairs % (num_theirs + 1), minlength=num_theirs + 1)[1:]
    return (
        1,
        abs(num_ours - num_theirs),
        abs(_count_holes(predicted) - _count_holes(true)),
        num_ours,
        num_theirs,
        int(np.count_nonzero(touched_by_ours == 0)),
        int(np.count_nonzero(touched_by_theirs == 0)),
        int(np.maximum(touched_by_theirs - 1, 0).sum()),
        int(np.maximum(touched_by_ours - 1, 0).sum()),
    )


def _count_holes(area: Area) -> int:
    # The padding joins everything that reaches the border to one component outside.
    return int(label_components(np.pad(~area, 1, constant_values=True), 4).max()) - 1
