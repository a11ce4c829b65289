"""The confusion family: every figure that hits, true and predicted pixels of each class give, many totals at once.

Names of averages: macro is the mean of the classes' scores; micro divides the sum over classes once; pooled counts
pixels over all images before dividing; per image scores each image first and then takes the mean. What is left out of
an average, such as a background, still counts as an error of the other classes, unlike ignored pixels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segan.evaluation.confusion import confusion_matrix
from segan.evaluation.families.family import Family, Figure, Figures, Observed
from segan.evaluation.intervals import margins
from segan.evaluation.sums import Counts, Sums, divide


@dataclass(frozen=True, eq=False)
class Margins(Sums):
    """Margins of a confusion matrix, all `[K]` but the setting.

    Args:
        background: Indices of the classes left out of the figures without background.
        hits: Pixels of the class that are predicted as it.
        true: Pixels of the class.
        predicted: Pixels predicted as it.
    """

    background: tuple[int, ...]
    hits: Counts
    true: Counts
    predicted: Counts


def read_margins(matrices: NDArray[np.int64], background: tuple[int, ...] = ()) -> Margins:
    """Sum confusion matrices `[..., K, K]`, rows are true classes."""
    found = margins(matrices)
    return Margins(background, found[..., 0, :], found[..., 1, :], found[..., 2, :])


def macro(values: Figures, without: tuple[int, ...] = ()) -> Figures:
    """Compute the mean over the classes that have a score, `[..., K]` to `[...]`; NaN where none has.

    >>> macro(np.array([[0.5, np.nan, 0.25], [np.nan, np.nan, np.nan]])).tolist()
    [0.375, nan]
    """
    kept = np.delete(values, without, axis=-1)
    present = ~np.isnan(kept)
    return divide(np.where(present, kept, 0.0).sum(axis=-1), present.sum(axis=-1))


def _measure(observed: Observed) -> Margins:
    return read_margins(confusion_matrix(observed.mask, observed.truth, observed.num_classes))


def _iou(sums: Margins) -> Figures:
    return divide(sums.hits, sums.true + sums.predicted - sums.hits)


def _dice(sums: Margins) -> Figures:
    return divide(2 * sums.hits, sums.true + sums.predicted)


def _specificity(sums: Margins) -> Figures:
    total = sums.true.sum(axis=-1, keepdims=True)
    return divide(total - sums.true - sums.predicted + sums.hits, total - sums.true)


def _pixel_accuracy(sums: Margins) -> Figures:
    return divide(sums.hits.sum(axis=-1), sums.true.sum(axis=-1))


def _kept(sums: Margins) -> Margins:
    """Leave the background out; its pixels stay errors of the other classes."""
    parts = (np.delete(part, sums.background, axis=-1) for part in (sums.hits, sums.true, sums.predicted))
    return Margins((), *parts)


def _micro_iou(sums: Margins) -> Figures:
    hits = sums.hits.sum(axis=-1)
    return divide(hits, sums.true.sum(axis=-1) + sums.predicted.sum(axis=-1) - hits)


def _micro_dice(sums: Margins) -> Figures:
    return divide(2 * sums.hits.sum(axis=-1), sums.true.sum(axis=-1) + sums.predicted.sum(axis=-1))


def _frequency_weighted_iou(sums: Margins) -> Figures:
    return divide((sums.true * np.nan_to_num(_iou(sums))).sum(axis=-1), sums.true.sum(axis=-1))


def _kappa(sums: Margins) -> Figures:
    # Shares of pixels, so that products of counts stay far from the ends of any number type.
    total = np.asarray(sums.true.sum(axis=-1, keepdims=True), np.float64)
    shares = (divide(part, np.broadcast_to(total, part.shape)) for part in (sums.hits, sums.true, sums.predicted))
    hits, true, predicted = shares
    chance = (true * predicted).sum(axis=-1)
    return divide(hits.sum(axis=-1) - chance, 1.0 - chance)


FIGURES = {
    "iou": Figure(_iou, "TP / (TP + FP + FN), pixels pooled over images; macro is the mean IoU of CamVid and VOC."),
    "dice": Figure(_dice, "2 TP / (2 TP + FP + FN), pixels pooled over images; the same as F1."),
    "precision": Figure(lambda sums: divide(sums.hits, sums.predicted), "TP / (TP + FP), pixels pooled over images."),
    "recall": Figure(
        lambda sums: divide(sums.hits, sums.true),
        "TP / (TP + FN), pixels pooled over images; also sensitivity; macro is the class average accuracy.",
    ),
    "specificity": Figure(_specificity, "TN / (TN + FP), pixels pooled over images."),
    "pixel_accuracy": Figure(_pixel_accuracy, "Share of pixels with the true class, pooled.", per_class=False),
    "micro_iou": Figure(
        _micro_iou,
        "Sum over all classes of TP, divided by that of TP + FP + FN, pooled; large easy classes lift it.",
        per_class=False,
    ),
    "micro_iou_without_background": Figure(
        lambda sums: _micro_iou(_kept(sums)),
        "The same over all classes but the background.",
        per_class=False,
        without_background=True,
    ),
    "micro_dice": Figure(
        _micro_dice, "Sum over classes of 2 TP, divided by that of 2 TP + FP + FN: the pixel accuracy.", per_class=False
    ),
    "micro_dice_without_background": Figure(
        lambda sums: _micro_dice(_kept(sums)),
        "The same over all classes but the background; no longer the pixel accuracy.",
        per_class=False,
        without_background=True,
    ),
    "frequency_weighted_iou": Figure(
        _frequency_weighted_iou,
        "Mean IoU weighted by the classes' shares of the true pixels, pooled (Long et al. 2015).",
        per_class=False,
    ),
    "kappa": Figure(_kappa, "Agreement beyond chance (p_o - p_e) / (1 - p_e), pooled (Cohen 1960).", per_class=False),
    "mean_iou_of_images": Figure(
        lambda sums: macro(_iou(sums)),
        "Mean IoU of each image over the classes in its masks, then the mean over images (mIoU^I, Wang et al. 2023).",
        per_class=False,
        over_images=True,
    ),
    "mean_iou_of_images_without_background": Figure(
        lambda sums: macro(_iou(sums), sums.background),
        "The same over all classes but the background.",
        per_class=False,
        over_images=True,
        without_background=True,
    ),
    "iou_of_images": Figure(
        _iou,
        "Mean over the images that score the class; macro is mIoU^C (Wang et al. 2023).",
        over_images=True,
    ),
    "dice_of_images": Figure(
        _dice, "Mean over the images that score the class, as medical papers take it.", over_images=True
    ),
}

CONFUSION = Family(
    "pixels by true and predicted class: IoU, Dice, precision, recall, kappa, pooled and per image",
    Margins,
    _measure,
    FIGURES,
    "Ignored pixels count nowhere. A figure whose denominator is 0 does not exist (null) and is left out of means; a "
    "class that is predicted but never true has IoU 0.",
    rows={
        "mean Dice": "dice",
        "mean recall": "recall",
        "frequency-weighted IoU": "frequency_weighted_iou",
        "micro IoU": "micro_iou",
        "kappa": "kappa",
        "mean IoU of each image": "mean_iou_of_images",
    },
)
