"""What a family of metrics is: what it keeps of an image, and the figures it computes from sums of that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.evaluation.sums import Sums

Figures = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """What is known of one image; sizes and values have been checked.

    Args:
        mask: Predicted class indices, `uint8 [H, W]`.
        truth: True class indices or 255, `uint8 [H, W]`.
        num_classes: K.
        probs: Floats `[K, H, W]`, where a family needs them.
        divider: Index of the class that divides cells, where a family needs one.
        foreground: Index of the class that thresholds are about, where a family needs one.
    """

    mask: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    num_classes: int
    probs: NDArray[np.floating] | None = None
    divider: int | None = None
    foreground: int | None = None


@dataclass(frozen=True)
class Figure:
    """One figure of a family.

    Args:
        compute: From sums with any leading axes: `[..., K]` with a value for each class, or `[...]`.
        convention: What it is, in one sentence.
        per_class: Whether there is a value for each class, of which the mean is taken too (macro).
        over_images: Whether each image is scored alone and the mean is taken over images; else counts are pooled.
        without_background: Whether it exists only where a background is named.
    """

    compute: Callable[[Any], Figures]
    convention: str
    per_class: bool = True
    over_images: bool = False
    without_background: bool = False


@dataclass(frozen=True)
class Family:
    """Figures that are computed from the same sums.

    Args:
        summary: What it tells, for help.
        kind: Class of its sums.
        measure: Sums of one image.
        figures: By name, in order.
        rules: What holds for all of its figures, in sentences.
        columns: Heading to figure: those with a column in the printed table of classes.
        rows: Label to figure: those with a value for the whole that are printed below it.
        needs: What `Observed` must hold beside the masks: `probs`, `divider`, `foreground`.
    """

    summary: str
    kind: type[Sums]
    measure: Callable[[Observed], Sums]
    figures: Mapping[str, Figure]
    rules: str
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
