"""Calibration over a split, with intervals over images."""

from collections.abc import Sequence

import numpy as np

from segan.evaluation.calibration import BINS, CalibrationSums, brier_score, expected_calibration_error, reliability
from segan.evaluation.sums import UNITS
from segan.evaluation.uncertainty import Figures, Pooled, bootstrap_interval
from segan.report.model import Figure, Reliability

_ECE = (
    "Mean distance between confidence and accuracy over the pixels, in bins of confidence; 0 is best (Guo et al. 2017)."
)
_BRIER = "Mean over the pixels of the squared errors of all probabilities, from 0, the best, to 2 (Brier 1950)."


def summarise_calibration(sums: Sequence[CalibrationSums]) -> Reliability:
    """Pool the sums of images and draw intervals.

    Args:
        sums: Of each image, in an order that does not depend on the run; one at least.
    """
    whole = sum(sums[1:], sums[0])
    flat = np.stack([np.concatenate([one.pixels, one.correct, one.confidence, [one.brier]]) for one in sums])
    low, high = bootstrap_interval(flat, _figures)
    accuracy, confidence = reliability(whole)
    values = (float(expected_calibration_error(whole)), float(brier_score(whole)))
    names = (("Calibration error", _ECE), ("Brier score", _BRIER))
    figures = tuple(
        Figure(name, value, (float(low[place]), float(high[place])), about)
        for place, ((name, about), value) in enumerate(zip(names, values, strict=True))
    )
    shares = whole.pixels / max(1, whole.pixels.sum())
    return Reliability(tuple(shares.tolist()), tuple(accuracy.tolist()), tuple(confidence.tolist()), figures)


def _figures(pooled: Pooled) -> Figures:
    """Compute both figures from pooled sums `[..., 3 B + 1]`."""
    pixels, correct, confidence = (pooled[..., place * BINS : (place + 1) * BINS] for place in range(3))
    total = pixels.sum(axis=-1)
    gaps = np.abs(correct * UNITS - confidence).sum(axis=-1)
    both = np.stack([gaps, pooled[..., -1]], axis=-1)
    quotient = np.full(both.shape, np.nan)
    np.divide(both, total[..., None] * UNITS, out=quotient, where=total[..., None] > 0)
    return quotient
