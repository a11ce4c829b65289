"""Fit a classical method; the result stands in the place of a model."""

import difflib
import importlib.util
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.baselines.method import Predict
from segan.baselines.methods import BASELINES
from segan.baselines.sizes import reduce_image, resize
from segan.baselines.training import Report, draw_training
from segan.data.dataset import Sample
from segan.data.intensity import SixteenBit
from segan.data.labels import Labels
from segan.errors import SeganError, UsageError
from segan.inference.segmenter import Prediction


@dataclass(frozen=True)
class Baseline:
    """A fitted method, usable where a `Segmenter` is scored.

    Args:
        method: Key of `BASELINES`.
        labels: Names and colours of the classes.
        segment: From an image at the working size to its mask.
        images: Training images it looked at.
        fit_s: Seconds of the fit, reading included.
        settings: What was chosen on the training images.
        sixteen_bit: How 16-bit images are to be read.
    """

    method: str
    labels: Labels
    segment: Predict
    images: int
    fit_s: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    sixteen_bit: SixteenBit = "percentile"

    def predict(self, image: NDArray[np.uint8], *, probabilities: bool = False) -> Prediction:
        """Segment one image.

        Args:
            image: RGB `uint8 [H, W, 3]` of any size; above 524,288 pixels it is reduced and the mask brought back.
            probabilities: Must be false: a classical method decides, it weighs no classes.

        Returns:
            The mask; its confidence is the share of training pixels that had the predicted class in such a place,
            segment or leaf, as a mean over the pixels.

        Raises:
            UsageError: Probabilities are asked for.
        """
        if probabilities:
            raise UsageError(
                f"method {self.method}: probabilities asked for, expected masks alone. Leave out the calibration."
            )
        found = self.segment(reduce_image(image))
        mask = resize(found.mask, (image.shape[0], image.shape[1]), cv2.INTER_NEAREST_EXACT)
        return Prediction(mask, found.confidence)


def fit_baseline(
    name: str,
    samples: Sequence[Sample],
    labels: Labels,
    *,
    seed: int = 0,
    max_images: int | None = None,
    report: Report | None = None,
    sixteen_bit: SixteenBit = "percentile",
) -> Baseline:
    """Fit a method: its settings, and the classes of its segments, come from these samples alone.

    Args:
        name: Key of `BASELINES`.
        samples: The training split, each with a mask.
        labels: What the masks mean.
        seed: Of all that is drawn; the same seed gives the same masks.
        max_images: Images to look at, at most; `None`: as many as the method has in `BASELINES`.
        report: Called with the steps done and their number.
        sixteen_bit: How 16-bit images are read.

    Raises:
        UsageError: There is no such method, or `max_images` is below 1.
        SeganError: The method needs a package that is not installed.
        DataError: There are no samples, or files cannot be used; all problems at once.
    """
    validate_names([name])
    method = BASELINES[name]
    count = method.images if max_images is None else min(max_images, method.images)
    start = time.perf_counter()
    training = draw_training(samples, labels, count=count, seed=seed, sixteen_bit=sixteen_bit, report=report)
    fitted = method.fit(training)
    fit_s = time.perf_counter() - start
    return Baseline(name, labels, fitted.predict, len(training.samples), fit_s, fitted.settings, sixteen_bit)


def validate_names(names: Iterable[str]) -> None:
    """Refuse methods that do not exist, or that lack a package.

    Args:
        names: Keys of `BASELINES`.

    Raises:
        UsageError: There is no such method.
        SeganError: scikit-learn is needed and not installed.
    """
    names = list(names)
    for name in names:
        if name not in BASELINES:
            close = difflib.get_close_matches(name, BASELINES, 1)
            advice = f"Did you mean {close[0]}?" if close else "Choose one of these."
            raise UsageError(f"baseline {name}: not known, expected one of {', '.join(BASELINES)}. {advice}")
    lacking = [name for name in names if BASELINES[name].needs_sklearn]
    if lacking and importlib.util.find_spec("sklearn") is None:
        raise SeganError(
            f"baseline {', '.join(lacking)}: scikit-learn not seen, expected it installed. "
            "Run pip install scikit-learn, or name other methods."
        )
