"""What is kept of a discriminator's logits on one image, and figures of it over many; pure functions.

Counts are weights of patches in fixed-point units, so they add up exactly and images can be drawn again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from segan.evaluation.calibration import BINS
from segan.evaluation.ranking import rank_bins
from segan.evaluation.sums import UNITS, divide, to_units

SHARES = ("accuracy", "accuracy_real", "accuracy_fake", "preferred", "identical")

Counts = NDArray[np.int64]
Figures = NDArray[np.float64]
Logits = NDArray[np.float32]
# Scores of real, scores of fake and their weights, of one image.
Side = tuple[NDArray[np.floating], NDArray[np.floating], Counts]


@dataclass(frozen=True)
class Judgement:
    """Logits of one image's patches; those without a labelled pixel are left out. 17 bytes a patch.

    Args:
        name: Of the sample.
        real: With the true mask, `float32 [P]`.
        fake: With the prediction, `float32 [P]`.
        weight: Share of labelled pixels in fixed-point units, `int64 [P]`, above 0.
        true_class: The true class with the most pixels, `uint8 [P]`.
    """

    name: str
    real: Logits
    fake: Logits
    weight: Counts
    true_class: NDArray[np.uint8]

    @property
    def means(self) -> tuple[float, float]:
        """Mean logit with the true mask and with the prediction; NaN without a patch."""
        total = self.weight.sum()
        real, fake = (float(divide(side.astype(np.float64) @ self.weight, total)) for side in (self.real, self.fake))
        return real, fake


def patch_counts(image: Judgement, border: float, num_classes: int) -> Counts:
    """Count the patches of one image by their class.

    Args:
        image: The logits.
        border: The logit above which a pair is called real.
        num_classes: K.

    Returns:
        `int64 [K, 5]`: weight of all patches, of real ones called real, of fake ones called fake, twice the weight of
        those whose true mask has the higher logit (ties half), of ties.
    """
    tie = image.real == image.fake
    factors = (
        np.ones_like(tie, np.int64), image.real > border, image.fake < border, 2 * (image.real > image.fake) + tie, tie
    )  # fmt: skip
    counts = np.zeros((num_classes, len(factors)), np.int64)
    for column, factor in enumerate(factors):
        np.add.at(counts[:, column], image.true_class, image.weight * factor)
    return counts


def share_figures(pooled: NDArray[np.number]) -> Figures:
    """Compute `SHARES` from counts `[..., 5]`; NaN where there is no patch.

    >>> share_figures(np.array([4, 4, 2, 6, 0])).tolist()
    [0.75, 1.0, 0.5, 0.75, 0.0]
    """
    weight, real, fake, preferred, tie = np.moveaxis(pooled.astype(np.float64), -1, 0)
    parts = (divide(real + fake, 2 * weight), *(divide(part, weight) for part in (real, fake, preferred / 2, tie)))
    return np.stack(parts, axis=-1)


def rank_counts(sides: Sequence[Side]) -> Counts:
    """Put the scores of images into common bins of rank, for the area under the ROC curve of any draw of images.

    Args:
        sides: Scores of real, scores of fake and their weights for each image.

    Returns:
        `int64 [N, 2, B]`: weight of real and of fake in bins of rising scores.
    """
    borders = rank_bins(np.concatenate([side for real, fake, _ in sides for side in (real, fake)]))
    counts = np.zeros((len(sides), 2, len(borders) + 1), np.int64)
    for index, (real, fake, weight) in enumerate(sides):
        for row, scores in enumerate((real, fake)):
            np.add.at(counts[index, row], np.searchsorted(borders, scores, side="right"), weight)
    return counts


def calibration_counts(image: Judgement, adversarial: str) -> Counts:
    """Count the patches of one image, real and fake, in bins of equal width of the probability of real.

    Args:
        image: The logits.
        adversarial: What they mean: `lsgan` aims at 1 and 0, others go through the sigmoid.

    Returns:
        `int64 [3, B]`: weight, weight of real, sum of probabilities in units.
    """
    counts = np.zeros((3, BINS), np.int64)
    for is_real, logits in ((1, image.real), (0, image.fake)):
        values = logits.astype(np.float64)
        probability = np.clip(values, 0.0, 1.0) if adversarial == "lsgan" else expit(values)
        place = np.clip(np.ceil(probability * BINS).astype(np.intp) - 1, 0, BINS - 1)
        weighed = (image.weight, is_real * image.weight, to_units(probability * (image.weight / UNITS)))
        for row, units in enumerate(weighed):
            np.add.at(counts[row], place, units)
    return counts


def calibration_error(pooled: NDArray[np.number]) -> Figures:
    """Compute the mean over patches of |share of real - probability of real| of their bins, in [0, 1].

    Args:
        pooled: Sums of `calibration_counts`, `[..., 3, B]`.

    Returns:
        `[..., 1]`; NaN without a patch.

    Source:
        Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning", section "Calibration
        metrics"; of the probability of one class, in bins of equal width.
    """
    weight, real, probability = np.moveaxis(pooled.astype(np.float64), -2, 0)
    return divide(np.abs(real - probability).sum(axis=-1), weight.sum(axis=-1))[..., None]
