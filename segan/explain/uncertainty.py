"""How sure a model is at each pixel: entropy of its probabilities, and their variance over views of the image."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from segan.data.preprocess import Statistics
from segan.inference.scene import predict_probs
from segan.inference.segmenter import Segmenter
from segan.inference.torch_planes import TensorPlanes
from segan.inference.views import mirrored_scales

VIEWS = mirrored_scales((0.75, 1.0, 1.25))

Map = NDArray[np.float32]


def entropy_map(probs: NDArray[np.floating]) -> Map:
    """Compute the entropy at each pixel, divided by that of equal probabilities.

    Args:
        probs: `[K, H, W]`, in [0, 1], adding up to 1 over the classes.

    Returns:
        `float32 [H, W]`: 0 where one class is certain, 1 where all are equally likely.

    Source:
        Shannon 1948, section 6; -sum p log p / log K.

    >>> entropy_map(np.array([[[0.5, 1.0]], [[0.5, 0.0]]])).tolist()
    [[1.0, 0.0]]
    """
    total = np.zeros(probs.shape[1:], np.float64)
    for plane in probs:
        share = plane.astype(np.float64)
        total -= share * np.log(np.where(share > 0.0, share, 1.0))
    entropy: Map = np.clip(total / np.log(len(probs)), 0.0, 1.0).astype(np.float32)
    return entropy


def tta_variance_map(segmenter: Segmenter, image: NDArray[np.uint8]) -> Map:
    """Compute how far the probabilities move over six views: the image and its mirror at three scales.

    The measure is the variance over the views, summed over the classes. For views that are each certain it is
    1 - sum of squares of the classes' shares of views: 0 where all agree, 0.5 where half say another class.

    Args:
        segmenter: The model; its own `tta` is left out, which would hide what is measured.
        image: RGB `uint8 [H, W, 3]`.

    Returns:
        `float32 [H, W]`, in [0, 1).

    Source:
        Wang et al. 2019, "Aleatoric uncertainty estimation with test-time augmentation for medical image
        segmentation", section 3.3, with flips and scales.
    """
    bare = replace(segmenter, tta="none")
    evened = bare.chain.photometric(image)
    statistics = bare.chain.statistics(evened)
    prepared, placement = bare.chain.fit(evened)
    views = 0
    total = squares = np.zeros(1)
    for view in _views(bare, prepared, statistics):
        views += 1
        total, squares = total + view, squares + view * view
    variance = np.maximum(squares / views - np.square(total / views), 0.0).sum(axis=0).astype(np.float32)
    restored: Map = placement.restore(variance[None])[0]
    return restored


def _views(
    segmenter: Segmenter, prepared: NDArray[np.uint8], statistics: Statistics | None
) -> Iterator[NDArray[np.float64]]:
    """Give the probabilities of each view, brought back to the canvas, `float64 [K, h, w]`."""
    size = (prepared.shape[0], prepared.shape[1])
    for view in VIEWS:
        probs = predict_probs(segmenter, view.show(prepared), statistics)[0]
        yield view.undo(probs, size, TensorPlanes(probs.device)).cpu().double().numpy()
