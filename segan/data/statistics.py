"""How many pixels each class has, and the loss weights that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE

_PART = 2**24  # Pixels whose float32 counts are exact.

WeightKind = Literal["none", "cbrt", "sqrt", "inverse", "median"]
_POWERS = {"cbrt": 1 / 3, "sqrt": 1 / 2, "inverse": 1.0, "median": 1.0}


@dataclass(frozen=True)
class ClassStatistics:
    """Counts of a dataset, by split; arrays are int64 [K].

    Args:
        pixels: Pixels of each class.
        images: Images in which each class occurs.
        present_pixels: Labelled pixels of those images together.
        ignored: Pixels that are ignored.
    """

    pixels: Mapping[str, NDArray[np.int64]]
    images: Mapping[str, NDArray[np.int64]]
    present_pixels: Mapping[str, NDArray[np.int64]]
    ignored: Mapping[str, int]


def count_values(mask: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count the pixels of each of the 256 values of a mask.

    Args:
        mask: uint8 [H, W].

    >>> count_values(np.array([[0, 0, 255]], np.uint8))[[0, 1, 255]].tolist()
    [2, 0, 1]
    """
    flat = mask.reshape(-1)
    counts = np.zeros(256, np.int64)
    for start in range(0, flat.size, _PART):  # bincount would copy its input as 64-bit numbers.
        part = flat[None, start : start + _PART]
        counts += cv2.calcHist([part], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    return counts


def summarize(counts: Mapping[str, Sequence[NDArray[np.int64]]], num_classes: int) -> ClassStatistics:
    """Add up the counts of single masks.

    Args:
        counts: `count_values` of each mask, by split.
        num_classes: K.
    """
    tables = {split: np.reshape(np.array(rows, np.int64), (-1, 256)) for split, rows in counts.items()}
    labelled = {split: table[:, :num_classes] for split, table in tables.items()}
    return ClassStatistics(
        pixels={split: table.sum(axis=0) for split, table in labelled.items()},
        images={split: (table > 0).sum(axis=0) for split, table in labelled.items()},
        present_pixels={
            split: ((table > 0) * table.sum(axis=1, keepdims=True)).sum(axis=0) for split, table in labelled.items()
        },
        ignored={split: int(table[:, IGNORE].sum()) for split, table in tables.items()},
    )


def class_weights(
    counts: NDArray[np.int64], kind: WeightKind, present_pixels: NDArray[np.int64] | None = None
) -> NDArray[np.float32]:
    """Compute loss weights from pixel counts, with mean 1 over the classes that occur; an absent class gets 1.

    Args:
        counts: int64 [K], pixels of each class in the training split.
        kind: `none`: all 1; `cbrt`: 1 / share ** (1 / 3); `sqrt`: 1 / sqrt(share); `inverse`: 1 / share; `median`:
            median frequency / frequency.
        present_pixels: int64 [K], pixels of the images in which each class occurs; `None`: all pixels, with which
            `median` equals `inverse`.

    Returns:
        float32 [K].

    Source:
        `median`: Eigen and Fergus 2015, section 6.3.2, where a frequency counts only images that hold the class.

    >>> class_weights(np.array([300, 100, 0]), "inverse").tolist()
    [0.5, 1.5, 1.0]
    """
    present = counts > 0
    weights = np.ones(len(counts), np.float64)
    if kind == "none" or not present.any():
        return weights.astype(np.float32)
    totals: NDArray[Any] = np.full(len(counts), counts.sum())
    if kind == "median" and present_pixels is not None:
        totals = present_pixels
    frequency = counts[present] / totals[present]
    raw = frequency ** -_POWERS[kind]  # The median is one factor for all classes, which the mean takes out again.
    weights[present] = raw / raw.mean()
    return weights.astype(np.float32)
