"""The tolerance family: pixels of thin structures, such as cracks, found within some pixels."""

from segan.evaluation.families.family import Family, Figure, Figures, Observed
from segan.evaluation.tolerance import (
    TOLERANCES_PX,
    ToleranceCounts,
    tolerance_counts,
    tolerant_f1,
    tolerant_precision,
    tolerant_recall,
)

_SHARES = {"precision": tolerant_precision, "recall": tolerant_recall, "f1": tolerant_f1}
_MEANINGS = {
    "precision": "Share of predicted pixels with a true pixel of the class at most {} px away",
    "recall": "Share of true pixels with a predicted pixel of the class at most {} px away",
    "f1": "2 P R / (P + R) of the two shares within {} px",
}


def _measure(observed: Observed) -> ToleranceCounts:
    return tolerance_counts(observed.mask, observed.truth, observed.num_classes)


def _figure(name: str, column: int, over_images: bool) -> Figure:
    how = "mean over images" if over_images else "pixels pooled over images"

    def compute(counts: ToleranceCounts) -> Figures:
        found: Figures = _SHARES[name](counts)[..., column]
        return found

    meaning = _MEANINGS[name].format(TOLERANCES_PX[column])
    return Figure(compute, f"{meaning}; {how}.", over_images=over_images)


FIGURES = {
    f"{name}_{px}px{'_of_images' if over_images else ''}": _figure(name, column, over_images)
    for column, px in enumerate(TOLERANCES_PX)
    for over_images in (False, True)
    for name in _SHARES
}

TOLERANCE = Family(
    "thin structures: precision, recall and F1 of pixels within 2 and 5 px",
    ToleranceCounts,
    _measure,
    FIGURES,
    "Whole areas are compared, by distances between centres of pixels; several pixels may be near the same one. A "
    "class in neither mask has no score.",
    columns={"precision 2 px": "precision_2px", "recall 2 px": "recall_2px", "F1 2 px": "f1_2px", "F1 5 px": "f1_5px"},
)
