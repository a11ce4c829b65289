"""What a classical method is: a function that looks at training images and returns a function from image to mask."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.baselines.training import Training
from segan.inference.segmenter import Prediction

# From RGB `uint8 [H, W, 3]` at the working size to a mask of the same size.
Predict = Callable[[NDArray[np.uint8]], Prediction]


@dataclass(frozen=True)
class Fitted:
    """The outcome of a fit.

    Args:
        predict: From an image to its mask.
        settings: What was chosen on the training images, by name; plain values.
    """

    predict: Predict
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A row of the table of methods.

    Args:
        summary: One line for people.
        fit: From training images to the outcome.
        images: Training images it looks at, at most; bounds the time.
        needs_sklearn: Whether scikit-learn has to be installed.
    """

    summary: str
    fit: Callable[[Training], Fitted]
    images: int
    needs_sklearn: bool = False
