"""How good the discriminator is, from the figures that were measured on held-out images."""

import math
from collections.abc import Mapping
from typing import Any

from segan.report.model import Discriminator, Ends, Figure, JudgedClass, JudgedImage, Reliability

_FIGURES = {
    "accuracy": ("Accuracy", "Share of patches that it calls rightly; 0.5 is chance."),
    "accuracy_real": ("On true masks", "Share of true masks that it calls true."),
    "accuracy_fake": ("On predictions", "Share of predictions that it calls predictions."),
    "preferred": (
        "True mask preferred",
        "Share of patches where it finds the true mask more real than the prediction.",
    ),
    "auroc_patch": ("AUROC of patches", "Area under the ROC curve: 0.5 is chance, 1 is perfect."),
    "auroc_image": ("AUROC of images", "The same for the means over whole images."),
    "ece": ("Calibration error", "Mean distance between its probability of a true mask and how often that is right."),
}


def summarise_discriminator(tree: Mapping[str, Any]) -> Discriminator:
    """Take the figures from a measurement; what is missing or null counts as no figure.

    Args:
        tree: Figures by name, with `intervals`, `reliability`, `per_class`, `most_wrong` and `convention`.
    """
    intervals = _table(tree.get("intervals"))
    return Discriminator(
        _describe(tree),
        tuple(
            Figure(title, read_number(tree.get(name)), read_ends(intervals.get(name)), about)
            for name, (title, about) in _FIGURES.items()
            if tree.get(name) is not None
        ),
        _read_bins(tree.get("reliability")),
        tuple(_read_class(str(name), _table(row)) for name, row in _table(tree.get("per_class")).items()),
        tuple(
            JudgedImage(str(row.get("name")), read_number(row.get("margin")), read_number(row.get("accuracy")))
            for row in map(_table, tree.get("most_wrong") or ())
        ),
    )


def _describe(tree: Mapping[str, Any]) -> str:
    """Name the images first: the file may be older than the page, or of another split."""
    split, images = tree.get("split"), tree.get("images")
    where = f"{images} images of the {split} split; " if split and images else ""
    return f"{where}{tree.get('convention', '')}"


def read_number(value: Any) -> float:
    """Take a number from JSON; NaN for what is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def read_ends(value: Any) -> Ends:
    """Take `[low, high]` from JSON; NaN for what is none."""
    if isinstance(value, list) and len(value) == 2:
        return read_number(value[0]), read_number(value[1])
    return math.nan, math.nan


def _read_class(name: str, row: Mapping[str, Any]) -> JudgedClass:
    keys = ("share", "accuracy_real", "accuracy_fake", "auroc")
    share, real, fake, area = (read_number(row.get(key)) for key in keys)
    return JudgedClass(name, share, real, fake, area)


def _read_bins(rows: Any) -> Reliability | None:
    if not isinstance(rows, list) or not rows:
        return None
    shares, real, probability = (
        tuple(read_number(_table(row).get(key)) for row in rows) for key in ("patches", "real", "probability")
    )
    return Reliability(tuple(0.0 if math.isnan(share) else share for share in shares), real, probability, ())


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
