import numpy as np
import pytest

from segan.data.intensity import reduce_to_8_bit


def test_stretch_ignores_rare_extremes():
    values = np.linspace(1000, 2000, 10_000).astype(np.uint16)
    values[:3], values[-3:] = 0, 65535
    reduced = reduce_to_8_bit(values, "percentile")
    assert abs(int(reduced[5000]) - 127) <= 1
    assert (reduced[0], reduced[-1]) == (0, 255)


def test_integer_table_agrees_with_the_float_formula():
    values = np.random.default_rng(0).integers(0, 5000, 20_000, dtype=np.uint16)
    low, high = np.quantile(values, (0.001, 0.999), method="inverted_cdf")
    expected = np.clip(np.rint((values - float(low)) * 255 / (high - low)), 0, 255)
    assert np.array_equal(reduce_to_8_bit(values, "percentile"), expected)


def test_few_bright_spots_do_not_vanish():
    values = np.full(100_000, 50, np.uint16)
    values[7] = 900
    assert reduce_to_8_bit(values, "percentile")[[0, 7]].tolist() == [0, 255]


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_constant_pictures_are_black(dtype):
    assert not reduce_to_8_bit(np.full((2, 2), 9, dtype), "percentile").any()


def test_full_range():
    assert reduce_to_8_bit(np.array([0.0, 0.5, 1.0], np.float32), "full").tolist() == [0, 128, 255]
    with pytest.raises(ValueError, match="values 0 to 70000 seen, expected 0 to 65535"):
        reduce_to_8_bit(np.array([0, 70000], np.int32), "full")
