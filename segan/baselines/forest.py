"""A random forest on filter responses, the feature-based classical line."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.baselines.filters import filter_image
from segan.baselines.matching import score_assignment
from segan.baselines.method import Fitted
from segan.baselines.training import Image, Mask, Training
from segan.data.labels import IGNORE
from segan.data.threads import map_in_threads
from segan.errors import DataError
from segan.inference.segmenter import Prediction

# Values that are tried on the training images: how far rare classes weigh more; 0: not, 1: as much as frequent ones.
BALANCES = (0.0, 0.5, 1.0)

_TREES = 40
_TRIAL_TREES = 10
_LEAF_PX = 5
_TRAINING_PX = 200_000
_CLASSIFIED_PX = 1 << 16  # Of an image; in between, probabilities are interpolated.
_BLOCK_ROWS = 1 << 14

Rows = NDArray[np.float32]
Classes = NDArray[np.uint8]
Pixels = tuple[Rows, Classes]


def fit_forest(training: Training) -> Fitted:
    """Grow a random forest on drawn pixels of the training images.

    The weight of rare classes is the one with the higher mean IoU on pixels of the second half of the images, by a
    small forest grown on the first half.

    Source:
        Breiman 2001, "Random forests", as in scikit-learn.
    """
    further = len(BALANCES) + 1
    images = [_draw(image, mask, training) for image, mask in training.pairs(further=further)]
    images = [pixels for pixels in images if len(pixels[0])]
    if not images:
        raise DataError(
            "forest: 0 labelled pixels drawn from the training images, expected some. Label more pixels, or name "
            "another method."
        )
    half, other = (_join(images[0::2]), _join(images[1::2])) if len(images) > 1 else (_join(images),) * 2
    scores = []
    for balance in BALANCES:
        trial = grow_forest(*half, balance, trees=_TRIAL_TREES, seed=training.seed)
        scores.append(_score(trial, *other, training.num_classes))
        training.advance(len(scores), further)
    balance = BALANCES[max(range(len(BALANCES)), key=lambda index: scores[index])]
    forest = grow_forest(*_join(images), balance, trees=_TREES, seed=training.seed)
    training.advance(further, further)

    def predict(image: Image) -> Prediction:
        return classify(image, forest)

    return Fitted(predict, {"balance": balance, "trees": _TREES, "pixels": sum(len(rows) for rows, _ in images)})


def grow_forest(rows: Rows, classes: Classes, balance: float, *, trees: int, seed: int) -> Any:
    """Grow a forest; the same for any number of threads.

    Args:
        rows: Filter responses, `float32 [N, F]`.
        classes: `uint8 [N]`.
        balance: Exponent of the weight of a class, (its share)^-balance.
        trees: Number of trees.
        seed: Of the drawing of pixels and filters.
    """
    from sklearn.ensemble import RandomForestClassifier

    counts = np.bincount(classes)
    weights = {index: float(counts[index]) ** -balance for index in np.flatnonzero(counts).tolist()}
    forest = RandomForestClassifier(
        trees, min_samples_leaf=_LEAF_PX, class_weight=weights, n_jobs=-1, random_state=seed % (1 << 32)
    )
    forest.fit(rows, classes)
    # Threads of its own would add up the trees in the order they finish, and rounding would differ.
    return forest.set_params(n_jobs=1)


def classify(image: Image, forest: Any) -> Prediction:
    """Classify an image.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        forest: From `grow_forest`.
    """
    height, width = image.shape[:2]
    responses = filter_image(image, choose_stride(height, width))
    probs = _probabilities(forest, responses.reshape(-1, responses.shape[2])).reshape(*responses.shape[:2], -1)
    mask, best = np.zeros((height, width), np.uint8), np.full((height, width), -1.0, np.float32)
    for plane, index in zip(np.moveaxis(probs, 2, 0), forest.classes_, strict=True):
        whole = cv2.resize(np.ascontiguousarray(plane), (width, height), interpolation=cv2.INTER_LINEAR)
        np.copyto(mask, index, where=whole > best)
        np.maximum(best, whole, out=best)
    return Prediction(mask, float(best.mean(dtype=np.float64)))


def choose_stride(height: int, width: int) -> int:
    """Choose the side of the blocks that are classified as one, so that there are about 65,536 at most.

    >>> choose_stride(160, 160), choose_stride(360, 480), choose_stride(512, 512)
    (1, 2, 2)
    """
    return max(1, math.ceil(math.sqrt(height * width / _CLASSIFIED_PX)))


def _draw(image: Image, mask: Mask, training: Training) -> Pixels:
    """Draw labelled pixels and compute their responses, as `classify` will."""
    height, width = mask.shape
    stride = choose_stride(height, width)
    responses = filter_image(image, stride)
    # The class of a block is that of its middle.
    middles = [np.minimum(np.arange(0, side, stride) + stride // 2, side - 1) for side in (height, width)]
    classes = mask[np.ix_(*middles)].ravel()
    (labelled,) = np.nonzero(classes != IGNORE)
    count = min(labelled.size, -(-_TRAINING_PX // len(training.samples)))
    drawn = np.random.default_rng([training.seed, height, width]).choice(labelled, count, replace=False)
    return responses.reshape(-1, responses.shape[2])[drawn], classes[drawn]


def _join(images: list[Pixels]) -> Pixels:
    rows, classes = zip(*images, strict=True)
    return np.concatenate(rows), np.concatenate(classes)


def _score(forest: Any, rows: Rows, classes: Classes, num_classes: int) -> float:
    predicted = forest.classes_[_probabilities(forest, rows).argmax(axis=1)]
    return score_assignment(np.eye(num_classes, dtype=np.int64)[classes], predicted)


def _probabilities(forest: Any, rows: Rows) -> NDArray[np.float32]:
    """Compute `float32 [N, C]` for the classes that the forest has seen, in blocks, one thread each."""
    blocks = [rows[start : start + _BLOCK_ROWS] for start in range(0, len(rows), _BLOCK_ROWS)]
    return np.concatenate(map_in_threads(lambda block: forest.predict_proba(block).astype(np.float32), blocks))
