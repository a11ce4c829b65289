"""Bring pixels of more than 8 bits to 8 bits."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

SixteenBit = Literal["percentile", "full"]
_LOW_SHARE, _HIGH_SHARE = 0.001, 0.999


def reduce_to_8_bit(values: NDArray[Any], method: SixteenBit) -> NDArray[np.uint8]:
    """Map deep pixels to 0..255.

    `percentile` stretches the 0.1 to 99.9 percentile of this picture, all channels together so that hues stay;
    where these two are equal, the darkest to the brightest value. `full` divides the whole range: 0..65535 for
    integers, 0..1 for floats.

    Args:
        values: Any shape, integers or floats; not-a-number becomes 0.
        method: How to choose the range.

    Raises:
        ValueError: `full`, and values lie outside the range; the message has the range seen.

    >>> reduce_to_8_bit(np.array([0, 257, 65535], np.uint16), "full").tolist()
    [0, 1, 255]
    """
    if values.dtype == np.uint16:
        return np.take(table_of_16_bit(count_16_bit(values) if method == "percentile" else None), values)
    if values.dtype.kind == "f":
        values = np.nan_to_num(values.astype(np.float32), nan=0.0)
    if method == "full":
        low, high = 0.0, 1.0 if values.dtype.kind == "f" else 65535.0
        if values.min() < low or values.max() > high:
            raise ValueError(f"values {values.min():g} to {values.max():g} seen, expected {low:g} to {high:g}")
    else:
        low, high = _find_range(values)
    scale = 255.0 / (high - low) if high > low else 0.0
    return np.clip(np.rint((values.astype(np.float64) - low) * scale), 0, 255).astype(np.uint8)


def count_16_bit(values: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Count how often each value occurs, `[65536]`; counts of parts of a picture add up."""
    return np.bincount(values.ravel(), minlength=65536)


def table_of_16_bit(counts: NDArray[np.int64] | None) -> NDArray[np.uint8]:
    """Build the table that maps 16-bit values to 8 bits, `[65536]`; see `reduce_to_8_bit`.

    Args:
        counts: Of the whole picture for `percentile`, from `count_16_bit`; `None` for `full`.
    """
    low, high = (0.0, 65535.0) if counts is None else _find_range_of_counts(counts)
    scale = 255.0 / (high - low) if high > low else 0.0
    table: NDArray[np.uint8] = np.clip(np.rint((np.arange(65536) - low) * scale), 0, 255).astype(np.uint8)
    return table


def _find_range_of_counts(counts: NDArray[np.int64]) -> tuple[float, float]:
    cumulated = np.cumsum(counts)
    total = int(cumulated[-1])
    low, high = np.searchsorted(cumulated, (_LOW_SHARE * total, _HIGH_SHARE * total)).tolist()
    present = np.flatnonzero(counts)
    # A few bright spots on an even ground lie outside both percentiles and must not vanish.
    return (low, high) if high > low else (float(present[0]), float(present[-1]))


def _find_range(values: NDArray[Any]) -> tuple[float, float]:
    low, high = np.quantile(values, (_LOW_SHARE, _HIGH_SHARE)).tolist()
    return (low, high) if high > low else (float(values.min()), float(values.max()))
