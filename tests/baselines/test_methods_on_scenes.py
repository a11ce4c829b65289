"""Each method beats the most frequent class on a scene made for it, and stands up to odd data."""

import numpy as np
import pytest
from drawn_scenes import LABELS, draw, flat, halves, lines, outlines, texture, uneven

from segan.baselines import BASELINES, fit_baseline
from segan.evaluation.evaluate import evaluate_model


def score(name, train, test, **options):
    fitted = fit_baseline(name, train, LABELS, **options)
    return evaluate_model(fitted, test, LABELS), fitted


@pytest.mark.parametrize(
    ("name", "scene", "least"),
    [
        ("majority", flat, 0.2),
        ("position", halves, 0.97),
        ("canny", lines, 0.6),
        ("canny", outlines, 0.85),
        ("sobel", lines, 0.6),
        ("sobel", outlines, 0.85),
        ("roberts", lines, 0.6),
        ("roberts", outlines, 0.85),
        ("otsu", flat, 0.99),
        ("otsu", lines, 0.95),
        ("adaptive", uneven, 0.9),
        ("grabcut", flat, 0.99),
        ("kmeans", flat, 0.99),
        ("slic", flat, 0.95),
        ("watershed", flat, 0.9),
        ("dbscan", flat, 0.9),
        ("forest", flat, 0.97),
        ("forest", texture, 0.9),
        ("forest", lines, 0.9),
    ],
)
def test_a_method_beats_the_majority_on_its_scene(tmp_path, name, scene, least):
    train, test = draw(tmp_path, scene, 6), draw(tmp_path, scene, 3, split="test")
    evaluation, _ = score(name, train, test)
    floor, _ = score("majority", train, test)
    assert evaluation.mean_iou >= max(least, floor.mean_iou)


def test_a_threshold_for_each_pixel_is_worth_it_under_uneven_light(tmp_path):
    train, test = draw(tmp_path, uneven, 6), draw(tmp_path, uneven, 3, split="test")
    assert score("adaptive", train, test)[0].mean_iou > score("otsu", train, test)[0].mean_iou + 0.3


def test_filling_is_chosen_where_it_helps(tmp_path):
    fitted = fit_baseline("canny", draw(tmp_path, outlines, 6), LABELS)
    assert (fitted.settings["fill"], fitted.settings["inside"]) == (True, "thing")


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_seed_gives_the_same_masks(tmp_path, name):
    train = draw(tmp_path, texture, 3)
    image, _ = texture(np.random.default_rng(9))
    first, second = (fit_baseline(name, train, LABELS, seed=3).predict(image) for _ in range(2))
    assert np.array_equal(first.mask, second.mask)
    assert first.confidence == second.confidence


@pytest.mark.parametrize("name", BASELINES)
def test_images_of_any_size_are_fitted_and_segmented(tmp_path, name):
    train = [
        *draw(tmp_path / "a", flat, 1, size=(33, 47)),
        *draw(tmp_path / "b", flat, 1, size=(5, 7)),
        *draw(tmp_path / "c", halves, 1, size=(1, 1)),
    ]
    fitted = fit_baseline(name, train, LABELS)
    for size in ((1, 1), (1, 40), (31, 2), (20, 30)):
        found = fitted.predict(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))
        assert (found.mask.shape, found.mask.dtype) == (size, np.uint8)
        assert found.mask.max() <= 1
        assert 0.0 <= found.confidence <= 1.0


@pytest.mark.parametrize("name", BASELINES)
def test_data_of_one_class_give_that_class(tmp_path, name):
    train = draw(tmp_path, texture, 2, change=lambda image, mask: (image, np.ones_like(mask)))
    found = fit_baseline(name, train, LABELS).predict(texture(np.random.default_rng(5))[0])
    assert found.mask.min() == 1
    assert found.confidence == pytest.approx(1.0)


@pytest.mark.parametrize("name", BASELINES)
def test_blank_images_are_no_fault(tmp_path, name):
    train = draw(tmp_path, flat, 2, change=lambda image, mask: (np.full_like(image, 7), mask))
    found = fit_baseline(name, train, LABELS).predict(np.zeros((20, 30, 3), np.uint8))
    assert found.mask.shape == (20, 30)


@pytest.mark.parametrize("name", ["majority", "position", "otsu", "kmeans", "slic", "forest"])
def test_ignored_pixels_count_nowhere(tmp_path, name):
    """Ground is most of the image; where it is ignored but for a corner, all methods that cannot tell see things."""

    def hide(image, mask):
        mask = mask.copy()
        mask[:, 1:][mask[:, 1:] == 0] = 255
        return np.full_like(image, 90), mask

    train = draw(tmp_path, flat, 3, change=hide)
    found = fit_baseline(name, train, LABELS).predict(np.full((49, 66, 3), 90, np.uint8))
    assert (found.mask[20:30, 25:40] == 1).all()


def test_an_image_without_labels_is_passed_over(tmp_path):
    train = draw(tmp_path / "a", flat, 3)
    blank = draw(tmp_path / "b", flat, 2, change=lambda image, mask: (image, np.full_like(mask, 255)))
    test = draw(tmp_path / "c", flat, 2, split="test")
    for name in ("kmeans", "slic", "forest", "otsu"):
        assert score(name, [blank[0], *train, blank[1]], test)[0].mean_iou > 0.9


def test_large_images_are_reduced_and_masks_brought_back(tmp_path, monkeypatch):
    monkeypatch.setattr("segan.baselines.sizes.reduce_image.__defaults__", (1000,))
    monkeypatch.setattr("segan.baselines.sizes.reduce_mask.__defaults__", (1000,))
    train, test = draw(tmp_path, flat, 3), draw(tmp_path, flat, 2, split="test")
    evaluation, fitted = score("otsu", train, test)
    assert evaluation.mean_iou > 0.85
    assert fitted.predict(np.zeros((300, 500, 3), np.uint8)).mask.shape == (300, 500)
