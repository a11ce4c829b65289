"""First pass over a split: scores, calibration and uncertainty of every image; no picture is kept."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segan.data.dataset import Sample
from segan.data.labels import Labels
from segan.evaluation.calibration import CalibrationSums, calibration_sums
from segan.evaluation.evaluate import evaluate_model
from segan.evaluation.intervals import figures, margins
from segan.evaluation.result import Evaluation
from segan.explain.uncertainty import entropy_map
from segan.inference.segmenter import Prediction, Segmenter


@dataclass(frozen=True)
class Survey:
    """What is known of every image; lists are in the order of the evaluation.

    Args:
        evaluation: Counts of each image.
        calibration: Sums of each image.
        uncertainty: Mean normalised entropy of each image.
    """

    evaluation: Evaluation
    calibration: tuple[CalibrationSums, ...] = ()
    uncertainty: tuple[float, ...] = ()


@dataclass(frozen=True)
class ImageScores:
    """Scores of each image by itself, `float64`; NaN where there is none.

    Args:
        iou: Mean over the classes of the image, `[N]`.
        accuracy: Share of labelled pixels that are right, `[N]`.
        by_class: IoU, `[N, K]`.
    """

    iou: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    by_class: NDArray[np.float64]


def survey_model(
    segmenter: Segmenter,
    samples: Sequence[Sample],
    labels: Labels,
    *,
    split: str = "",
    report: Callable[[int], None] | None = None,
) -> Survey:
    """Predict and score samples.

    Args:
        segmenter: The model.
        samples: Each has a mask.
        labels: What the masks mean.
        split: Name of the split.
        report: Called with the number of images done.

    Raises:
        DataError: As `evaluate_model`.
    """
    calibration: list[CalibrationSums] = []
    uncertainty: list[float] = []

    def watch(sample: Sample, prediction: Prediction, truth: NDArray[np.uint8]) -> None:
        assert prediction.probabilities is not None
        calibration.append(calibration_sums(prediction.probabilities, truth))
        uncertainty.append(float(entropy_map(prediction.probabilities).mean(dtype=np.float64)))

    evaluation = evaluate_model(segmenter, samples, labels, split=split, report=report, watch=watch)
    return Survey(evaluation, tuple(calibration), tuple(uncertainty))


def score_images(evaluation: Evaluation) -> ImageScores:
    """Score each image by itself."""
    pooled = np.stack([margins(image.matrix) for image in evaluation.per_image]).astype(np.float64)
    table = figures(pooled)
    return ImageScores(table[:, 0], table[:, 1], table[:, 2 : 2 + len(evaluation.classes)])


def choose_images(iou: Sequence[float], names: Sequence[str], count: int) -> dict[str, list[int]]:
    """Choose the images that are shown, each once; those of equal score by name.

    Args:
        iou: Score of each image; those with NaN are left out.
        names: Of the images.
        count: Of each group, at most.

    Returns:
        Indices by group: `worst` from the lowest up, `median` around the middle, `best` from the highest down.

    >>> choose_images([0.5, 0.9, 0.1, 0.4], ["a", "b", "c", "d"], 1)
    {'worst': [2], 'median': [0], 'best': [1]}
    """
    order = sorted(
        (index for index, value in enumerate(iou) if not math.isnan(value)), key=lambda i: (iou[i], names[i])
    )
    worst, best = min(count, -(-len(order) // 3)), min(count, (len(order) + 1) // 3)
    rest = order[worst : len(order) - best]
    median = min(count, len(rest))
    # The group stands around the place of the median of all images, as far as the ends leave room for it.
    start = min(max(0, len(order) // 2 - worst - median // 2), len(rest) - median)
    return {
        "worst": order[:worst],
        "median": rest[start : start + median],
        "best": order[::-1][:best],
    }
