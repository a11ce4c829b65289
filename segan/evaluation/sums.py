"""Sums that add up: what a metric keeps of an image, the same whatever the order, batch or process.

Whole numbers add up exactly in any order, floats do not. Quantities that are not counts are therefore rounded once to
fixed-point units and added as 64-bit integers.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNITS = 1 << 28  # Units in 1.0: rounding moves a value by at most 2e-9, and totals up to 3e10 fit.

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sums:
    """Base of the sums of one image or many; `+` joins two of the same metric.

    Fields are integers or `int64` arrays, which are added, tuples of settings, which must be equal, or other sums.
    Figures of sums are computed along the last axes, so that sums of many images can stand stacked along leading ones.
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


SumsT = TypeVar("SumsT", bound=Sums)


def stack_sums(images: Sequence[SumsT]) -> SumsT:
    """Put the sums of N images, at least one, along a new first axis of every array.

    Raises:
        ValueError: Their settings differ.
    """
    rows = [dict(iterate_fields(image)) for image in images]
    stacked: dict[str, Any] = {}
    for path, first in rows[0].items():
        values = [row[path] for row in rows]
        if isinstance(first, tuple):
            if any(value != first for value in values):
                raise ValueError(f"{path}: other settings seen than {first}, expected one. Compute all alike.")
            stacked[path] = first
        else:
            stacked[path] = np.stack([np.asarray(value, np.int64) for value in values])
    return build_sums(type(images[0]), stacked)


def flatten_sums(stacked: Sums) -> Counts:
    """Put all arrays of stacked sums side by side, `int64 [N, P]`."""
    arrays = [value for _, value in iterate_fields(stacked) if not isinstance(value, tuple)]
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)


def unflatten_sums(like: SumsT, flat: NDArray[Any]) -> SumsT:
    """Undo `flatten_sums` for any number of rows, drawn or added up.

    Args:
        like: Stacked sums, for the shapes and settings.
        flat: `[..., P]`, integers or floats.
    """
    start = 0
    values: dict[str, Any] = {}
    for path, value in iterate_fields(like):
        if isinstance(value, tuple):
            values[path] = value
        else:
            stop = start + math.prod(value.shape[1:])
            values[path] = flat[..., start:stop].reshape((*flat.shape[:-1], *value.shape[1:]))
            start = stop
    return build_sums(type(like), values)


def map_arrays(sums: SumsT, change: Callable[[Counts], Counts]) -> SumsT:
    """Apply a function to every array; settings stay."""
    values = {path: value if isinstance(value, tuple) else change(value) for path, value in iterate_fields(sums)}
    return build_sums(type(sums), values)


def iterate_fields(sums: Sums, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give the fields with their names; those of sums within sums are named `outer.inner`."""
    for field in fields(sums):
        value = getattr(sums, field.name)
        if isinstance(value, Sums):
            yield from iterate_fields(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", value


def build_sums(kind: type[SumsT], values: Mapping[str, Any], prefix: str = "") -> SumsT:
    """Undo `iterate_fields`.

    Raises:
        KeyError: A field is missing.
    """
    made: dict[str, Any] = {}
    for field in fields(kind):
        path = f"{prefix}{field.name}"
        nested = isinstance(field.type, type) and issubclass(field.type, Sums)
        made[field.name] = build_sums(field.type, values, f"{path}.") if nested else values[path]  # type: ignore[arg-type]
    return kind(**made)


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
