"""Score a model, or masks made by any other tool, against true masks; both are counted in one way."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segan.data.dataset import Sample
from segan.data.images import show_path
from segan.data.labels import Labels
from segan.data.masks import read_mask
from segan.data.pairs import read_pair
from segan.errors import DataError
from segan.evaluation.measures import Measures
from segan.evaluation.pairing import MaskPair, read_prediction, read_probabilities, read_region
from segan.evaluation.regions import keep_region
from segan.evaluation.result import Evaluation, write_evaluation
from segan.evaluation.scores import Scores
from segan.evaluation.tally import Measured, Report, Tally, measure_image, placing
from segan.inference.ahead import read_ahead
from segan.inference.segmenter import Prediction, Predictor

__all__ = ["Evaluation", "evaluate_model", "evaluate_predictions", "score_samples", "write_evaluation"]

Mask = NDArray[np.uint8]
Regions = Mapping[str, Path]
Watch = Callable[[Sample, Prediction, Mask], None]

# What to do about a predicted value that is no class, by what predictions are said to hold.
_STRAY_VALUES = {
    "index": "Save class indices as pixel values, or add --values mask if predictions are stored like the true masks.",
    "mask": "Predict a class at every pixel that is labelled.",
}


def evaluate_model(
    segmenter: Predictor,
    samples: Iterable[Sample],
    labels: Labels,
    *,
    split: str = "",
    measures: Measures | None = None,
    regions: Regions | None = None,
    report: Report | None = None,
    watch: Watch | None = None,
) -> Evaluation:
    """Predict samples and compare them with their masks, at full resolution.

    Args:
        segmenter: The model, or a classical method.
        samples: Each has a mask.
        labels: What the masks mean; the classes must be those of the model.
        split: Name of the split, for the record.
        measures: What to measure; `None`: the confusion matrix alone.
        regions: Files of regions of interest by the name of the sample; what is outside counts nowhere.
        report: Called with the number of images done.
        watch: Called with each sample, its prediction with probabilities, and its true mask.

    Raises:
        DataError: The classes differ, there are no samples, or files cannot be used; all problems at once.
    """
    _check_classes(labels, segmenter.labels)
    measures = measures or Measures()

    def read(sample: Sample) -> tuple[NDArray[np.uint8], Mask]:
        image, truth = _read_sample(sample, labels, segmenter)
        return image, _restrict(truth, sample.name, regions)

    tally = Tally(labels.classes, measures, report)
    for sample, reading in read_ahead(read, samples):
        with tally.gathering():
            image, truth = reading.result()
            # After a problem there will be no score, so the rest is only read, to find all problems.
            if not tally.problems:
                wanted = measures.needs_probabilities or watch is not None
                prediction = segmenter.predict(image, probabilities=wanted)
                advice = _STRAY_VALUES["index"]
                masks = prediction.mask, truth, len(labels.classes)
                tally.add(measure_image(sample.name, *masks, measures, advice=advice, probs=prediction.probabilities))
                if watch is not None:
                    watch(sample, prediction, truth)
    return tally.finish(split)


def score_samples(segmenter: Predictor, samples: Iterable[Sample], labels: Labels) -> Scores:
    """Compute the scores over samples, as `evaluate_model` does; for validation while training."""
    return evaluate_model(segmenter, samples, labels).scores


def evaluate_predictions(
    pairs: Sequence[MaskPair],
    labels: Labels,
    *,
    model_labels: Labels | None = None,
    values: str = "index",
    split: str = "",
    measures: Measures | None = None,
    regions: Regions | None = None,
    probabilities: Mapping[str, Path] | None = None,
    report: Report | None = None,
) -> Evaluation:
    """Compare predicted masks with true masks.

    Args:
        pairs: Predicted and true mask files, from `pair_masks`.
        labels: What the true masks mean.
        model_labels: What the predictions mean, where that is known; the classes must be the same.
        values: `index`: predictions hold class indices; `mask`: the same values as the true masks.
        split: Name of the split, for the record.
        measures: What to measure; `None`: the confusion matrix alone.
        regions: Files of regions of interest by the name of the pair; what is outside counts nowhere.
        probabilities: Files by the name of the pair, given where `measures` needs them.
        report: Called with the number of images done.

    Raises:
        DataError: The classes differ, or files cannot be used, differ in size or hold values outside the classes.
    """
    if model_labels is not None:
        _check_classes(labels, model_labels)
    chosen = measures or Measures()
    count = len(labels.classes)

    def measure(pair: MaskPair) -> Measured:
        mask = read_prediction(pair.prediction, labels, values)
        truth = _restrict(read_mask(pair.truth, labels), pair.name, regions)
        probs = None if probabilities is None else read_probabilities(probabilities[pair.name], count)
        with placing(show_path(pair.prediction)):
            return measure_image(pair.name, mask, truth, count, chosen, advice=_STRAY_VALUES[values], probs=probs)

    # Masks are measured in the threads that read them: most of the time is spent outside the interpreter's lock.
    tally = Tally(labels.classes, chosen, report)
    for _, measuring in read_ahead(measure, pairs):
        with tally.gathering():
            tally.add(measuring.result())
    return tally.finish(split)


def _restrict(truth: Mask, name: str, regions: Regions | None) -> Mask:
    """Ignore what lies outside the region of interest, where there is one."""
    if regions is None:
        return truth
    region = read_region(regions[name])
    with placing(show_path(regions[name])):
        return keep_region(truth, region)


def _check_classes(labels: Labels, model_labels: Labels) -> None:
    if labels.classes != model_labels.classes:
        raise DataError(
            f"classes of the dataset: seen {', '.join(labels.classes)}, expected {', '.join(model_labels.classes)} "
            "as the model has. Use the dataset's own model, or a dataset.yaml with the model's classes."
        )


def _read_sample(sample: Sample, labels: Labels, segmenter: Predictor) -> tuple[NDArray[np.uint8], Mask]:
    if sample.mask is None:
        raise DataError(
            f"{show_path(sample.image)}: no mask, expected one of the same name. Add it or choose another split."
        )
    return read_pair(sample.image, sample.mask, labels, sixteen_bit=segmenter.sixteen_bit)
