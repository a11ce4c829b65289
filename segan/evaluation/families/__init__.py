"""Families of metrics by name; adding one is adding a line."""

from segan.evaluation.families.boundary import BOUNDARY
from segan.evaluation.families.confusion import CONFUSION
from segan.evaluation.families.family import Family, Figure, Observed
from segan.evaluation.families.probabilities import CALIBRATION, THRESHOLDS
from segan.evaluation.families.segments import SEGMENTS
from segan.evaluation.families.sizes import SIZES
from segan.evaluation.families.structure import STRUCTURE
from segan.evaluation.families.tolerance import TOLERANCE

__all__ = ["FAMILIES", "Family", "Figure", "Observed"]

FAMILIES: dict[str, Family] = {
    "confusion": CONFUSION,
    "boundary": BOUNDARY,
    "structure": STRUCTURE,
    "tolerance": TOLERANCE,
    "segments": SEGMENTS,
    "sizes": SIZES,
    "calibration": CALIBRATION,
    "thresholds": THRESHOLDS,
}
