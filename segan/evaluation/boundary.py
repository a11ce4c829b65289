"""Boundary F1 and boundary IoU: how well the edges of classes are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE
from segan.evaluation.edges import EdgeDistances, Squares
from segan.evaluation.regions import Mask, hide_ignored
from segan.evaluation.sums import Counts, Sums, divide

TOLERANCES_PX = (0.0, 1.0, 2.0, 3.0, 5.0)
BAND_RATIO = 0.02  # Of the image's diagonal, as Cheng et al. (2021) use.

Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BoundaryCounts(Sums):
    """Edge pixels, and those that the other mask's edge is near to.

    Args:
        tolerances_px: T distances.
        predicted: Edge pixels of the prediction, `[K]`.
        true: Edge pixels of the truth, `[K]`.
        predicted_near: Those of the prediction within each distance of the truth's edge, `[K, T]`.
        true_near: Those of the truth within each distance of the prediction's edge, `[K, T]`.
    """

    tolerances_px: tuple[float, ...]
    predicted: Counts
    true: Counts
    predicted_near: Counts
    true_near: Counts


@dataclass(frozen=True, eq=False)
class BandCounts(Sums):
    """Pixels of the bands along the edges.

    Args:
        ratio: Width of the bands as a share of the image's diagonal, and whether the frame is an edge.
        common: Pixels in the band of both masks, `[K]`.
        either: Pixels in the band of at least one mask, `[K]`.
    """

    ratio: tuple[float, bool]
    common: Counts
    either: Counts


def boundary_counts(distances: EdgeDistances, tolerances_px: Sequence[float] = TOLERANCES_PX) -> BoundaryCounts:
    """Count the edge pixels of one image that are near the other mask's edge.

    Near is a distance of at most the tolerance, as in DAVIS; Csurka et al. (2013) ask for less than it.

    Args:
        distances: From `edge_distances`, which states what an edge is.
        tolerances_px: Distances in px; 0 asks for the same pixel.
    """
    return BoundaryCounts(
        tuple(map(float, tolerances_px)),
        _lengths(distances.from_mask),
        _lengths(distances.from_truth),
        _count_near(distances.from_mask, tolerances_px),
        _count_near(distances.from_truth, tolerances_px),
    )


def boundary_precision(counts: BoundaryCounts) -> Figures:
    """Compute the share of predicted edge pixels near a true one, `[K, T]`; NaN where none is predicted."""
    return divide(
        counts.predicted_near, np.broadcast_to(counts.predicted[..., np.newaxis], counts.predicted_near.shape)
    )


def boundary_recall(counts: BoundaryCounts) -> Figures:
    """Compute the share of true edge pixels near a predicted one, `[K, T]`; NaN where none is true."""
    return divide(counts.true_near, np.broadcast_to(counts.true[..., np.newaxis], counts.true_near.shape))


def boundary_f1(counts: BoundaryCounts) -> Figures:
    """Compute the boundary F1 score, 2 P R / (P + R), of each class and tolerance, `[K, T]`.

    The sum over images gives the pooled score; the papers score each image alone and take the mean, which
    `mean_over_images_by_class` does with the score of each image's counts. A class with an edge in neither mask has no
    score (NaN; DAVIS says 1), one with an edge in a single mask has 0.

    Source:
        Csurka et al. (2013), What is a good evaluation measure for semantic segmentation? (BF).
        Perazzi et al. (2016), A benchmark dataset and evaluation methodology for video object segmentation (F).
    """
    precision, recall = np.nan_to_num(boundary_precision(counts)), np.nan_to_num(boundary_recall(counts))
    score = np.nan_to_num(divide(2 * precision * recall, precision + recall))
    return np.where((counts.predicted + counts.true > 0)[..., np.newaxis], score, np.nan)


def band_counts(
    mask: Mask, truth: Mask, num_classes: int, *, ratio: float = BAND_RATIO, frame: bool = True
) -> BandCounts:
    """Count the pixels of each class that lie near its edge, in one mask, in both, in either.

    The band of a class is the class without its erosion by a square that reaches `d` pixels to each side, where `d` is
    `ratio` times the image's diagonal, rounded, and at least 1: the published code's form of "within d pixels of the
    contour". Ignored pixels count nowhere and do not erode what lies beside them.

    Args:
        mask: Predicted class indices, `uint8 [H, W]`.
        truth: True class indices or 255, `uint8 [H, W]`.
        num_classes: K.
        ratio: Width of the band as a share of the diagonal.
        frame: Whether classes end at the border of the image, as in the published code.

    Raises:
        DataError: The sizes differ.
    """
    mask = hide_ignored(mask, truth)
    reach = max(1, round(ratio * float(np.hypot(*truth.shape))))
    common, either = np.zeros(num_classes, np.int64), np.zeros(num_classes, np.int64)
    for index in range(num_classes):
        box = _box(mask, truth, index, reach)
        if box is not None:
            predicted, true = (_band(picture[box], index, reach, frame) for picture in (mask, truth))
            common[index] = np.count_nonzero(predicted & true)
            either[index] = np.count_nonzero(predicted | true)
    return BandCounts((ratio, frame), common, either)


def boundary_iou(counts: BandCounts) -> Figures:
    """Compute the boundary IoU of each class, `[K]`; NaN where a class has a band in neither mask.

    The sum over images gives the pooled score.

    Source:
        Cheng et al. (2021), Boundary IoU: |(G_d ∩ G) ∩ (P_d ∩ P)| / |(G_d ∩ G) ∪ (P_d ∩ P)|.
    """
    return divide(counts.common, counts.either)


def _lengths(squares: Sequence[Squares]) -> Counts:
    return np.array([len(own) for own in squares], np.int64)


def _count_near(squares: Sequence[Squares], tolerances_px: Sequence[float]) -> Counts:
    near = [[np.count_nonzero(own <= tolerance**2) for tolerance in tolerances_px] for own in squares]
    return np.array(near, np.int64).reshape(len(squares), len(tolerances_px))


def _box(mask: Mask, truth: Mask, index: int, reach: int) -> tuple[slice, slice] | None:
    """Return the part of the image that decides about a class's bands, `None` where the class is absent."""
    left, top, width, height = cv2.boundingRect(((mask == index) | (truth == index)).view(np.uint8))
    if not width:
        return None
    return np.s_[max(0, top - reach) : top + height + reach, max(0, left - reach) : left + width + reach]


def _band(mask: Mask, index: int, reach: int, frame: bool) -> NDArray[np.bool_]:
    inside = mask == index
    kept = (inside | (mask == IGNORE)).astype(np.uint8)
    border = 0 if frame else 1
    padded = cv2.copyMakeBorder(kept, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=border)
    eroded = cv2.erode(padded, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))[reach:-reach, reach:-reach]
    return np.asarray(inside & (eroded == 0), np.bool_)
