"""Measure images one by one and gather what was measured, and what went wrong."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segan.errors import DataError
from segan.evaluation.confusion import confusion_matrix
from segan.evaluation.families import FAMILIES, Observed
from segan.evaluation.measures import Measures
from segan.evaluation.result import Evaluation, ImageCounts
from segan.evaluation.sums import Sums, stack_sums

Mask = NDArray[np.uint8]
Report = Callable[[int], None]


@dataclass(frozen=True)
class Measured:
    """What is kept of one image: its confusion matrix, and the sums of the other families."""

    counts: ImageCounts
    sums: dict[str, Sums]


def measure_image(
    name: str,
    mask: Mask,
    truth: Mask,
    num_classes: int,
    measures: Measures,
    *,
    advice: str,
    probs: NDArray[np.floating] | None = None,
) -> Measured:
    """Compare one predicted mask with the true one.

    Args:
        name: Of the image.
        mask: Predicted class indices, `uint8 [H, W]`.
        truth: True class indices or 255, `uint8 [H, W]`.
        num_classes: K.
        measures: What to measure.
        advice: What to do where the prediction holds a value that is no class, for the message.
        probs: Floats `[K, H, W]`, where `measures` needs them.

    Raises:
        DataError: The sizes differ, or a value is outside the classes.
        ValueError: There are no probabilities where `measures` needs them.
    """
    if measures.needs_probabilities and probs is None:
        raise ValueError(
            "probabilities: none seen, expected those of the prediction. Predict with probabilities, or pass the files."
        )
    matrix = confusion_matrix(mask, truth, num_classes, advice=advice)
    observed = Observed(mask, truth, num_classes, probs, measures.divider, measures.foreground)
    sums = {family: FAMILIES[family].measure(observed) for family in measures.families}
    return Measured(ImageCounts(name, (truth.shape[0], truth.shape[1]), matrix), sums)


@dataclass
class Tally:
    """What was measured so far, and what went wrong.

    Args:
        classes: Names.
        measures: What is measured.
        report: Called with the number of images done.
    """

    classes: tuple[str, ...]
    measures: Measures
    report: Report | None = None
    images: list[Measured] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, measured: Measured) -> None:
        """Keep one image."""
        self.images.append(measured)
        if self.report is not None:
            self.report(len(self.images))

    @contextlib.contextmanager
    def gathering(self) -> Iterator[None]:
        """Note a data error instead of raising it."""
        try:
            yield
        except DataError as error:
            self.problems.append(str(error))

    def finish(self, split: str) -> Evaluation:
        """Return the result.

        Raises:
            DataError: There were problems, or no images at all.
        """
        if self.problems:
            raise DataError(f"{len(self.problems)} files cannot be scored, expected none. Repair these:", self.problems)
        if not self.images:
            raise DataError(
                f"split {split or 'given'}: 0 images with masks, expected at least one. Choose another split."
            )
        sums = {name: stack_sums([image.sums[name] for image in self.images]) for name in self.measures.families}
        counts = tuple(image.counts for image in self.images)
        return Evaluation(self.classes, counts, split, self.measures.background, sums)


@contextlib.contextmanager
def placing(place: str) -> Iterator[None]:
    """Put the name of the file before the message of a data error."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{place}: {error}") from error
