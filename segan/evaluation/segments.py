"""Cells between membranes: the adapted Rand error and the variation of information.

Convention of Arganda-Carreras et al. (2015): a segment is a component, over 4 neighbours, of the pixels that are not
membrane, so that a diagonal membrane of one pixel's width still divides. Only pixels inside a true segment count
(foreground-restricted). Predicted membrane inside a true segment counts as one segment of its own, as in scikit-image;
the paper's own tool thins predicted membranes first. Ignored pixels divide segments and count nowhere.
Each image is scored alone and the mean is taken over images.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE
from segan.evaluation.regions import Mask, hide_ignored
from segan.evaluation.sums import Sums, mean_of_units, to_units
from segan.evaluation.topology import label_components

Labels = NDArray[np.int32]
Figures = NDArray[np.float64]


@dataclass(frozen=True)
class SegmentScores:
    """Scores of one pair of segmentations.

    Args:
        rand_error: Adapted Rand error, 1 - F1 of the pairs of pixels, in [0, 1]; NaN where there is no pair to find.
        rand_precision: Share of the pairs of pixels joined in the prediction that are joined in the truth.
        rand_recall: Share of the pairs of pixels joined in the truth that are joined in the prediction.
        split_information: H(prediction | truth) in bits, which false splits raise; NaN where no pixel counts.
        merge_information: H(truth | prediction) in bits, which false merges raise.
    """

    rand_error: float
    rand_precision: float
    rand_recall: float
    split_information: float
    merge_information: float


@dataclass(frozen=True, eq=False)
class SegmentSums(Sums):
    """Scores in fixed-point units, added over images.

    Args:
        divider: Index of the class that divides cells.
        images: Images with a variation of information: a pixel counts.
        rand_images: Images with an adapted Rand error: two pixels are joined in a mask.
        rand_error: Sum over them.
        split_information: Sum in bits.
        merge_information: Sum in bits.
    """

    divider: tuple[int]
    images: int
    rand_images: int
    rand_error: int
    split_information: int
    merge_information: int


def segment_sums(mask: Mask, truth: Mask, membrane: int) -> SegmentSums:
    """Compare the cells of one image, ready to be added up.

    Args:
        mask: Predicted class indices, `uint8 [H, W]`.
        truth: True class indices or 255, `uint8 [H, W]`.
        membrane: Index of the class that divides cells.

    Raises:
        DataError: The sizes differ.
    """
    mask = hide_ignored(mask, truth)
    scores = score_segments(label_segments(mask, membrane), label_segments(truth, membrane))
    return SegmentSums(
        (membrane,),
        int(not math.isnan(scores.split_information)),
        int(not math.isnan(scores.rand_error)),
        int(to_units(scores.rand_error)),
        int(to_units(scores.split_information)),
        int(to_units(scores.merge_information)),
    )


def label_segments(mask: Mask, membrane: int) -> Labels:
    """Number the segments between membranes from 1, `int32 [H, W]`; 0 is membrane or ignored.

    >>> label_segments(np.array([[0, 1, 0], [1, 0, 0]], np.uint8), membrane=1).tolist()
    [[1, 0, 2], [0, 2, 2]]
    """
    return label_components((mask != membrane) & (mask != IGNORE), 4)


def score_segments(predicted: Labels, true: Labels) -> SegmentScores:
    """Compute the Rand and information scores of two segmentations.

    Pairs are of two different pixels, as in scikit-image; the paper draws with replacement, which differs by about one
    part in the number of pixels of a segment.

    Args:
        predicted: Segment numbers, `[H, W]`; 0 is a segment too.
        true: Segment numbers from 1, `[H, W]`; pixels with 0 do not count.

    Source:
        Arganda-Carreras et al. (2015), Crowdsourcing the creation of image segmentation algorithms for connectomics.
    """
    inside = true > 0
    ours, theirs = predicted[inside].astype(np.int64), true[inside].astype(np.int64)
    if not ours.size:
        return SegmentScores(*(math.nan,) * 5)
    common = np.unique(theirs * (int(ours.max()) + 1) + ours, return_counts=True)[1]
    own, other = (np.unique(labels, return_counts=True)[1] for labels in (ours, theirs))
    pairs, own_pairs, other_pairs = (int(np.square(sizes).sum()) - ours.size for sizes in (common, own, other))
    joint, of_own, of_other = (_entropy(sizes, ours.size) for sizes in (common, own, other))
    return SegmentScores(
        1 - _share(2 * pairs, own_pairs + other_pairs),
        _share(pairs, own_pairs),
        _share(pairs, other_pairs),
        # Rounding must not make nothing negative.
        max(0.0, joint - of_other),
        max(0.0, joint - of_own),
    )


def mean_rand_error(sums: SegmentSums) -> Figures:
    """Compute the mean adapted Rand error over images; NaN where none has one."""
    return mean_of_units(sums.rand_error, sums.rand_images)


def mean_information(sums: SegmentSums) -> tuple[Figures, Figures]:
    """Compute the means over images of the split and the merge information, in bits.

    Their sum is the variation of information.

    Source:
        Meilă (2007), Comparing clusterings - an information based distance: VI = H(X | Y) + H(Y | X).
    """
    return mean_of_units(sums.split_information, sums.images), mean_of_units(sums.merge_information, sums.images)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _entropy(sizes: NDArray[np.int64], total: int) -> float:
    shares = sizes / total
    return -math.fsum(shares * np.log2(shares))
