import math

import numpy as np
import pytest
import torch
from torch import nn
from toy_report import make_survey

from segan.data.dataset import scan_dataset
from segan.data.drawing import draw_dataset
from segan.data.preprocess import build_chain
from segan.evaluation.calibration import CalibrationSums, expected_calibration_error
from segan.evaluation.evaluate import evaluate_model
from segan.evaluation.scores import mean_iou
from segan.inference.torch_engine import torch_segmenter
from segan.report.calibration import summarise_calibration
from segan.report.survey import choose_images, score_images, survey_model


def test_a_survey_scores_as_an_evaluation_does(tmp_path) -> None:
    draw_dataset(tmp_path, train=2, val=1, test=3, size=(40, 48), seed=1)
    dataset = scan_dataset(tmp_path)
    torch.manual_seed(0)
    segmenter = torch_segmenter(nn.Conv2d(3, 5, 3, padding=1), dataset.labels, build_chain([{"name": "normalize"}]))
    samples = dataset.samples["test"]
    seen: list[int] = []
    survey = survey_model(segmenter, samples, dataset.labels, split="test", report=seen.append)
    plain = evaluate_model(segmenter, samples, dataset.labels, split="test")
    assert np.array_equal(survey.evaluation.confusion_matrix, plain.confusion_matrix)
    assert seen == [1, 2, 3]
    assert len(survey.calibration) == len(survey.uncertainty) == 3
    assert all(0.0 < value < 1.0 for value in survey.uncertainty)
    assert sum(int(sums.pixels.sum()) for sums in survey.calibration) == plain.confusion_matrix.sum()
    # Probabilities are kept in 16 bits, so that near ties may fall to another class.
    correct = sum(int(sums.correct.sum()) for sums in survey.calibration)
    assert correct == pytest.approx(np.trace(plain.confusion_matrix), rel=2e-3)


def test_images_are_scored_by_themselves() -> None:
    survey = make_survey(["a", "b", "c"])
    own = score_images(survey.evaluation)
    for index, image in enumerate(survey.evaluation.per_image):
        assert own.iou[index] == pytest.approx(mean_iou(image.matrix))
        assert own.accuracy[index] == pytest.approx(np.trace(image.matrix) / image.matrix.sum())
    assert own.by_class.shape == (3, 3)


@pytest.mark.parametrize("total", range(12))
@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_images_are_chosen_once_each(total: int, count: int) -> None:
    random = np.random.default_rng(total)
    iou = random.permutation(total) / max(1, total)
    chosen = choose_images(iou.tolist(), [f"{index}" for index in range(total)], count)
    flat = [index for group in chosen.values() for index in group]
    assert len(set(flat)) == len(flat) == min(total, 3 * count)
    order = np.argsort(iou).tolist()
    assert chosen["worst"] == order[: len(chosen["worst"])]
    assert chosen["best"] == order[::-1][: len(chosen["best"])]
    assert max(map(len, chosen.values())) <= count


def test_the_median_is_among_the_chosen() -> None:
    values = [index / 100 for index in range(101)]
    assert choose_images(values, [f"{index:03d}" for index in range(101)], 3)["median"] == [49, 50, 51]


def test_ties_are_broken_by_name_and_images_without_a_score_left_out() -> None:
    chosen = choose_images([0.5, 0.5, math.nan, 0.5], ["c", "a", "x", "b"], 1)
    assert chosen == {"worst": [1], "median": [3], "best": [0]}


def test_calibration_has_intervals_that_hold_its_figures() -> None:
    random = np.random.default_rng(0)
    sums = []
    for _ in range(30):
        pixels = random.integers(1, 500, 15)
        correct = random.binomial(pixels, 0.6)
        confidence = (pixels * random.uniform(0.5, 0.9, 15) * 2**28).astype(np.int64)
        sums.append(CalibrationSums(pixels, correct, confidence, int(pixels.sum() * 0.4 * 2**28)))
    summary = summarise_calibration(sums)
    error, brier = summary.figures
    assert error.value == pytest.approx(expected_calibration_error(sum(sums[1:], sums[0])))
    assert brier.value == pytest.approx(0.4)
    assert all(figure.ends[0] <= figure.value <= figure.ends[1] for figure in summary.figures)
    assert sum(summary.shares) == pytest.approx(1.0)
    alone = summarise_calibration(sums[:1])
    assert math.isnan(alone.figures[0].ends[0])
