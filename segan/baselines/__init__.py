"""Classical methods, fitted on the training split and scored as any model."""

from segan.baselines.fit import Baseline, fit_baseline, validate_names
from segan.baselines.methods import BASELINES

__all__ = ["BASELINES", "Baseline", "fit_baseline", "validate_names"]
