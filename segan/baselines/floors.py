"""Two honest floors: what can be had without looking at the image."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.baselines.matching import assign_majority, count_classes
from segan.baselines.method import Fitted
from segan.baselines.sizes import resize
from segan.baselines.training import Image, Training
from segan.data.labels import IGNORE
from segan.inference.segmenter import Prediction

_GRID = (96, 128)  # Places, by height and width; each stands for the same part of an image of any size.


def fit_majority(training: Training) -> Fitted:
    """Predict the most frequent class of the training pixels everywhere."""
    counts = np.zeros((1, training.num_classes), np.int64)
    for _, mask in training.pairs():
        counts += count_classes(np.zeros_like(mask), mask, counts.shape)
    found = assign_majority(counts)

    def predict(image: Image) -> Prediction:
        return Prediction(np.full(image.shape[:2], found.classes[0], np.uint8), float(found.shares[0]))

    return Fitted(predict, {"class": training.labels.classes[found.classes[0]]})


def fit_position(training: Training) -> Fitted:
    """Predict the most frequent class of the training pixels at each place of a grid."""
    # The last row counts all pixels, for places that are never labelled.
    counts = np.zeros((_GRID[0] * _GRID[1] + 1, training.num_classes), np.int64)
    for _, mask in training.pairs():
        placed = resize(mask, _GRID, cv2.INTER_NEAREST_EXACT).ravel()
        (places,) = np.nonzero(placed != IGNORE)
        counts[places, placed[places]] += 1
        counts[-1:] += count_classes(np.zeros_like(mask), mask, (1, training.num_classes))
    found = assign_majority(counts)
    classes: NDArray[np.uint8] = found.classes[:-1].reshape(_GRID)
    confidence = float(found.shares[:-1].mean())

    def predict(image: Image) -> Prediction:
        return Prediction(resize(classes, (image.shape[0], image.shape[1]), cv2.INTER_NEAREST_EXACT), confidence)

    return Fitted(predict, {"places": list(_GRID)})
