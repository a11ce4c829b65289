"""Figures of `evaluate_predictions`, from files to families, against torchmetrics, MONAI, scikit-image and SciPy."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import adapted_rand_error, variation_of_information
from skimage.morphology import skeletonize
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCohenKappa,
    MulticlassF1Score,
    MulticlassJaccardIndex,
    MulticlassSpecificity,
)
from torchmetrics.functional.classification import multiclass_calibration_error
from toy_masks import LABELS, read_pairs, write_pairs

from segan.evaluation.evaluate import evaluate_predictions
from segan.evaluation.families import FAMILIES
from segan.evaluation.family_figures import MACRO, PER_CLASS, VALUE, Column
from segan.evaluation.measures import Measures
from segan.evaluation.segments import label_segments

K = 3
SHAPES = ("boundary", "structure", "tolerance", "segments", "sizes")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("pairs")


@pytest.fixture(scope="module")
def pairs(place):
    return write_pairs(place)


@pytest.fixture(scope="module")
def evaluation(pairs):
    return evaluate_predictions(pairs, LABELS, measures=Measures(SHAPES, background=0, divider=2))


def per_class(evaluation, family, figure):
    return [evaluation.family_values[family][Column(figure, PER_CLASS, name)] for name in LABELS.classes]


def whole(evaluation, family, figure, part=VALUE):
    return evaluation.family_values[family][Column(figure, part)]


def compute(metric, pairs, **options):
    scorer = metric(K, ignore_index=255, **options)
    for mask, truth in read_pairs(pairs):
        scorer.update(torch.tensor(mask).long(), torch.tensor(truth).long())
    return scorer.compute().double().numpy()


@pytest.mark.parametrize(
    ("figure", "metric"),
    [
        ("iou", MulticlassJaccardIndex),
        ("dice", MulticlassF1Score),
        ("recall", MulticlassAccuracy),
        ("specificity", MulticlassSpecificity),
    ],
)
def test_scores_of_classes_equal_torchmetrics(evaluation, pairs, figure, metric):
    theirs = compute(metric, pairs, average="none")
    np.testing.assert_allclose(per_class(evaluation, "confusion", figure), theirs, atol=1e-6)
    assert whole(evaluation, "confusion", figure, MACRO) == pytest.approx(theirs.mean(), abs=1e-6)


def test_scores_of_the_whole_equal_torchmetrics(evaluation, pairs):
    assert whole(evaluation, "confusion", "kappa") == pytest.approx(compute(MulticlassCohenKappa, pairs), abs=1e-6)
    micro = compute(MulticlassJaccardIndex, pairs, average="micro")
    assert whole(evaluation, "confusion", "micro_iou") == pytest.approx(micro, abs=1e-6)
    weighted = compute(MulticlassJaccardIndex, pairs, average="weighted")
    assert whole(evaluation, "confusion", "frequency_weighted_iou") == pytest.approx(weighted, abs=1e-6)


def test_means_over_images_equal_torchmetrics_of_each_image(evaluation, pairs):
    images = [compute(MulticlassJaccardIndex, [pair], average="none") for pair in pairs]
    theirs = np.mean(images, axis=0)
    np.testing.assert_allclose(per_class(evaluation, "confusion", "iou_of_images"), theirs, atol=1e-6)
    assert whole(evaluation, "confusion", "iou_of_images", MACRO) == pytest.approx(theirs.mean(), abs=1e-6)
    assert whole(evaluation, "confusion", "mean_iou_of_images") == pytest.approx(np.mean(images), abs=1e-6)


@pytest.fixture(scope="module")
def unmasked(tmp_path_factory):
    """Pairs without ignored pixels, which MONAI knows nothing of."""
    pairs = write_pairs(tmp_path_factory.mktemp("unmasked"), ignored=False, seed=1)
    return pairs, evaluate_predictions(pairs, LABELS, measures=Measures(SHAPES, divider=2))


def test_distances_equal_monai(unmasked):
    metrics = pytest.importorskip("monai.metrics")
    pairs, evaluation = unmasked
    hot = [
        [torch.stack([torch.tensor(own == k) for k in range(K)])[None] for own in pair] for pair in read_pairs(pairs)
    ]
    for figure, compute_distance in (
        ("hd95_px", lambda *both: metrics.compute_hausdorff_distance(*both, include_background=True, percentile=95)),
        (
            "assd_px",
            lambda *both: metrics.compute_average_surface_distance(*both, include_background=True, symmetric=True),
        ),
    ):
        theirs = np.mean([compute_distance(*both).numpy()[0] for both in hot], axis=0)
        np.testing.assert_allclose(per_class(evaluation, "boundary", figure), theirs, atol=1e-5)


def test_rand_error_and_information_equal_scikit_image(evaluation, pairs):
    errors, splits, merges = [], [], []
    for mask, truth in read_pairs(pairs):
        hidden = np.where(truth == 255, np.uint8(255), mask)
        predicted, true = label_segments(hidden, 2), label_segments(truth, 2)
        errors.append(adapted_rand_error(true, predicted, ignore_labels=(0,))[0])
        # scikit-image's order: H(second | first), H(first | second).
        split, merge = variation_of_information(true, predicted, ignore_labels=(0,))
        splits.append(split)
        merges.append(merge)
    assert whole(evaluation, "segments", "rand_error") == pytest.approx(np.mean(errors), abs=1e-6)
    total = whole(evaluation, "segments", "variation_of_information_bits")
    assert total == pytest.approx(np.mean(splits) + np.mean(merges), abs=1e-6)


def test_centre_line_dice_equals_its_definition(evaluation, pairs):
    for index, found in enumerate(per_class(evaluation, "structure", "cl_dice")):
        sums = np.zeros(4)
        for mask, truth in read_pairs(pairs):
            areas = (mask == index) & (truth != 255), truth == index
            lines = [skeletonize(area) for area in areas]
            sums += [(lines[0] & areas[1]).sum(), lines[0].sum(), (lines[1] & areas[0]).sum(), lines[1].sum()]
        precision, sensitivity = sums[0] / sums[1], sums[2] / sums[3]
        assert found == pytest.approx(2 * precision * sensitivity / (precision + sensitivity), abs=1e-9)


def test_calibration_equals_torchmetrics(pairs, place):
    random = np.random.default_rng(0)
    files, probs = {}, []
    for pair, (_, truth) in zip(pairs, read_pairs(pairs), strict=True):
        probs.append(random.dirichlet(np.ones(K), truth.shape).transpose(2, 0, 1).astype(np.float16))
        files[pair.name] = place / f"{pair.name}.npy"
        np.save(files[pair.name], probs[-1])
    evaluation = evaluate_predictions(pairs, LABELS, measures=Measures(("calibration",)), probabilities=files)
    truths = np.stack([truth for _, truth in read_pairs(pairs)])
    theirs = multiclass_calibration_error(
        torch.tensor(np.stack(probs).astype(np.float64)), torch.tensor(truths).long(), K, n_bins=15, ignore_index=255
    )
    assert whole(evaluation, "calibration", "ece") == pytest.approx(float(theirs), abs=1e-6)


def test_degenerate_masks_give_numbers_or_nothing(tmp_path):
    """One class everywhere, all ignored, all wrong: every figure exists or is null, and nothing warns."""
    pairs = write_pairs(tmp_path, 3, ignored=False)
    from PIL import Image

    for pair, mask, truth in zip(pairs, (0, 1, 2), (0, 9, 1), strict=True):
        Image.new("L", (32, 24), mask).save(pair.prediction)
        Image.new("L", (32, 24), truth).save(pair.truth)
    evaluation = evaluate_predictions(pairs, LABELS, measures=Measures(SHAPES, background=0, divider=2))
    for name, family in FAMILIES.items():
        if name in evaluation.tables:
            assert {column.figure for column in evaluation.family_values[name]} == set(family.figures)
    assert math.isnan(whole(evaluation, "boundary", "hd95_px", MACRO)) is False
    assert math.isnan(evaluation.family_values["boundary"][Column("hd95_px", PER_CLASS, "road")])
    evaluation.to_json()


def test_figures_do_not_depend_on_the_order(evaluation, pairs):
    turned = evaluate_predictions(pairs[::-1], LABELS, measures=Measures(SHAPES, background=0, divider=2))
    assert turned.to_json() == evaluation.to_json()
