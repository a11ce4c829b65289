from dataclasses import dataclass

import numpy as np
import pytest

from segan.evaluation.sums import (
    Counts,
    Sums,
    build_sums,
    flatten_sums,
    iterate_fields,
    map_arrays,
    stack_sums,
    unflatten_sums,
)


@dataclass(frozen=True, eq=False)
class Inner(Sums):
    settings: tuple[int, ...]
    pixels: Counts


@dataclass(frozen=True, eq=False)
class Outer(Sums):
    images: int
    inner: Inner


def build(number, settings=(1, 2)):
    return Outer(number, Inner(settings, np.arange(4).reshape(2, 2) * number))


def test_sums_within_sums_add_up():
    total = build(1) + build(3)
    assert (total.images, total.inner.settings, total.inner.pixels.tolist()) == (4, (1, 2), [[0, 4], [8, 12]])


def test_stacked_sums_flatten_and_come_back():
    stacked = stack_sums([build(1), build(2), build(5)])
    flat = flatten_sums(stacked)
    assert flat.tolist() == [[1, 0, 1, 2, 3], [2, 0, 2, 4, 6], [5, 0, 5, 10, 15]]
    total = unflatten_sums(stacked, flat.sum(axis=0))
    assert (int(total.images), total.inner.pixels.tolist()) == (8, [[0, 8], [16, 24]])
    drawn = unflatten_sums(stacked, np.ones((7, 5)))
    assert (drawn.images.shape, drawn.inner.pixels.shape, drawn.inner.settings) == ((7,), (7, 2, 2), (1, 2))


def test_fields_have_the_names_of_their_place():
    stacked = stack_sums([build(1), build(2)])
    fields = dict(iterate_fields(stacked))
    assert list(fields) == ["images", "inner.settings", "inner.pixels"]
    again = build_sums(Outer, fields)
    assert flatten_sums(again).tolist() == flatten_sums(stacked).tolist()
    turned = map_arrays(stacked, lambda array: array[::-1])
    assert (turned.images.tolist(), turned.inner.settings) == ([2, 1], (1, 2))


def test_other_settings_are_not_stacked():
    with pytest.raises(ValueError, match=r"inner.settings: other settings seen than \(1, 2\), expected one"):
        stack_sums([build(1), build(1, (3,))])


def test_a_missing_field_is_an_error():
    with pytest.raises(KeyError, match=r"inner\.settings"):
        build_sums(Outer, {"images": np.array([1])})
