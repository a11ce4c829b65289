import itertools

import numpy as np
import pytest

from segan.baselines.matching import assign_majority, assign_two, count_classes, score_assignment
from segan.evaluation.confusion import confusion_matrix
from segan.evaluation.scores import mean_iou


def test_counts_leave_ignored_pixels_out():
    random = np.random.default_rng(0)
    segments, mask = random.integers(0, 5, (20, 30)), random.choice([0, 1, 2, 255], (20, 30)).astype(np.uint8)
    counts = count_classes(segments, mask, (5, 3))
    for segment, index in itertools.product(range(5), range(3)):
        assert counts[segment, index] == ((segments == segment) & (mask == index)).sum()
    assert counts.sum() == (mask != 255).sum()


@pytest.mark.parametrize("seed", range(20))
def test_two_segments_get_the_best_of_all_pairs(seed):
    random = np.random.default_rng(seed)
    counts = random.integers(0, 50, (2, 5)) * random.integers(0, 2, 5)
    counts[0, 3] += 1
    found = assign_two(counts)
    pairs = [np.array(pair, np.uint8) for pair in itertools.product(np.flatnonzero(counts.sum(axis=0)), repeat=2)]
    best = max(score_assignment(counts, pair) for pair in pairs)
    assert found.mean_iou == pytest.approx(best)


def test_the_score_of_an_assignment_is_that_of_the_masks():
    random = np.random.default_rng(1)
    segments, truth = random.integers(0, 4, (20, 30)), random.choice([0, 1, 2, 255], (20, 30)).astype(np.uint8)
    classes = np.array([2, 0, 0, 1], np.uint8)
    counts = count_classes(segments, truth, (4, 3))
    expected = mean_iou(confusion_matrix(classes[segments], truth, 3))
    assert score_assignment(counts, classes) == pytest.approx(expected)


def test_a_segment_that_was_never_seen_is_judged_by_the_whole():
    found = assign_majority(np.array([[1, 5], [0, 0], [8, 2]]))
    assert found.classes.tolist() == [1, 0, 0]
    assert found.shares.tolist() == pytest.approx([5 / 6, 9 / 16, 0.8])
    assert assign_two(np.array([[0, 0], [0, 7]])).shares.tolist() == [1.0, 1.0]
