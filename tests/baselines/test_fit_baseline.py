import importlib.util

import numpy as np
import pytest
from drawn_scenes import LABELS, draw, flat, halves
from PIL import Image

from segan.baselines import BASELINES, fit_baseline, training
from segan.data.dataset import Sample
from segan.data.pairs import read_pair
from segan.errors import DataError, SeganError, UsageError
from segan.evaluation.evaluate import evaluate_model


def test_the_result_stands_in_the_place_of_a_model(tmp_path):
    train, test = draw(tmp_path, flat, 4), draw(tmp_path, flat, 2, split="test")
    fitted = fit_baseline("otsu", train, LABELS)
    assert (fitted.method, fitted.labels, fitted.sixteen_bit, fitted.images) == ("otsu", LABELS, "percentile", 4)
    assert fitted.fit_s > 0
    assert evaluate_model(fitted, test, LABELS, split="test").mean_iou > 0.9


def test_a_method_gives_no_probabilities(tmp_path):
    fitted = fit_baseline("otsu", draw(tmp_path, flat, 2), LABELS)
    with pytest.raises(UsageError, match="method otsu: probabilities asked for, expected masks alone"):
        fitted.predict(np.zeros((8, 8, 3), np.uint8), probabilities=True)


@pytest.mark.parametrize("name", BASELINES)
def test_a_fit_reads_the_files_it_is_given_and_no_others(tmp_path, monkeypatch, name):
    train = draw(tmp_path, flat, 3)
    draw(tmp_path, flat, 2, split="test")
    read = []

    def spy(image, mask, *rest, **options):
        read.extend([image, mask])
        return read_pair(image, mask, *rest, **options)

    monkeypatch.setattr(training, "read_pair", spy)
    fitted = fit_baseline(name, train, LABELS)
    assert sorted(read) == sorted(path for sample in train for path in (sample.image, sample.mask))
    monkeypatch.setattr(training, "read_pair", None)
    fitted.predict(flat(np.random.default_rng(0))[0])


def test_settings_and_classes_come_from_the_training_masks(tmp_path):
    """With the classes of the training masks exchanged, those of the prediction are too."""
    image, mask = flat(np.random.default_rng(9))
    for name in ("otsu", "kmeans", "slic", "watershed", "forest"):
        swapped = draw(tmp_path / name, flat, 4, change=lambda image, mask: (image, 1 - mask))
        found = fit_baseline(name, swapped, LABELS).predict(image)
        assert (found.mask != mask).mean() > 0.9


def test_steps_are_reported_up_to_their_number(tmp_path):
    train = draw(tmp_path, flat, 3)
    for name, total in (("otsu", 3), ("forest", 7)):
        steps = []
        fit_baseline(name, train, LABELS, report=lambda *step, steps=steps: steps.append(step))
        assert steps == [(done, total) for done in range(1, total + 1)]


def test_the_number_of_images_is_limited_and_drawn_by_seed(tmp_path):
    train = draw(tmp_path, halves, 12)
    drawn = [
        [
            sample.name
            for sample in training.draw_training(train, LABELS, count=count, seed=seed, sixteen_bit="full").samples
        ]
        for count, seed in ((4, 0), (8, 0), (4, 1), (99, 0))
    ]
    assert drawn[1][:4] == drawn[0] != drawn[2]
    assert sorted(drawn[3]) == [sample.name for sample in train]
    assert fit_baseline("otsu", train, LABELS, max_images=5).images == 5
    with pytest.raises(UsageError, match="training images: at most 0 seen, expected 1 or more"):
        fit_baseline("otsu", train, LABELS, max_images=0)


def test_grey_and_16_bit_images_are_taken(tmp_path):
    train = draw(tmp_path, flat, 4)
    for sample in train:
        grey = np.array(Image.open(sample.image).convert("L"))
        Image.fromarray(grey.astype(np.uint16) * 200).save(sample.image)
    for name in BASELINES:
        fitted = fit_baseline(name, train, LABELS, sixteen_bit="full")
        assert fitted.sixteen_bit == "full"
        assert evaluate_model(fitted, train, LABELS).mean_iou > 0.3


def test_an_unknown_method_is_told_with_the_nearest(tmp_path):
    with pytest.raises(
        UsageError, match=r"baseline forrest: not known, expected one of majority, .* Did you mean forest"
    ):
        fit_baseline("forrest", [], LABELS)
    with pytest.raises(UsageError, match=r"Choose one of these\."):
        fit_baseline("qqq", [], LABELS)


def test_a_missing_package_is_told_with_its_cure(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SeganError, match=r"baseline forest: scikit-learn not seen.* Run pip install scikit-learn"):
        fit_baseline("forest", [], LABELS)


def test_samples_that_cannot_be_used_are_told(tmp_path):
    with pytest.raises(DataError, match="training split: no samples seen"):
        fit_baseline("otsu", [], LABELS)
    train = draw(tmp_path, flat, 3)
    with pytest.raises(DataError, match=r"images without masks, expected one each(.|\n)*bare\.png: no mask"):
        fit_baseline("otsu", [*train, Sample("bare", tmp_path / "bare.png", None)], LABELS)
    train[0].image.write_bytes(b"no")
    Image.new("L", (5, 5)).save(train[2].mask)
    with pytest.raises(DataError, match="2 training files cannot be used") as caught:
        fit_baseline("otsu", train, LABELS)
    assert all(any(text in problem for problem in caught.value.problems) for text in ("00.png", "size (5, 5)"))


@pytest.mark.parametrize("name", BASELINES)
def test_masks_without_labels_are_told(tmp_path, name):
    train = draw(tmp_path, flat, 2, change=lambda image, mask: (image, np.full_like(mask, 255)))
    with pytest.raises(DataError, match="training masks: no labelled pixel in 2 images"):
        fit_baseline(name, train, LABELS)
