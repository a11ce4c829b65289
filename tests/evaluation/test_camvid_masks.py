import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchmetrics.classification import MulticlassJaccardIndex

from segan.data.labels import build_labels
from segan.data.masks import load_labels
from segan.evaluation.conventions import apply_convention
from segan.evaluation.evaluate import evaluate_predictions
from segan.evaluation.family_figures import Column
from segan.evaluation.pairing import MaskPair
from segan.resources import card_path

DATA = Path(os.environ.get("SEGAN_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.mark.skipif(not (DATA / "camvid").is_dir(), reason="SEGAN_DATA names no folder with camvid")
def test_camvid_scores_equal_torchmetrics(tmp_path):
    """Each frame's mask, void filled with road, stands as the prediction of the frame before it."""
    truths = sorted((DATA / "camvid" / "masks" / "test").glob("*.png"))[:12]
    metric = MulticlassJaccardIndex(11, average="macro", ignore_index=11)
    pairs = []
    for truth, following in itertools.pairwise(truths):
        pixels = np.array(Image.open(following))
        pixels[pixels == 11] = 3
        Image.fromarray(pixels).save(tmp_path / truth.name)
        pairs.append(MaskPair(truth.stem, tmp_path / truth.name, truth))
        metric.update(torch.tensor(pixels).long(), torch.tensor(np.array(Image.open(truth))).long())
    evaluation = evaluate_predictions(pairs, load_labels(card_path("camvid")))
    assert evaluation.mean_iou == pytest.approx(float(metric.compute()), abs=1e-6)
    assert 0.2 < evaluation.mean_iou < 0.95


@pytest.mark.skipif(not (DATA / "camvid").is_dir(), reason="SEGAN_DATA names no folder with camvid")
def test_micro_over_twelve_classes_inflates_camvid(tmp_path):
    """Void as a class that is always right, and pixels instead of classes averaged: up to tens of points more."""
    truths = sorted((DATA / "camvid" / "masks" / "test").glob("*.png"))[:12]
    pairs = []
    for truth, following in itertools.pairwise(truths):
        pixels, own = np.array(Image.open(following)), np.array(Image.open(truth))
        Image.fromarray(np.where(own == 11, own, np.where(pixels == 11, 3, pixels))).save(tmp_path / truth.name)
        pairs.append(MaskPair(truth.stem, tmp_path / truth.name, truth))
    labels = load_labels(card_path("camvid"))
    proper = apply_convention("camvid", evaluate_predictions(pairs, labels), has_region=False)
    wrong = evaluate_predictions(pairs, build_labels([*labels.classes, "void"]))
    micro = wrong.family_values["confusion"][Column("micro_iou", "value")]
    assert proper.notes == ()
    assert micro > proper.figures["mean IoU"][0] + 0.1
    assert "12 classes seen, the papers have 11" in apply_convention("camvid", wrong, has_region=False).notes[0]
