"""Calibration over a split, with intervals over images."""

from collections.abc import Sequence

from segan.evaluation.calibration import CalibrationSums, reliability
from segan.evaluation.families import FAMILIES
from segan.evaluation.family_figures import build_table, main_column
from segan.evaluation.sums import stack_sums
from segan.report.model import Figure, Reliability

_ABOUT = {
    "ece": (
        "Calibration error",
        "Mean distance between confidence and accuracy over the pixels, in bins of confidence; 0 is best (Guo et al. "
        "2017).",
    ),
    "brier": (
        "Brier score",
        "Mean over the pixels of the squared errors of all probabilities, from 0, the best, to 2 (Brier 1950).",
    ),
}


def summarise_calibration(sums: Sequence[CalibrationSums]) -> Reliability:
    """Pool the sums of images and draw intervals.

    Args:
        sums: Of each image, in an order that does not depend on the run; one at least.
    """
    whole = sum(sums[1:], sums[0])
    family = FAMILIES["calibration"]
    table = build_table(family, stack_sums(sums), (), None)
    values, intervals = table.values(), table.intervals()
    columns = {name: main_column(name, family) for name in _ABOUT}
    figures = tuple(
        Figure(title, values[columns[name]], intervals[columns[name]], about) for name, (title, about) in _ABOUT.items()
    )
    accuracy, confidence = reliability(whole)
    shares = whole.pixels / max(1, whole.pixels.sum())
    return Reliability(tuple(shares.tolist()), tuple(accuracy.tolist()), tuple(confidence.tolist()), figures)
