"""Centre-line Dice: whether thin, connected structures such as vessels, roads and cracks are followed.

Skeletons come from scikit-image, as in the authors' code: another thinning keeps other pixels and gives another figure,
and its compiled loop is many times faster than one of arrays.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from segan.evaluation.regions import Mask, hide_ignored
from segan.evaluation.sums import Counts, Sums, divide

Figures = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CenterlineCounts(Sums):
    """Pixels of skeletons, all `int64 [K]`.

    Args:
        predicted: Pixels of the prediction's skeleton.
        predicted_inside: Those that lie on the class in the truth.
        true: Pixels of the truth's skeleton.
        true_inside: Those that lie on the class in the prediction.
    """

    predicted: Counts
    predicted_inside: Counts
    true: Counts
    true_inside: Counts


def centerline_counts(mask: Mask, truth: Mask, num_classes: int) -> CenterlineCounts:
    """Count the pixels of each class's skeletons, and those that the other mask covers.

    Ignored pixels belong to no class, so that structures end at them.

    Args:
        mask: Predicted class indices, `uint8 [H, W]`.
        truth: True class indices or 255, `uint8 [H, W]`.
        num_classes: K.

    Raises:
        DataError: The sizes differ.
    """
    mask = hide_ignored(mask, truth)
    counts = np.array([_count(mask == index, truth == index) for index in range(num_classes)], np.int64)
    return CenterlineCounts(*counts.T)


def cl_dice(counts: CenterlineCounts) -> Figures:
    """Compute the clDice of each class, `[K]`, from hard skeletons.

    The sum over images gives the pooled score; the paper scores each image alone and takes the mean. A class that is in
    neither mask has no score (NaN), one that is in a single mask has 0.

    Source:
        Shit et al. (2021), clDice, eq. 1 and 2: the harmonic mean of |S_P ∩ V_L| / |S_P| and |S_L ∩ V_P| / |S_L|.
    """
    precision = np.nan_to_num(divide(counts.predicted_inside, counts.predicted))
    sensitivity = np.nan_to_num(divide(counts.true_inside, counts.true))
    score = np.nan_to_num(divide(2 * precision * sensitivity, precision + sensitivity))
    return np.where(counts.predicted + counts.true > 0, score, np.nan)


def _count(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    return *_count_skeleton(predicted, true), *_count_skeleton(true, predicted)


def _count_skeleton(area: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[int, int]:
    if not area.any():
        return 0, 0
    skeleton = skeletonize(area)
    return int(np.count_nonzero(skeleton)), int(np.count_nonzero(skeleton & other))
