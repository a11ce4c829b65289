import math

import numpy as np
import pytest
from toy_benchmark import finish, toy_cells, toy_evaluation

from segan.errors import DataError
from segan.evaluation.comparison import compare_evaluations
from segan.experiments.standings import (
    Finished,
    find_gains,
    lead_interval,
    rank,
    read_finished,
    score_interval,
    seed_interval,
    stack_counts,
)


def finished(label_hits):
    """Cells of the toy benchmark with so many hits in each image."""
    cells = {(cell.mode, cell.seed): cell for cell in toy_cells(seeds=[0, 1, 2])}
    return [Finished(cells[key], {"training_minutes": 1.0}, toy_evaluation(hits)) for key, hits in label_hits.items()]


def test_scores_by_hand():
    # Hits 5 and 0 of 5: wall 5 / 10, cell 10 / 15. Hits 4 and 4: wall 8 / 10, cell 10 / 12.
    runs = finished({("pixel", 0): [5, 0], ("pixel", 1): [4, 4]})
    (standing,) = rank(runs)
    scores = [(5 / 10 + 10 / 15) / 2, (8 / 10 + 10 / 12) / 2]
    assert standing.mean_iou == pytest.approx(np.mean(scores))
    assert standing.spread == pytest.approx(np.std(scores, ddof=1))
    assert standing.mean("training_minutes") == 1.0
    assert standing.mean("macs") is None
    assert not standing.is_best


def test_one_run_has_the_interval_of_its_evaluation():
    (run,) = finished({("pixel", 0): [5, 3, 4, 2, 5, 1]})
    assert score_interval([run]) == run.evaluation.intervals.whole["mean_iou"]
    assert rank([run])[0].spread is None


def test_equal_runs_have_the_interval_of_one():
    runs = finished({("pixel", seed): [5, 3, 4, 2, 5, 1] for seed in (0, 1, 2)})
    assert score_interval(runs) == pytest.approx(score_interval(runs[:1]))


def test_one_seed_has_the_paired_interval_of_compare():
    pixel, adversarial = finished({("pixel", 0): [3, 3, 4, 2, 5, 1], ("adversarial", 0): [4, 3, 5, 3, 4, 2]})
    comparison = compare_evaluations(pixel.evaluation, adversarial.evaluation, resamples=2000)
    assert lead_interval([pixel], [adversarial]) == pytest.approx(comparison.mean_iou.interval)
    (gain,) = find_gains([pixel, adversarial])
    assert gain.difference == pytest.approx(comparison.mean_iou.difference)
    assert math.isnan(gain.seed_interval[0])
    assert gain.verdict.endswith("1 seed, so not of other seeds")


def test_gains_pair_the_seeds_that_both_have():
    hits = {("pixel", 0): [2, 2], ("pixel", 1): [3, 3], ("adversarial", 0): [4, 4], ("adversarial", 2): [5, 5]}
    (gain,) = find_gains(finished(hits))
    # Wall and cell: 8 / 10 and 10 / 12, against 4 / 10 and 10 / 16.
    assert gain.by_seed == {0: pytest.approx((8 / 10 + 10 / 12 - 4 / 10 - 10 / 16) / 2)}
    assert find_gains(finished({("pixel", 0): [2, 2]})) == []


def test_a_verdict_needs_both_intervals():
    steady = {("pixel", seed): [2, 2, 3, 2] for seed in range(3)} | {("adversarial", s): [4, 4, 4, 5] for s in range(3)}
    assert find_gains(finished(steady))[0].verdict == "better"
    swapped = {({"pixel": "adversarial"}.get(mode, "pixel"), seed): hits for (mode, seed), hits in steady.items()}
    assert find_gains(finished(swapped))[0].verdict == "worse"
    # Every image gains on average, but the seeds disagree.
    unsteady = steady | {
        ("adversarial", 0): [5, 5, 5, 5],
        ("adversarial", 1): [2, 2, 3, 2],
        ("adversarial", 2): [2, 2, 3, 3],
    }
    (gain,) = find_gains(finished(unsteady))
    assert gain.interval[0] > 0.0 > gain.seed_interval[0]
    assert gain.verdict == "not shown"


def test_interval_over_seeds_by_hand():
    low, high = seed_interval([0.0, 0.02])
    # t(0.975, 1) = 12.706; s = 0.01414; s / sqrt(2) = 0.01.
    assert (low, high) == pytest.approx((0.01 - 0.12706, 0.01 + 0.12706), abs=1e-5)


def test_the_best_is_marked_only_where_it_is_shown():
    clear = finished({("pixel", 0): [2, 3, 2, 3, 2, 3], ("adversarial", 0): [4, 5, 4, 5, 4, 5]})
    assert [standing.is_best for standing in rank(clear)] == [False, True]
    mixed = finished({("pixel", 0): [2, 5, 2, 5, 2, 5], ("adversarial", 0): [5, 2, 5, 3, 4, 3]})
    assert not any(standing.is_best for standing in rank(mixed))


def test_other_images_are_not_compared():
    one, two = finished({("pixel", 0): [5, 5], ("pixel", 1): [5, 5, 5]})
    with pytest.raises(DataError, match=r"toy/unet-pixel/seed_1: 3 images, 1 more .02. seen, expected the 2 images of"):
        stack_counts([one, two])


def test_finished_cells_are_read(tmp_path):
    cells = toy_cells()
    finish(tmp_path, cells[0], [5, 3])
    (run,) = read_finished(cells, tmp_path)
    assert run.cell == cells[0]
    assert run.evaluation.per_image[1].matrix.tolist() == [[3, 2], [0, 5]]
