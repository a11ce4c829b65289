import csv
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchmetrics.classification import MulticlassJaccardIndex

from segan.data.dataset import Sample
from segan.data.labels import build_labels
from segan.data.masks import write_mask
from segan.data.preprocess import build_chain
from segan.errors import DataError
from segan.evaluation.evaluate import evaluate_model, evaluate_predictions, score_samples, write_evaluation
from segan.evaluation.pairing import pair_masks
from segan.evaluation.scores import CONVENTION
from segan.inference.folder import predict_folder
from segan.inference.torch_engine import torch_segmenter

LABELS = build_labels(["sky", "road", "car", "moon"], ignore_index=9)


class Painter(nn.Module):
    def forward(self, image):
        return torch.cat([5.0 * image, torch.full_like(image[:, :1], -20.0)], dim=1)


@pytest.fixture
def segmenter():
    return torch_segmenter(Painter(), LABELS, build_chain([{"name": "normalize"}]), identity="model")


@pytest.fixture
def samples(tmp_path):
    random = np.random.default_rng(0)
    for name in ("day/a", "night/b"):
        image, mask = (tmp_path / kind / f"{name}.png" for kind in ("images", "masks"))
        image.parent.mkdir(parents=True)
        mask.parent.mkdir(parents=True)
        pixels = random.integers(0, 256, (24, 36, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(image)
        truth = np.where(random.random((24, 36)) < 0.7, pixels.argmax(axis=2), 2).astype(np.uint8)
        truth[:3] = 9
        Image.fromarray(truth).save(mask)
    return [
        Sample(name, tmp_path / f"images/{name}.png", tmp_path / f"masks/{name}.png") for name in ("day/a", "night/b")
    ]


def test_a_model_is_scored_as_torchmetrics_does(segmenter, samples):
    done = []
    evaluation = evaluate_model(segmenter, samples, LABELS, split="test", report=done.append)
    metric = MulticlassJaccardIndex(4, average="macro", ignore_index=9)
    for sample in samples:
        mask = segmenter.predict(np.asarray(Image.open(sample.image))).mask
        metric.update(torch.tensor(mask).long(), torch.tensor(np.asarray(Image.open(sample.mask))).long())
    assert evaluation.mean_iou == pytest.approx(float(metric.compute()), abs=1e-6)
    assert done == [1, 2]
    assert evaluation.images == 2
    assert evaluation.confusion_matrix.sum() == 2 * 21 * 36
    assert evaluation.iou.keys() == set(LABELS.classes)
    assert math.isnan(evaluation.iou["moon"])
    assert score_samples(segmenter, iter(samples), LABELS).mean_iou == evaluation.mean_iou


def test_predicted_masks_score_as_the_model_does(segmenter, samples, tmp_path):
    predict_folder(segmenter, [tmp_path / "images"], tmp_path / "out")
    pairs = pair_masks(tmp_path / "out", {sample.name: sample.mask for sample in samples})
    ours = evaluate_model(segmenter, samples, LABELS)
    theirs = evaluate_predictions(pairs, LABELS)
    assert theirs.confusion_matrix.tolist() == ours.confusion_matrix.tolist()
    assert [image.name for image in theirs.per_image] == ["day/a", "night/b"]


def test_the_files_hold_the_keys_of_the_contract(segmenter, samples, tmp_path):
    evaluation = evaluate_model(segmenter, samples, LABELS, split="test")
    write_evaluation(evaluation, tmp_path / "out")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(metrics) == [
        "mean_iou", "iou", "dice", "precision", "recall", "pixel_accuracy", "confusion_matrix", "images", "split",
        "classes", "convention", "intervals", "background", "families",
    ]  # fmt: skip
    assert metrics["mean_iou"] == evaluation.mean_iou
    assert metrics["iou"]["moon"] is None
    assert metrics["dice"]["sky"] == evaluation.dice["sky"]
    assert (metrics["images"], metrics["split"], metrics["convention"]) == (2, "test", CONVENTION)
    rows = list(csv.DictReader((tmp_path / "out" / "per_image.csv").read_text().splitlines()))
    assert [row["image"] for row in rows] == ["day/a", "night/b"]
    assert list(rows[0])[:5] == ["image", "height", "width", "mean_iou", "pixel_accuracy"]
    assert rows[0]["iou_moon"] == ""
    assert 0 < float(rows[0]["iou_sky"]) < 1


def test_predictions_may_hold_the_values_of_the_masks(tmp_path):
    labels = build_labels(["wall", "cell"], mapping={0: 0, 255: 1})
    truth = np.zeros((4, 4), np.uint8)
    truth[:2] = 255
    for kind in ("masks", "predictions"):
        (tmp_path / kind).mkdir()
        Image.fromarray(truth).save(tmp_path / kind / "a.png")
    pairs = pair_masks(tmp_path / "predictions", {"a": tmp_path / "masks" / "a.png"})
    assert evaluate_predictions(pairs, labels, values="mask").mean_iou == 1.0
    with pytest.raises(DataError, match=r"a\.png: prediction: seen values 255, expected 0 to 1\. .* add --values mask"):
        evaluate_predictions(pairs, labels)


def test_ignored_values_are_no_prediction(tmp_path):
    labels = build_labels(["wall", "cell"], ignore_index=9)
    for kind, value in (("masks", 1), ("predictions", 9)):
        (tmp_path / kind).mkdir()
        Image.new("L", (2, 2), value).save(tmp_path / kind / "a.png")
    pairs = pair_masks(tmp_path / "predictions", {"a": tmp_path / "masks" / "a.png"})
    with pytest.raises(DataError, match=r"seen values 255, expected 0 to 1\. Predict a class at every pixel"):
        evaluate_predictions(pairs, labels, values="mask")


def test_other_classes_than_the_models_are_refused(segmenter, samples):
    with pytest.raises(
        DataError, match="classes of the dataset: seen a, b, expected sky, road, car, moon as the model"
    ):
        evaluate_model(segmenter, samples, build_labels(["a", "b"]))
    with pytest.raises(DataError, match="seen a, b, expected sky, road, car, moon"):
        evaluate_predictions([], build_labels(["a", "b"]), model_labels=LABELS)


def test_all_files_that_cannot_be_scored_are_listed(segmenter, samples, tmp_path):
    samples[0].image.write_bytes(b"no")
    Image.new("L", (5, 5)).save(samples[1].mask)
    bare = Sample("bare", samples[0].image, None)
    with pytest.raises(DataError, match="3 files cannot be scored") as caught:
        evaluate_model(segmenter, [*samples, bare], LABELS)
    first, second, third = caught.value.problems
    assert "a.png" in first
    assert "size (5, 5) (height, width) seen, expected (24, 36) as its image has" in second
    assert "no mask, expected one of the same name" in third


def test_predictions_of_another_size_or_with_other_values_are_listed(samples, tmp_path):
    write_mask(tmp_path / "out" / "day" / "a.png", np.zeros((5, 5), np.uint8), LABELS.colors)
    write_mask(tmp_path / "out" / "night" / "b.png", np.full((24, 36), 7, np.uint8), LABELS.colors)
    pairs = pair_masks(tmp_path / "out", {sample.name: sample.mask for sample in samples})
    with pytest.raises(DataError, match="2 files cannot be scored") as caught:
        evaluate_predictions(pairs, LABELS)
    assert "a.png: prediction: height and width (5, 5), expected (24, 36)" in caught.value.problems[0]
    assert "b.png: prediction: seen values 7, expected 0 to 3" in caught.value.problems[1]


def test_an_empty_split_is_told(segmenter):
    with pytest.raises(DataError, match="split test: 0 images with masks"):
        evaluate_model(segmenter, [], LABELS, split="test")
