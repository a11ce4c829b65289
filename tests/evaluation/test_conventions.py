import numpy as np
import pytest
from toy_masks import LABELS, read_pairs, write_pairs

from segan.data.labels import build_labels
from segan.errors import UsageError
from segan.evaluation.conventions import CONVENTIONS, apply_convention, background_of, families_of
from segan.evaluation.evaluate import evaluate_predictions
from segan.evaluation.families import FAMILIES
from segan.evaluation.measures import Measures, choose_measures
from segan.evaluation.result import Evaluation, ImageCounts

VESSEL = ("ground", "vessel")


def test_every_figure_of_every_convention_exists():
    for name, convention in CONVENTIONS.items():
        families = {"confusion", *families_of(name, has_probabilities=True)}
        for reported in convention.figures:
            assert reported.family in families
            assert FAMILIES[reported.family].figures[reported.figure].per_class == (reported.part != "value")


def test_background_is_that_of_the_convention():
    assert background_of("camvid", ("sky", "road", "car")) is None
    assert background_of("voc", ("background", "cat", "dog")) == "background"
    assert background_of("drive", VESSEL) == "ground"
    with pytest.raises(UsageError, match=r"--convention crack: 3 classes seen, expected 2\. Map the others"):
        background_of("crack", LABELS.classes)


def test_vessel_figures_are_those_of_the_second_class():
    matrix = np.array([[80, 20], [10, 90]])
    evaluation = Evaluation(VESSEL, tuple(ImageCounts(str(k), (10, 20), matrix) for k in range(3)), background=0)
    found = apply_convention("drive", evaluation, has_region=False)
    values = {label: value for label, (value, _) in found.figures.items()}
    assert values == pytest.approx({"accuracy": 0.85, "sensitivity": 0.9, "specificity": 0.8, "F1": 180 / (180 + 30)})
    assert "pixels outside the field of view count" in found.notes[0]
    assert found.notes[1] == "AUC: not computed, probabilities are needed"
    turned = Evaluation(VESSEL, evaluation.per_image, background=1)
    assert apply_convention("drive", turned, has_region=True).figures["sensitivity"][0] == pytest.approx(0.8)


def test_crack_figures_have_a_tolerance(tmp_path):
    labels = build_labels(["road", "crack"])
    pairs = write_pairs(tmp_path, 3, ignored=False)
    from PIL import Image

    for pair in pairs:
        truth = np.zeros((24, 32), np.uint8)
        truth[10] = 1
        Image.fromarray(truth).save(pair.truth)
        Image.fromarray(np.roll(truth, 2, axis=0)).save(pair.prediction)
    names = families_of("crack", has_probabilities=False)
    measures = choose_measures(names, labels.classes, background=background_of("crack", labels.classes))
    evaluation = evaluate_predictions(pairs, labels, measures=measures)
    found = apply_convention("crack", evaluation, has_region=False)
    assert found.figures["F1, 2 px"] == (1.0, (1.0, 1.0))
    assert evaluation.iou["crack"] == 0.0
    assert found.to_json()["notes"] == ["ODS, 2 px, OIS, 2 px: not computed, probabilities are needed"]


def test_the_camvid_figure_is_the_published_computation(tmp_path):
    """Pool hits and unions of each class over images, divide, take the mean; void never counts."""
    pairs = write_pairs(tmp_path)
    hits, union = np.zeros(3), np.zeros(3)
    for mask, truth in read_pairs(pairs):
        for k in range(3):
            predicted, true = (mask == k) & (truth != 255), truth == k
            hits[k] += (predicted & true).sum()
            union[k] += (predicted | true).sum()
    evaluation = evaluate_predictions(pairs, LABELS)
    found = apply_convention("camvid", evaluation, has_region=False)
    assert found.figures["mean IoU"][0] == pytest.approx((hits / union).mean(), abs=1e-12)
    assert "3 classes seen, the papers have 11" in found.notes[0]


def test_micro_over_twelve_classes_inflates_the_camvid_figure(tmp_path):
    """Void counted as a class and pixels averaged over classes: the same masks look much better."""
    pairs = write_pairs(tmp_path)
    proper = evaluate_predictions(pairs, LABELS)
    inflated = evaluate_predictions(
        write_void_as_class(pairs, tmp_path / "void"), build_labels(["ground", "lake", "road", "void"])
    )
    macro = apply_convention("camvid", proper, has_region=False).figures["mean IoU"][0]
    micro = next(value for column, value in inflated.family_values["confusion"].items() if column.figure == "micro_iou")
    assert micro > macro + 0.01


def write_void_as_class(pairs, folder):
    """Make void a class of its own that the prediction gets right."""
    from PIL import Image

    from segan.evaluation.pairing import MaskPair

    folder.mkdir()
    found = []
    for pair, (mask, truth) in zip(pairs, read_pairs(pairs), strict=True):
        void = truth == 255
        paths = folder / f"p{pair.name}.png", folder / f"t{pair.name}.png"
        for path, pixels in zip(paths, (mask, truth), strict=True):
            Image.fromarray(np.where(void, np.uint8(3), pixels)).save(path)
        found.append(MaskPair(pair.name, *paths))
    return found


def test_what_convention_needs_is_in_its_table():
    assert families_of("camvid", has_probabilities=True) == []
    assert families_of("crack", has_probabilities=False) == ["tolerance"]
    assert Measures(tuple(families_of("drive", has_probabilities=True))).needs_probabilities
