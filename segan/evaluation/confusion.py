"""Count pixels by true class and predicted class; every score is computed from these counts."""

import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE
from segan.errors import DataError

_BLOCK_PX = 1 << 22  # Pixels counted at a time: the 64-bit indices of one block take 32 MiB.


def confusion_matrix(
    mask: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    num_classes: int,
    *,
    advice: str = "Save class indices as pixel values.",
) -> NDArray[np.int64]:
    """Count the pixels of each pair of true and predicted class.

    Pixels whose truth is 255 (`IGNORE`) count nowhere, whatever is predicted there.

    Args:
        mask: Predicted class indices, `uint8 [H, W]`.
        truth: True class indices or 255, `uint8 [H, W]`.
        num_classes: K, from 1 to 255.
        advice: What to do where the prediction holds a value that is no class, for the message.

    Returns:
        `int64 [K, K]`; rows are true classes, columns are predicted classes.

    Raises:
        DataError: The sizes differ, or a value is outside the classes.

    >>> confusion_matrix(np.array([[0, 1, 1]], np.uint8), np.array([[0, 0, 255]], np.uint8), 2).tolist()
    [[1, 1], [0, 0]]
    """
    validate_sizes(mask, truth)
    joint = _joint_histogram(truth, mask)[:IGNORE]
    _check_values("true mask", joint.sum(axis=1), num_classes, "Check the mapping of the mask's values.")
    _check_values("prediction", joint.sum(axis=0), num_classes, advice)
    return joint[:num_classes, :num_classes].copy()


def validate_sizes(mask: NDArray[np.uint8], truth: NDArray[np.uint8]) -> None:
    """Refuse a prediction of another size than the true mask.

    Raises:
        DataError: The sizes differ.
    """
    if mask.shape != truth.shape:
        raise DataError(
            f"prediction: height and width {mask.shape}, expected {truth.shape} as the true mask has. "
            "Save predictions at the size of the image."
        )


def _joint_histogram(truth: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count all 256 x 256 pairs of values, in blocks so that large images need little memory."""
    truth, mask = truth.ravel(), mask.ravel()
    counts = np.zeros(1 << 16, np.int64)
    for start in range(0, truth.size, _BLOCK_PX):
        block = slice(start, start + _BLOCK_PX)
        counts += np.bincount((truth[block].astype(np.intp) << 8) | mask[block], minlength=1 << 16)
    return counts.reshape(256, 256)


def _check_values(what: str, counts: NDArray[np.int64], num_classes: int, advice: str) -> None:
    stray = [value for value in np.flatnonzero(counts).tolist() if value >= num_classes]
    if stray:
        seen = ", ".join(map(str, stray[:10])) + (", ..." if len(stray) > 10 else "")
        raise DataError(f"{what}: seen values {seen}, expected 0 to {num_classes - 1}. {advice}")
