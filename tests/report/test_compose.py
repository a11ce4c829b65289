import json
import math

import numpy as np
import pytest
from toy_report import DISCRIMINATOR
from toy_run import ToyRun, make_run

from segan.errors import CheckpointError, UsageError
from segan.evaluation.evaluate import evaluate_model
from segan.evaluation.result import write_evaluation
from segan.inference.load import load_segmenter
from segan.report.compose import report_evaluation, report_run
from segan.report.record import find_source, read_run
from segan.report.render import render_report


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> ToyRun:
    return make_run(tmp_path_factory.mktemp("report"))


def make(toy: ToyRun, **options):
    record = read_run(toy.run)
    return report_run(record, find_source(record), device="cpu", **options)


@pytest.fixture(scope="module")
def evaluation(toy: ToyRun):
    segmenter = load_segmenter(toy.run, "cpu")
    return evaluate_model(segmenter, toy.dataset.samples["test"], toy.dataset.labels, split="test")


def test_a_report_has_the_scores_of_an_evaluation(toy: ToyRun, evaluation) -> None:
    done: list[tuple[int, int]] = []
    report = make(toy, progress=lambda *numbers: done.append(numbers))
    assert done == [(count, 5) for count in range(1, 6)]
    assert report.headline[0].value == evaluation.mean_iou
    assert report.headline[0].ends == evaluation.intervals.whole["mean_iou"]
    assert np.array_equal(report.matrix, evaluation.confusion_matrix)
    assert report.table.names == tuple(image.name for image in evaluation.per_image)
    assert report.title.endswith("/run")
    assert dict(report.facts)["Training"] == "adversarial: hinge loss of weight 0.01"
    assert dict(report.facts)["Splits"] == "train 3, val 2, test 5"
    assert dict(report.commands)["Started by"] == "segan train"
    assert [curve.title for curve in report.curves] == ["Pixel losses"]
    row = report.classes[0]
    assert (row.name, row.iou.value) == ("background", evaluation.iou["background"])


def test_every_split_is_counted(toy: ToyRun) -> None:
    report = make(toy, images=0)
    assert [(split.name, split.images) for split in report.splits] == [("train", 3), ("val", 2), ("test", 5)]
    assert all(math.isclose(sum(split.shares), 1.0) for split in report.splits)
    assert {split.sizes for split in report.splits} == {"40 × 32 px"}
    assert report.cards == ()
    # Masks that were read for the scores and masks that were read for the counting alone are counted alike.
    other = make(toy, split="val", images=0)
    assert other.splits[2] == report.splits[2]
    assert "The model was chosen on these images" in other.lead


def test_chosen_images_are_those_of_the_extreme_scores(toy: ToyRun) -> None:
    report = make(toy, images=1, maps={"Constant": lambda image, prediction: np.zeros(image.shape[:2], np.float32)})
    groups = {card.group: card for card in report.cards}
    assert groups["worst"].iou == min(report.table.iou)
    assert groups["best"].iou == max(report.table.iou)
    assert groups["median"].iou == sorted(report.table.iou)[2]
    assert all(report.table.names[card.row] == card.name for card in report.cards)
    assert report.cards[0].panels[-1].title == "Constant"


def test_a_run_without_test_images_is_scored_on_val(toy: ToyRun, tmp_path) -> None:
    copy = make_run(tmp_path, test=0)
    assert make(copy, images=0).table.names == tuple(sample.name for sample in copy.dataset.samples["val"])


def test_train_scores_carry_a_warning(toy: ToyRun) -> None:
    assert "The model was trained on these images" in make(toy, split="train", images=0).lead


def test_all_images_carry_a_warning(toy: ToyRun) -> None:
    assert "The model was trained on some of these images" in make(toy, split="all", images=0).lead


def test_other_data_without_the_other_splits(toy: ToyRun, tmp_path) -> None:
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "test").symlink_to(toy.data / kind / "test")
    record = read_run(toy.run)
    report = report_run(record, find_source(record, tmp_path), device="cpu", images=0)
    assert [split.name for split in report.splits] == ["test"]


def test_an_evaluation_alone_makes_a_page(evaluation, tmp_path) -> None:
    write_evaluation(evaluation, tmp_path)
    report = report_evaluation(tmp_path / "metrics.json")
    assert render_report(report) == render_report(report_evaluation(tmp_path))
    assert report.headline[0].value == evaluation.mean_iou
    assert (report.cards, report.curves, report.reliability, report.config) == ((), (), None, ())
    text = render_report(report)
    assert "Uncertainty" not in text
    assert 'id="training"' not in text


def test_further_figures_come_from_the_same_images(toy: ToyRun, evaluation, tmp_path) -> None:
    write_evaluation(evaluation, tmp_path)
    tree = json.loads((tmp_path / "metrics.json").read_text())
    value = {"convention": "at 2 px", "macro": 0.5, "per_class": {"cell": 0.25, "rod": None}}
    ends = {"macro": [0.4, 0.6], "per_class": {"cell": None, "rod": None}}
    tree["families"] = {"boundary": {"rules": "Pooled.", "figures": {"boundary_f1": {**value, "intervals": ends}}}}
    (tmp_path / "metrics.json").write_text(json.dumps(tree))
    (section,) = make(toy, images=0, scores=tmp_path).further
    assert (section.title, section.about) == ("Boundary", "Pooled.")
    assert [(figure.name, figure.value) for figure in section.figures] == [
        ("boundary f1, macro", 0.5),
        ("boundary f1, per class, cell", 0.25),
    ]
    assert section.figures[0].ends == (0.4, 0.6)
    with pytest.raises(UsageError, match="scores of 5 images seen that are not those of this report"):
        make(toy, images=0, split="val", scores=tmp_path)


def test_the_quality_of_the_discriminator_is_shown(toy: ToyRun, tmp_path) -> None:
    report = make(toy, images=0, discriminator=DISCRIMINATOR)
    assert report.discriminator is not None
    accuracy, area = report.discriminator.figures
    assert (accuracy.name, accuracy.value, accuracy.ends) == ("Accuracy", 0.75, (0.7, 0.8))
    assert math.isnan(area.ends[0])
    assert report.discriminator.reliability.accuracy == (0.2, 0.9)
    assert math.isnan(report.discriminator.classes[0].accuracy_fake)
    assert make(toy, images=0).discriminator is None


def test_a_damaged_model_is_told(toy: ToyRun, tmp_path) -> None:
    copy = make_run(tmp_path)
    (copy.run / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        make(copy)
