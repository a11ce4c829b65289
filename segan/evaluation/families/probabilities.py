"""The families that need probabilities: calibration, and figures over all thresholds."""

from segan.evaluation.calibration import (
    BINS,
    CalibrationSums,
    brier_score,
    calibration_sums,
    expected_calibration_error,
)
from segan.evaluation.families.family import Family, Figure, Observed
from segan.evaluation.thresholds import TOLERANCE_PX, ThresholdCounts, area_under_roc, best_f1, threshold_counts


def _measure_calibration(observed: Observed) -> CalibrationSums:
    assert observed.probs is not None
    return calibration_sums(observed.probs, observed.truth)


def _measure_thresholds(observed: Observed) -> ThresholdCounts:
    assert observed.probs is not None
    assert observed.foreground is not None
    return threshold_counts(observed.probs, observed.truth, observed.foreground)


CALIBRATION = Family(
    "whether probabilities mean what they say: calibration error, Brier score (needs probabilities)",
    CalibrationSums,
    _measure_calibration,
    {
        "ece": Figure(
            expected_calibration_error,
            f"Mean over pixels of |accuracy - confidence| in {BINS} bins of equal width, pooled (Guo et al. 2017).",
            per_class=False,
        ),
        "brier": Figure(
            brier_score,
            "Mean over pixels of the sum over classes of (p - y)², 0 to 2; for two classes twice the score of one "
            "probability (Brier 1950).",
            per_class=False,
        ),
    },
    "Probabilities are those that segan predict --probabilities writes, in 16-bit floats or, with --eight-bit, in 255 "
    "steps; the most probable class is taken from them. Lower is better.",
    rows={"calibration error": "ece", "Brier score": "brier"},
    needs=("probs",),
)

THRESHOLDS = Family(
    "all thresholds of two classes: area under the ROC curve, ODS and OIS (needs probabilities)",
    ThresholdCounts,
    _measure_thresholds,
    {
        "auc": Figure(
            area_under_roc, "Area under the ROC curve of the class that is not background, pooled.", per_class=False
        ),
        "ods_f1": Figure(
            best_f1,
            f"Best F1 over one threshold for all images, within {TOLERANCE_PX} px (ODS), without thinning.",
            per_class=False,
        ),
        "ois_f1": Figure(
            best_f1,
            f"Mean over images of each image's best F1, within {TOLERANCE_PX} px (OIS), without thinning.",
            per_class=False,
            over_images=True,
        ),
    },
    "The ROC curve is read from 512 bins of log odds, the best F1 from thresholds 0.01 to 0.99. Images without a true "
    "pixel of the class have no OIS.",
    rows={"area under the ROC curve": "auc", "best F1, one threshold (ODS)": "ods_f1", "of each image (OIS)": "ois_f1"},
    needs=("probs", "foreground"),
)
