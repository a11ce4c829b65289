"""Score a model, or masks made by any other tool, against true masks; both are counted in one way."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from segan.data.dataset import Sample
from segan.data.images import show_path
from segan.data.labels import Labels
from segan.data.masks import read_mask
from segan.data.pairs import read_pair
from segan.errors import DataError
from segan.evaluation.confusion import confusion_matrix
from segan.evaluation.pairing import MaskPair, read_prediction
from segan.evaluation.result import Evaluation, ImageCounts, write_evaluation
from segan.evaluation.scores import Scores
from segan.inference.ahead import read_ahead
from segan.inference.segmenter import Prediction, Segmenter

__all__ = ["Evaluation", "evaluate_model", "evaluate_predictions", "score_samples", "write_evaluation"]

Mask = NDArray[np.uint8]
Report = Callable[[int], None]
Watch = Callable[[Sample, Prediction, Mask], None]

# What to do about a predicted value that is no class, by what predictions are said to hold.
_STRAY_VALUES = {
    "index": "Save class indices as pixel values, or add --values mask if predictions are stored like the true masks.",
    "mask": "Predict a class at every pixel that is labelled.",
}


def evaluate_model(
    segmenter: Segmenter,
    samples: Iterable[Sample],
    labels: Labels,
    *,
    split: str = "",
    report: Report | None = None,
    watch: Watch | None = None,
) -> Evaluation:
    """Predict samples and compare them with their masks, at full resolution.

    Args:
        segmenter: The model.
        samples: Each has a mask.
        labels: What the masks mean; the classes must be those of the model.
        split: Name of the split, for the record.
        report: Called with the number of images done.
        watch: Called with each sample, its prediction with probabilities, and its true mask.

    Raises:
        DataError: The classes differ, there are no samples, or files cannot be used; all problems at once.
    """
    _check_classes(labels, segmenter.labels)

    def read(sample: Sample) -> tuple[NDArray[np.uint8], Mask]:
        return _read_sample(sample, labels, segmenter)

    tally = _Tally(labels.classes, report)
    for sample, reading in read_ahead(read, samples):
        with tally.gathering():
            image, truth = reading.result()
            # After a problem there will be no score, so the rest is only read, to find all problems.
            if not tally.problems:
                prediction = segmenter.predict(image, probabilities=watch is not None)
                tally.add(sample.name, prediction.mask, truth)
                if watch is not None:
                    watch(sample, prediction, truth)
    return tally.finish(split)


def score_samples(segmenter: Segmenter, samples: Iterable[Sample], labels: Labels) -> Scores:
    """Compute the scores over samples, as `evaluate_model` does; for validation while training."""
    return evaluate_model(segmenter, samples, labels).scores


def evaluate_predictions(
    pairs: Sequence[MaskPair],
    labels: Labels,
    *,
    model_labels: Labels | None = None,
    values: str = "index",
    split: str = "",
    report: Report | None = None,
) -> Evaluation:
    """Compare predicted masks with true masks.

    Args:
        pairs: Predicted and true mask files, from `pair_masks`.
        labels: What the true masks mean.
        model_labels: What the predictions mean, where that is known; the classes must be the same.
        values: `index`: predictions hold class indices; `mask`: the same values as the true masks.
        split: Name of the split, for the record.
        report: Called with the number of images done.

    Raises:
        DataError: The classes differ, or files cannot be used, differ in size or hold values outside the classes.
    """
    if model_labels is not None:
        _check_classes(labels, model_labels)

    def read(pair: MaskPair) -> tuple[Mask, Mask]:
        return read_prediction(pair.prediction, labels, values), read_mask(pair.truth, labels)

    tally = _Tally(labels.classes, report, _STRAY_VALUES[values])
    for pair, reading in read_ahead(read, pairs):
        with tally.gathering():
            mask, truth = reading.result()
            with _placing(show_path(pair.prediction)):
                tally.add(pair.name, mask, truth)
    return tally.finish(split)


def _check_classes(labels: Labels, model_labels: Labels) -> None:
    if labels.classes != model_labels.classes:
        raise DataError(
            f"classes of the dataset: seen {', '.join(labels.classes)}, expected {', '.join(model_labels.classes)} "
            "as the model has. Use the dataset's own model, or a dataset.yaml with the model's classes."
        )


class _Tally:
    """Counts so far, and what went wrong."""

    def __init__(self, classes: tuple[str, ...], report: Report | None, advice: str = _STRAY_VALUES["index"]) -> None:
        self.classes = classes
        self.report = report
        self.advice = advice
        self.images: list[ImageCounts] = []
        self.problems: list[str] = []

    def add(self, name: str, mask: Mask, truth: Mask) -> None:
        """Count the pixels of one image."""
        matrix = confusion_matrix(mask, truth, len(self.classes), advice=self.advice)
        self.images.append(ImageCounts(name, (truth.shape[0], truth.shape[1]), matrix))
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
        return Evaluation(self.classes, tuple(self.images), split)


@contextlib.contextmanager
def _placing(place: str) -> Iterator[None]:
    """Put the name of the file before the message of a data error."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{place}: {error}") from error


def _read_sample(sample: Sample, labels: Labels, segmenter: Segmenter) -> tuple[NDArray[np.uint8], Mask]:
    if sample.mask is None:
        raise DataError(
            f"{show_path(sample.image)}: no mask, expected one of the same name. Add it or choose another split."
        )
    return read_pair(sample.image, sample.mask, labels, sixteen_bit=segmenter.sixteen_bit)
