"""Distances between edges: the 95th percentile Hausdorff distance and the average symmetric surface distance.

Rule for masks without an edge of the class: where both have none, the image has no distance and counts nowhere; where
only one has none, the distance does not exist. Such images are counted as one-sided and left out of the plain mean, so
look at their number beside it; with `penalize` each counts with the image's diagonal, the largest distance there is.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segan.evaluation.edges import EdgeDistances
from segan.evaluation.sums import Counts, Sums, mean_of_units, to_units

Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurfaceSums(Sums):
    """Distances in fixed-point units, added over images; all `int64 [K]`.

    Args:
        scored: Images where both masks have an edge of the class.
        one_sided: Images where only one has.
        hd95: Sum over scored images.
        assd: Sum over scored images.
        diagonal: Sum of the diagonals of the one-sided images.
    """

    scored: Counts
    one_sided: Counts
    hd95: Counts
    assd: Counts
    diagonal: Counts


def surface_sums(distances: EdgeDistances) -> SurfaceSums:
    """Compute both distances of one image, ready to be added up."""
    pairs = list(zip(distances.from_mask, distances.from_truth, strict=True))
    scored = np.array([len(ours) > 0 and len(theirs) > 0 for ours, theirs in pairs], np.int64)
    one_sided = np.array([(len(ours) > 0) != (len(theirs) > 0) for ours, theirs in pairs], np.int64)
    diagonal = to_units(math.hypot(*distances.size)) * one_sided
    return SurfaceSums(scored, one_sided, to_units(hausdorff(distances)), to_units(assd(distances)), diagonal)


def hausdorff(distances: EdgeDistances, percentile: float = 95.0) -> Figures:
    """Compute the larger of the two directed percentiles of each class, `[K]` in px.

    Percentiles are interpolated linearly. 95 gives HD95 as MONAI defines it (MedPy takes the percentile of both
    directions together), 100 the Hausdorff distance.

    Args:
        distances: Of one image, from `edge_distances`.
        percentile: From 0 to 100.

    Source:
        Huttenlocher et al. (1993), Comparing images using the Hausdorff distance.
    """
    values = [
        max(float(np.percentile(np.sqrt(side), percentile)) for side in pair) if all(map(len, pair)) else math.nan
        for pair in zip(distances.from_mask, distances.from_truth, strict=True)
    ]
    return np.array(values, np.float64)


def assd(distances: EdgeDistances) -> Figures:
    """Compute the average symmetric surface distance of each class, `[K]` in px.

    The mean is over the edge pixels of both masks together, so that the longer edge weighs more.

    Source:
        Heimann et al. (2009), Comparison and evaluation of methods for liver segmentation from CT.
    """
    values = [
        float(np.sqrt(np.concatenate(pair)).mean()) if all(map(len, pair)) else math.nan
        for pair in zip(distances.from_mask, distances.from_truth, strict=True)
    ]
    return np.array(values, np.float64)


def mean_hd95(sums: SurfaceSums, *, penalize: bool = False) -> Figures:
    """Compute the mean HD95 over images of each class, `[K]` in px; NaN where no image has one."""
    return _mean(sums, sums.hd95, penalize)


def mean_assd(sums: SurfaceSums, *, penalize: bool = False) -> Figures:
    """Compute the mean ASSD over images of each class, `[K]` in px; NaN where no image has one."""
    return _mean(sums, sums.assd, penalize)


def _mean(sums: SurfaceSums, units: Counts, penalize: bool) -> Figures:
    if penalize:
        return mean_of_units(units + sums.diagonal, sums.scored + sums.one_sided)
    return mean_of_units(units, sums.scored)
