"""Methods that divide an image into two segments: the setting and the classes of both are chosen on training images."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.baselines.matching import assign_two, count_classes
from segan.baselines.method import Fitted
from segan.baselines.training import Image, Training
from segan.inference.segmenter import Prediction

# From RGB `uint8 [H, W, 3]` and settings by name to `bool [H, W]`.
Divide = Callable[..., NDArray[np.bool_]]
Settings = Mapping[str, Any]


def fit_two_segments(training: Training, divide: Divide, choices: Mapping[str, Sequence[Any]]) -> Fitted:
    """Try every setting on the training images and keep the one whose best pair of classes has the highest mean IoU.

    Args:
        training: The images.
        divide: From an image and settings to two segments.
        choices: Values of each setting; all combinations are tried, and the first of equal ones is kept.
    """
    grid = list_settings(choices)
    counts = np.zeros((len(grid), 2, training.num_classes), np.int64)
    for image, mask in training.pairs():
        for index, settings in enumerate(grid):
            counts[index] += count_classes(divide(image, **settings).view(np.uint8), mask, (2, training.num_classes))
    assignments = [assign_two(table) for table in counts]
    best = max(range(len(grid)), key=lambda index: assignments[index].mean_iou)
    found, chosen = assignments[best], grid[best]

    def predict(image: Image) -> Prediction:
        segments = divide(image, **chosen).astype(np.uint8)
        inside = float(segments.mean())
        confidence = inside * found.shares[1] + (1.0 - inside) * found.shares[0]
        return Prediction(found.classes[segments], float(confidence))

    names = [training.labels.classes[index] for index in found.classes]
    return Fitted(predict, {**chosen, "outside": names[0], "inside": names[1]})


def list_settings(choices: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """List all combinations of the values of settings.

    >>> list_settings({"blur_px": (1, 2), "fill": (True,)})
    [{'blur_px': 1, 'fill': True}, {'blur_px': 2, 'fill': True}]
    """
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
