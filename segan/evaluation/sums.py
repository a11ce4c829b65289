"""Sums that add up: what a metric keeps of an image, the same whatever the order, batch or process.

Whole numbers add up exactly in any order, floats do not. Quantities that are not counts are therefore rounded once to
fixed-point units and added as 64-bit integers.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNITS = 1 << 28  # Units in 1.0: rounding moves a value by at most 2e-9, and totals up to 3e10 fit.

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sums:
    """Base of the sums of one image or many; `+` joins two of the same metric.

    Fields are integers or `int64` arrays, which are added, or tuples of settings, which must be equal.
    """

    def __add__(self, other: Self) -> Self:
        joined = {}
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if isinstance(mine, tuple):
                if mine != theirs:
                    raise ValueError(
                        f"{field.name}: {theirs} seen, expected {mine} as in the other sums. Compute both alike."
                    )
                joined[field.name] = mine
            else:
                joined[field.name] = mine + theirs
        return type(self)(**joined)


def to_units(values: ArrayLike) -> Counts:
    """Round to fixed-point units; NaN, which is no value, becomes 0.

    >>> int(to_units(0.5)) == UNITS // 2
    True
    """
    return np.rint(np.nan_to_num(np.asarray(values, np.float64)) * UNITS).astype(np.int64)


def mean_of_units(units: ArrayLike, count: ArrayLike) -> NDArray[np.float64]:
    """Divide a sum of units by a count; NaN where the count is 0.

    >>> mean_of_units([3 * UNITS, 0], [2, 0]).tolist()
    [1.5, nan]
    """
    return divide(np.asarray(units, np.float64) / UNITS, count)


def divide(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    """Divide counts of one shape; NaN where the divisor is 0."""
    whole = np.asarray(whole)
    quotient = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=quotient, where=whole > 0)
    return quotient
