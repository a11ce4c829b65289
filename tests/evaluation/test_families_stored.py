"""Families in `metrics.json`, `counts.npz`, `per_image.csv`, in the printed table and in comparisons."""

import csv
import json

import numpy as np
import pytest
from toy_masks import LABELS, write_pairs

from segan.errors import DataError
from segan.evaluation.comparison import compare_evaluations
from segan.evaluation.counts_file import pack_counts, unpack_counts
from segan.evaluation.evaluate import evaluate_predictions
from segan.evaluation.measures import Measures
from segan.evaluation.result import COUNTS, read_evaluation, write_evaluation
from segan.evaluation.tables import print_comparison, print_evaluation

MEASURES = Measures(("boundary", "structure", "tolerance", "segments", "sizes"), background=0, divider=2)


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory):
    """The same true masks, predicted twice."""
    folder = tmp_path_factory.mktemp("pairs")
    first = write_pairs(folder / "a")
    second = write_pairs(folder / "b")
    random = np.random.default_rng(5)
    from PIL import Image

    for pair in second:
        mask = np.array(Image.open(pair.prediction))
        wrong = random.random(mask.shape) < 0.1
        Image.fromarray(np.where(wrong, 2, mask).astype(np.uint8)).save(pair.prediction)
    return [evaluate_predictions(pairs, LABELS, measures=MEASURES) for pairs in (first, second)]


def test_families_are_written_with_conventions_and_intervals(evaluations, tmp_path):
    write_evaluation(evaluations[0], tmp_path, {"more": 1})
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["background"] == "ground"
    assert metrics["more"] == 1
    assert list(metrics["families"]) == ["confusion", *MEASURES.families]
    boundary = metrics["families"]["boundary"]
    assert "4 neighbours" in boundary["rules"]
    found = boundary["figures"]["hd95_px"]
    assert list(found) == ["convention", "macro", "macro_without_background", "per_class", "intervals"]
    assert found["per_class"].keys() == set(LABELS.classes)
    low, high = found["intervals"]["per_class"]["lake"]
    assert low <= found["per_class"]["lake"] <= high
    kappa = metrics["families"]["confusion"]["figures"]["kappa"]
    assert kappa["intervals"]["value"][0] < kappa["value"] < kappa["intervals"]["value"][1]


def test_the_confusion_family_says_what_the_old_keys_say(evaluations):
    content = evaluations[0].to_json()
    figures = content["families"]["confusion"]["figures"]
    assert figures["iou"]["macro"] == pytest.approx(content["mean_iou"], abs=1e-12)
    assert figures["iou"]["per_class"] == content["iou"]
    assert figures["iou"]["intervals"]["macro"] == pytest.approx(content["intervals"]["mean_iou"], abs=1e-9)
    assert figures["pixel_accuracy"]["value"] == content["pixel_accuracy"]


def test_without_a_background_there_are_no_figures_without_it(evaluations):
    plain = type(evaluations[0])(LABELS.classes, evaluations[0].per_image).to_json()
    assert plain["background"] is None
    figures = plain["families"]["confusion"]["figures"]
    assert not any("without_background" in key for figure in figures.values() for key in figure)
    assert not any("without_background" in name for name in figures)


def test_sums_read_back_exactly(evaluations, tmp_path):
    write_evaluation(evaluations[0], tmp_path)
    again = read_evaluation(tmp_path)
    assert again.to_json() == evaluations[0].to_json()
    assert again.sums["boundary"].edges.tolerances_px == (0.0, 1.0, 2.0, 3.0, 5.0)
    assert again.sums["segments"].divider == (2,)


def test_files_without_families_are_read(evaluations, tmp_path):
    write_evaluation(evaluations[0], tmp_path)
    arrays = dict(np.load(tmp_path / COUNTS))
    old = {name: arrays[name] for name in ("images", "sizes", "matrices", "classes", "split")}
    np.savez_compressed(tmp_path / COUNTS, **old)
    again = read_evaluation(tmp_path)
    assert (again.background, again.sums, again.mean_iou) == (None, {}, evaluations[0].mean_iou)


@pytest.mark.parametrize("damage", ["short", "lacking", "unknown"])
def test_damaged_families_are_told(evaluations, tmp_path, damage):
    write_evaluation(evaluations[0], tmp_path)
    arrays = dict(np.load(tmp_path / COUNTS))
    if damage == "short":
        arrays["sizes/found"] = arrays["sizes/found"][1:]
    elif damage == "lacking":
        del arrays["boundary/edges.true"]
    else:
        arrays["families"] = np.array(json.dumps({"novel": {}}))
    np.savez_compressed(tmp_path / COUNTS, **arrays)
    with pytest.raises(DataError, match=r"counts\.npz: damaged or of another version"):
        read_evaluation(tmp_path)


def test_packed_counts_come_back(evaluations):
    content = pack_counts(unpack_counts(_bytes_of(evaluations[1])))
    assert content == _bytes_of(evaluations[1])


def _bytes_of(evaluation):
    from segan.evaluation.result import _pack

    return _pack(evaluation)


def test_each_image_has_the_main_figures(evaluations, tmp_path):
    write_evaluation(evaluations[0], tmp_path)
    rows = list(csv.DictReader((tmp_path / "per_image.csv").read_text().splitlines()))
    assert {"boundary_f1_2px", "hd95_px", "cl_dice", "f1_2px", "rand_error", "object_recall_small"} <= rows[0].keys()
    assert 0 < float(rows[0]["boundary_f1_2px"]) < 1


@pytest.mark.parametrize("name", ["confusion", *MEASURES.families])
def test_tables_fit_80_columns(evaluations, capsys, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "80")
    print_evaluation(evaluations[0], families=[name])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith(f"{name}: ") for line in lines)
    assert not any("…" in line for line in lines)


def test_families_are_compared(evaluations, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    found = compare_evaluations(*evaluations, resamples=300)
    assert list(found.families) == ["confusion", *MEASURES.families]
    content = found.to_json()
    hd95 = content["families"]["boundary"]["hd95_px"]
    assert hd95["macro"]["b"] == evaluations[1].to_json()["families"]["boundary"]["figures"]["hd95_px"]["macro"]
    assert hd95["macro"]["interval"][0] <= hd95["macro"]["difference"] <= hd95["macro"]["interval"][1]
    assert "macro_without_background" in hd95
    print_comparison(found)
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("HD95 px", "clDice", "adapted Rand error"))


def test_only_what_both_have_is_compared(evaluations):
    first, second = evaluations
    lean = type(second)(second.classes, second.per_image, sums={"sizes": second.sums["sizes"]})
    found = compare_evaluations(first, lean, resamples=300)
    assert list(found.families) == ["confusion", "sizes"]
    assert not any(column.part == "macro_without_background" for column in found.families["sizes"])


def test_other_settings_are_not_compared(evaluations, tmp_path):
    first, second = evaluations
    write_evaluation(second, tmp_path)
    arrays = dict(np.load(tmp_path / COUNTS))
    settings = json.loads(str(arrays["families"]))
    settings["segments"]["divider"] = [1]
    arrays["families"] = np.array(json.dumps(settings))
    np.savez_compressed(tmp_path / COUNTS, **arrays)
    with pytest.raises(DataError, match=r"two: segments measured with divider \(1,\), expected \(2,\) as in one"):
        compare_evaluations(first, read_evaluation(tmp_path), name_a="one", name_b="two", resamples=300)
