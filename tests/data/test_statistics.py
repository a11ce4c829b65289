import numpy as np
import pytest

from segan.data.statistics import class_weights, count_values, summarize

COUNTS = np.array([800, 0, 150, 50])


def test_summary():
    one, two = np.array([[0, 0, 1]], np.uint8), np.array([[0, 255, 255]], np.uint8)
    statistics = summarize({"train": [count_values(one), count_values(two)], "val": []}, 2)
    assert statistics.pixels["train"].tolist() == [3, 1]
    assert statistics.images["train"].tolist() == [2, 1]
    assert statistics.present_pixels["train"].tolist() == [4, 3]
    assert statistics.ignored == {"train": 2, "val": 0}
    assert statistics.pixels["val"].tolist() == [0, 0]
    assert statistics.pixels["train"].dtype == np.int64


@pytest.mark.parametrize("kind", ["none", "cbrt", "sqrt", "inverse", "median"])
def test_weights_have_mean_one_over_present_classes(kind):
    weights = class_weights(COUNTS, kind, present_pixels=np.array([1000, 0, 400, 300]))
    assert weights.dtype == np.float32
    assert weights[1] == 1
    assert weights[[0, 2, 3]].mean() == pytest.approx(1)


def test_weights_by_hand():
    assert class_weights(COUNTS, "none").tolist() == [1, 1, 1, 1]
    inverse = class_weights(COUNTS, "inverse")
    assert inverse[3] / inverse[0] == pytest.approx(16)
    assert class_weights(COUNTS, "cbrt")[3] / class_weights(COUNTS, "cbrt")[0] == pytest.approx(16 ** (1 / 3))
    assert class_weights(COUNTS, "sqrt")[3] / class_weights(COUNTS, "sqrt")[0] == pytest.approx(4)


def test_median_frequency_counts_only_images_with_the_class():
    present = np.array([1000, 0, 500, 100])
    weights = class_weights(COUNTS, "median", present)
    frequency = np.array([0.8, 0.3, 0.5])
    expected = np.median(frequency) / frequency
    assert weights[[0, 2, 3]] == pytest.approx(expected / expected.mean())


def test_no_pixels_at_all():
    assert class_weights(np.zeros(3, np.int64), "inverse").tolist() == [1, 1, 1]
