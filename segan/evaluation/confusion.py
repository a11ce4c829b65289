"""Count pixels by true class and predicted class; every score is computed from these counts."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.data.labels import IGNORE
from segan.errors import DataError

_BLOCK_PX = 1 << 22  # Pixels counted at a time: 32-bit floats hold whole numbers up to four times as large.


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
    counts = _count_pairs(truth, mask, num_classes)
    if counts.sum() + np.count_nonzero(truth == IGNORE) < truth.size:
        labelled = truth != IGNORE
        _check_values("true mask", truth[labelled], num_classes, "Check the mapping of the mask's values.")
        _check_values("prediction", mask[labelled], num_classes, advice)
    return counts


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


def _count_pairs(truth: NDArray[np.uint8], mask: NDArray[np.uint8], num_classes: int) -> NDArray[np.int64]:
    """Count the pairs of values below K; OpenCV does it outside the interpreter's lock, at half the time of NumPy."""
    counts = np.zeros((num_classes, num_classes), np.int64)
    truth, mask = truth.reshape(1, -1), mask.reshape(1, -1)
    for start in range(0, truth.size, _BLOCK_PX):
        block = [np.ascontiguousarray(own[:, start : start + _BLOCK_PX]) for own in (truth, mask)]
        counts += cv2.calcHist(block, [0, 1], None, [num_classes] * 2, [0, num_classes] * 2).astype(np.int64)
    return counts


def _check_values(what: str, values: NDArray[np.uint8], num_classes: int, advice: str) -> None:
    stray = np.unique(values[values >= num_classes]).tolist()
    if stray:
        seen = ", ".join(map(str, stray[:10])) + (", ..." if len(stray) > 10 else "")
        raise DataError(f"{what}: seen values {seen}, expected 0 to {num_classes - 1}. {advice}")
