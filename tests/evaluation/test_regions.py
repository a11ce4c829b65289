import numpy as np
import pytest

from segan.errors import DataError
from segan.evaluation.confusion import confusion_matrix
from segan.evaluation.regions import hide_ignored, keep_region


def test_pixels_outside_the_region_count_nowhere():
    truth = np.array([[0, 1], [1, 255]], np.uint8)
    region = np.array([[True, False], [True, True]])
    inside = keep_region(truth, region)
    assert inside.tolist() == [[0, 255], [1, 255]]
    assert inside.dtype == np.uint8
    assert truth[0, 1] == 1
    np.testing.assert_array_equal(
        confusion_matrix(np.zeros((2, 2), np.uint8), inside, 2),
        confusion_matrix(np.zeros(2, np.uint8), truth[region & (truth != 255)], 2),
    )


def test_predictions_are_hidden_where_the_truth_is_ignored():
    assert hide_ignored(np.array([[1, 1]], np.uint8), np.array([[0, 255]], np.uint8)).tolist() == [[1, 255]]


def test_other_sizes_are_told():
    with pytest.raises(DataError, match=r"region of interest: height and width \(3, 2\), expected \(2, 2\)"):
        keep_region(np.zeros((2, 2), np.uint8), np.ones((3, 2)))
    with pytest.raises(DataError, match=r"prediction: height and width \(3, 2\), expected \(2, 2\)"):
        hide_ignored(np.zeros((3, 2), np.uint8), np.zeros((2, 2), np.uint8))
