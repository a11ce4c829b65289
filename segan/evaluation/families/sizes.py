"""The sizes family: which share of small, medium and large objects is found."""

from segan.evaluation.families.family import Family, Figure, Observed
from segan.evaluation.sizes import SIZES_PX, SizeCounts, object_recall, pixel_recall, size_counts

_BINS = {
    "small": f"below {SIZES_PX[0]} px²",
    "medium": f"from {SIZES_PX[0]} to below {SIZES_PX[1]} px²",
    "large": f"from {SIZES_PX[1]} px²",
}


def _measure(observed: Observed) -> SizeCounts:
    return size_counts(observed.mask, observed.truth, observed.num_classes)


def _object_figure(column: int, size: str) -> Figure:
    return Figure(
        lambda counts: object_recall(counts)[..., column],
        f"Share of the true objects {size} of which at least half of the pixels are predicted as their class, pooled.",
    )


def _pixel_figure(column: int, size: str) -> Figure:
    return Figure(
        lambda counts: pixel_recall(counts)[..., column],
        f"Share of the pixels of true objects {size} that are predicted as their class, pooled.",
    )


FIGURES = {
    **{f"object_recall_{name}": _object_figure(column, size) for column, (name, size) in enumerate(_BINS.items())},
    **{f"pixel_recall_{name}": _pixel_figure(column, size) for column, (name, size) in enumerate(_BINS.items())},
}

SIZES = Family(
    "recall of small, medium and large objects",
    SizeCounts,
    _measure,
    FIGURES,
    "An object is a component, over 8 neighbours, of a class in the truth; sizes are those of COCO. A class without an "
    "object of the size has no score.",
    columns={"small": "object_recall_small", "medium": "object_recall_medium", "large": "object_recall_large"},
)
