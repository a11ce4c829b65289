import io
import json

import numpy as np
import pytest

from segan.errors import DataError
from segan.evaluation.comparison import compare_evaluations
from segan.evaluation.result import Evaluation, ImageCounts
from segan.evaluation.tables import print_comparison, print_evaluation

CLASSES = ("wall", "cell")


def build_evaluation(recall, images=24, seed=0, classes=CLASSES):
    """Images of 60 wall and 40 cell pixels, with about `recall` of each found."""
    random = np.random.default_rng(seed)
    counts = []
    for index in range(images):
        wall, cell = random.binomial((60, 40), recall)
        matrix = np.array([[wall, 60 - wall], [40 - cell, cell]])
        counts.append(ImageCounts(f"{index:02d}", (10, 10), matrix))
    return Evaluation(classes, tuple(counts))


def test_a_difference_is_shown_with_its_sign():
    a, b = build_evaluation(0.7), build_evaluation(0.8, seed=1)
    found = compare_evaluations(a, b, resamples=2000)
    assert found.verdict == "better"
    assert found.mean_iou.difference == pytest.approx(b.mean_iou - a.mean_iou)
    assert 0 < found.mean_iou.interval[0] < found.mean_iou.difference < found.mean_iou.interval[1]
    assert found.mean_iou.p_value == pytest.approx(1 / 2001)
    assert found.figures["iou", "cell"].a == pytest.approx(a.iou["cell"])
    assert found.figures["recall", "wall"].b == pytest.approx(b.recall["wall"])
    turned = compare_evaluations(b, a, resamples=2000)
    assert turned.verdict == "worse"
    assert turned.sentence().startswith("B is worse than A: mean IoU -0.")


def test_chance_is_called_chance():
    found = compare_evaluations(build_evaluation(0.7), build_evaluation(0.7, seed=1), resamples=2000)
    assert found.verdict == "not shown"
    assert found.sentence().startswith("no difference shown: B minus A: mean IoU")
    same = compare_evaluations(build_evaluation(0.7), build_evaluation(0.7), resamples=2000)
    assert (same.verdict, same.mean_iou.p_value, same.mean_iou.interval) == ("not shown", 1.0, (0.0, 0.0))


def test_images_pair_by_name_and_the_seed_decides():
    a, b = build_evaluation(0.7), build_evaluation(0.75, seed=1)
    turned = Evaluation(CLASSES, b.per_image[::-1])
    found = compare_evaluations(a, b, resamples=500)
    assert compare_evaluations(a, turned, resamples=500) == found
    assert compare_evaluations(a, b, resamples=500, seed=1) != found


def test_one_image_gets_no_verdict():
    found = compare_evaluations(build_evaluation(0.7, 1), build_evaluation(0.8, 1, seed=1))
    assert found.verdict == "none"
    assert "but 1 image seen, expected more" in found.sentence()
    assert found.to_json()["figures"]["mean_iou"]["interval"] is None
    assert found.to_json()["figures"]["mean_iou"]["p_value"] is None


def test_absent_classes_are_null():
    classes = ("wall", "cell", "moon")
    wide = []
    for recall, seed in ((0.7, 0), (0.8, 1)):
        images = build_evaluation(recall, seed=seed).per_image
        padded = (ImageCounts(image.name, image.size, np.pad(image.matrix, (0, 1))) for image in images)
        wide.append(Evaluation(classes, tuple(padded)))
    plain = compare_evaluations(*wide, resamples=500).to_json()
    expected = {"a": None, "b": None, "difference": None, "interval": None, "p_value": None}
    assert plain["figures"]["iou"]["moon"] == expected
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_other_classes_are_refused():
    with pytest.raises(DataError, match=r"two: classes wall, nucleus seen, expected wall, cell as in one\. Compare"):
        compare_evaluations(
            build_evaluation(0.7), build_evaluation(0.7, classes=("wall", "nucleus")), name_a="one", name_b="two"
        )


def test_other_images_are_refused():
    a = build_evaluation(0.7, 6)
    b = Evaluation(CLASSES, (*a.per_image[2:], ImageCounts("new", (10, 10), a.per_image[0].matrix)))
    message = r"B: 5 images, 2 missing \(00, 01\) and 1 more \(new\) seen, expected the 6 images of A\. Evaluate both"
    with pytest.raises(DataError, match=message):
        compare_evaluations(a, b)


def test_names_seen_twice_are_refused():
    a = build_evaluation(0.7, 3)
    twice = Evaluation(CLASSES, (*a.per_image, a.per_image[0]))
    with pytest.raises(DataError, match=r"B: 1 names of images seen twice \(00\), expected each once\. Evaluate each"):
        compare_evaluations(a, twice)


@pytest.mark.parametrize("change", ["size", "labels"])
def test_other_true_masks_are_refused(change):
    a = build_evaluation(0.7, 3)
    first = a.per_image[0]
    other = (
        ImageCounts("00", (20, 5), first.matrix)
        if change == "size"
        else ImageCounts("00", first.size, first.matrix[::-1].copy())
    )
    with pytest.raises(DataError, match=r"B: other true masks seen for 1 of 3 images \(00\), expected those of A"):
        compare_evaluations(a, Evaluation(CLASSES, (other, *a.per_image[1:])))


def test_the_tables_show_intervals(capsys):
    found = compare_evaluations(build_evaluation(0.7), build_evaluation(0.8, seed=1), resamples=500)
    print_comparison(found)
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("mean IoU", "IoU wall", "Dice cell", "B - A", "95 % interval", " to +0."))
    assert f"{found.mean_iou.difference:+.4f}" in shown
    evaluation, stream = build_evaluation(0.7), io.StringIO()
    print_evaluation(evaluation, stream)
    low, high = evaluation.intervals.per_class["iou"]["cell"]
    assert f"{low:.3f}-{high:.3f}" in stream.getvalue()
    print_evaluation(build_evaluation(0.7, 1), alone := io.StringIO())
    assert "1 image, no intervals" in alone.getvalue()
