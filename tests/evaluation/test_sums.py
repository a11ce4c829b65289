from dataclasses import dataclass

import numpy as np
import pytest

from segan.evaluation.sums import UNITS, Counts, Sums, divide, mean_of_units, to_units


@dataclass(frozen=True, eq=False)
class Example(Sums):
    settings: tuple[int, ...]
    images: int
    pixels: Counts


def test_sums_add_field_by_field():
    total = Example((1,), 1, np.array([2, 3])) + Example((1,), 4, np.array([5, 6]))
    assert (total.settings, total.images, total.pixels.tolist()) == ((1,), 5, [7, 9])


def test_sums_of_other_settings_are_refused():
    with pytest.raises(ValueError, match=r"settings: \(2,\) seen, expected \(1,\)"):
        Example((1,), 1, np.array([2])) + Example((2,), 1, np.array([2]))


def test_units_add_up_the_same_in_any_order():
    values = np.random.default_rng(0).uniform(0, 500, 1000)
    units = to_units(values)
    assert int(units.sum()) == sum(int(unit) for unit in reversed(units))
    assert float(mean_of_units(units.sum(), 1000)) == pytest.approx(values.mean(), abs=2e-9)


def test_a_value_that_does_not_exist_adds_nothing():
    assert to_units([np.nan, 1.0]).tolist() == [0, UNITS]
    assert np.isnan(mean_of_units(0, 0))
    assert np.isnan(divide([1, 0], [0, 0])).all()
