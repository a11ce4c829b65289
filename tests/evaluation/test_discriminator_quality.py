import json
import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_calibration_error

from segan.evaluation.calibration import BINS
from segan.evaluation.discriminator_counts import Judgement, calibration_counts, calibration_error, patch_counts
from segan.evaluation.discriminator_quality import DiscriminatorQuality
from segan.evaluation.discriminator_table import print_quality
from segan.evaluation.sums import UNITS
from segan.inference.discriminator_file import DiscriminatorMeta

CLASSES = ("sky", "road", "car")


def make_meta(adversarial="nonsaturating"):
    return DiscriminatorMeta("patch", 3, 2, 4, "none", 1.0, adversarial, "matched", 5, 9, "")


def judgement(name, real, fake, shares=None, classes=None):
    count = len(real)
    weight = np.asarray([1.0] * count if shares is None else shares) * UNITS
    return Judgement(
        name, np.asarray(real, np.float32), np.asarray(fake, np.float32), weight.astype(np.int64),
        np.asarray([0] * count if classes is None else classes, np.uint8),
    )  # fmt: skip


def drawn(images=8, patches=40, seed=0):
    random = np.random.default_rng(seed)
    return tuple(
        judgement(
            f"image_{index}", random.normal(0.4, 1.0, patches), random.normal(-0.2, 1.0, patches),
            random.random(patches) + 0.01, random.integers(0, 3, patches),
        )
        for index in range(images)
    )  # fmt: skip


def test_counts_by_hand():
    image = judgement("a", [1, -1, 2, 0], [-1, 1, 2, -3], [1, 1, 0.5, 1], [0, 1, 1, 1])
    units = patch_counts(image, 0.0, 3) / UNITS
    # Columns: weight, real called real, fake called fake, twice preferred, ties. A logit of 0 is called neither.
    assert units.tolist() == [[1, 1, 1, 2, 0], [2.5, 0.5, 1, 2.5, 0.5], [0, 0, 0, 0, 0]]


def test_figures_by_hand():
    quality = DiscriminatorQuality(
        CLASSES, (judgement("a", [1, -1], [-1, 1]), judgement("b", [2, 2], [2, -2])), make_meta()
    )
    figures = {name: figure.value for name, figure in quality.figures.items()}
    assert (figures["accuracy"], figures["accuracy_real"], figures["accuracy_fake"]) == (0.625, 0.75, 0.5)
    assert figures["preferred"] == pytest.approx((1 + 0 + 0.5 + 1) / 4)
    assert figures["identical"] == 0.25
    # Real 1, -1, 2, 2 against fake -1, 1, 2, -2: 2.5 + 1.5 + 3.5 + 3.5 of 16 pairs.
    assert figures["auroc_patch"] == pytest.approx(11 / 16)
    # Means of real 0 and 2, of fake 0 and 0.
    assert figures["auroc_image"] == pytest.approx(3.5 / 4 - 1 / 8)
    assert [row["name"] for row in quality.ranked_images] == ["a", "b"]
    assert [row["margin"] for row in quality.ranked_images] == [0.0, 2.0]


def test_order_of_images_changes_nothing():
    images = drawn()
    first = DiscriminatorQuality(CLASSES, images, make_meta()).to_json()
    second = DiscriminatorQuality(CLASSES, images[::-1], make_meta()).to_json()
    for name in ("accuracy", "preferred", "identical", "ece", "per_class", "reliability", "most_wrong"):
        assert (
            first[name] == pytest.approx(second[name])
            if isinstance(first[name], float)
            else first[name] == second[name]
        )
    assert first["auroc_patch"] == pytest.approx(second["auroc_patch"], abs=1e-12)


def test_intervals_hold_the_figures():
    quality = DiscriminatorQuality(CLASSES, drawn(images=20), make_meta())
    for name, figure in quality.figures.items():
        low, high = figure.interval
        assert low <= figure.value <= high, name
        assert name == "identical" or low < high
    assert [figures["accuracy"].interval[0] < 1 for figures in quality.per_class.values()] == [True] * 3


def test_calibration_equals_torchmetrics():
    random = np.random.default_rng(0)
    image = judgement("a", random.normal(1.0, 2.0, 500), random.normal(-0.5, 2.0, 500))
    probs = torch.sigmoid(torch.tensor(np.concatenate([image.real, image.fake])))
    target = torch.tensor([1] * 500 + [0] * 500)
    expected = float(binary_calibration_error(probs, target, n_bins=BINS, norm="l1"))
    assert float(calibration_error(calibration_counts(image, "hinge"))[0]) == pytest.approx(expected, abs=1e-6)


def test_reliability_adds_up_to_the_error():
    quality = DiscriminatorQuality(CLASSES, drawn(), make_meta())
    rows = [row for row in quality.reliability if row["patches"]]
    assert sum(row["patches"] for row in rows) == pytest.approx(1.0)
    gap = sum(row["patches"] * abs(row["real"] - row["probability"]) for row in rows)
    assert gap == pytest.approx(quality.figures["ece"].value, abs=1e-9)


def test_least_squares_logits_are_probabilities_already():
    counts = calibration_counts(judgement("a", [0.9, 2.0], [0.1, -1.0]), "lsgan")
    assert counts[0].sum() == 4 * UNITS
    assert counts[2].sum() / UNITS == pytest.approx(0.9 + 1.0 + 0.1 + 0.0, abs=1e-6)


def test_a_critic_is_cut_in_the_middle_and_has_no_calibration():
    images = (judgement("a", [11, 13], [9, 7]), judgement("b", [12, 9], [8, 11]))
    quality = DiscriminatorQuality(CLASSES, images, make_meta("wgan-gp"), border=None)
    assert quality.decision == pytest.approx(10.0)
    assert quality.figures["accuracy"].value == 0.75
    assert math.isnan(quality.figures["ece"].value)
    assert quality.reliability == []
    assert quality.to_json()["ece"] is None


def test_no_patch_at_all_has_no_figures(capsys):
    quality = DiscriminatorQuality(CLASSES, (judgement("a", [], []), judgement("b", [], [])), make_meta())
    assert quality.patches == 0
    assert all(math.isnan(figure.value) for figure in quality.figures.values())
    assert json.loads(json.dumps(quality.to_json(), allow_nan=False))["accuracy"] is None
    print_quality(quality)
    assert "0 patches" in capsys.readouterr().out


def test_the_table_names_classes_and_the_worst_images(capsys):
    print_quality(DiscriminatorQuality(CLASSES, drawn(), make_meta()))
    text = capsys.readouterr().out
    assert all(word in text for word in ("sky", "road", "car", "AUROC", "8 images, 320 patches", "image_"))
