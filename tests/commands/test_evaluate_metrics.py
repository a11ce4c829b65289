import json

import numpy as np
import pytest
from PIL import Image

from segan import cli
from segan.data.labels import build_labels, dump_labels
from segan.inference.model_file import ModelMeta, save_model
from segan.models import build_generator

LABELS = build_labels(["ground", "vessel"])


@pytest.fixture
def place(tmp_path):
    """Four images with masks, regions of interest and a model of two classes."""
    import torch

    random = np.random.default_rng(0)
    for index in range(4):
        pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        mask = np.zeros((32, 32), np.uint8)
        mask[4 + index : 12 + index, 4:28] = 1
        region = np.zeros((32, 32), np.uint8)
        region[2:30, 2:30] = 255
        for kind, content in (("data/images", pixels), ("data/masks", mask), ("roi", region)):
            (tmp_path / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(tmp_path / kind / f"{index}.png")
    (tmp_path / "data" / "dataset.yaml").write_text(LABELS.to_yaml())
    torch.manual_seed(0)
    options = {"channels": [2, 2, 2, 2, 2]}
    network = build_generator("segnet", "none", num_classes=2, options=options)
    meta = ModelMeta("segnet", "none", options, 0.0, dump_labels(LABELS), [{"name": "normalize"}])
    save_model(tmp_path / "run" / "model.safetensors", network.state_dict(), meta)
    return tmp_path


def evaluate(*options):
    return cli.run(["evaluate", *map(str, options)])


def test_a_model_is_scored_by_convention_inside_a_region(place, capsys):
    options = [place / "run", "--data", place / "data", "--split", "all", "--device", "cpu"]
    options += ["--roi", place / "roi", "--convention", "drive", "--metrics", "all", "--json"]
    assert evaluate(*options, "--out", place / "scores") == 0
    captured = capsys.readouterr()
    content = json.loads(captured.out)
    assert content == json.loads((place / "scores" / "metrics.json").read_text())
    assert content["background"] == "ground"
    assert np.sum(content["confusion_matrix"]) == 4 * 28 * 28
    assert list(content["paper_figures"]["figures"]) == ["accuracy", "sensitivity", "specificity", "F1", "AUC"]
    assert content["paper_figures"]["notes"] == []
    assert {"calibration", "thresholds", "boundary"} <= content["families"].keys()
    assert "segments is left out: it needs a class that divides cells" in captured.err


def test_probabilities_of_predict_score_as_those_of_the_model(place, capsys):
    out = place / "out"
    predict = ["predict", str(place / "run"), str(place / "data" / "images"), "--out", str(out), "--device", "cpu"]
    assert cli.run([*predict, "--probabilities", "--quiet"]) == 0
    common = ["--data", place / "data", "--split", "all", "--metrics", "calibration,thresholds", "--json", "--quiet"]
    capsys.readouterr()
    assert evaluate("--predictions", out, *common) == 0
    theirs = json.loads(capsys.readouterr().out)
    assert evaluate(place / "run", *common, "--device", "cpu") == 0
    assert theirs == json.loads(capsys.readouterr().out)


def test_probabilities_in_eight_bits_score_nearly_the_same(place, capsys):
    common = ["--data", place / "data", "--split", "all", "--metrics", "calibration,thresholds", "--json", "--quiet"]
    found = []
    for option in ("--probabilities", "--eight-bit"):
        out = place / option[2:]
        predict = ["predict", str(place / "run"), str(place / "data" / "images"), "--out", str(out), "--device", "cpu"]
        assert cli.run([*predict, option, "--quiet"]) == 0
        capsys.readouterr()
        assert evaluate("--predictions", out, *common) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["confusion_matrix"] == found[1]["confusion_matrix"], "masks are the same"
    half, byte = (content["families"] for content in found)
    for family, name in (("calibration", "ece"), ("calibration", "brier"), ("thresholds", "auc")):
        scores = [own[family]["figures"][name]["value"] for own in (byte, half)]
        assert scores[0] == pytest.approx(scores[1], abs=0.01)


def test_masks_alone_have_no_calibration(place, capsys):
    masks = place / "data" / "masks"
    assert evaluate("--predictions", masks, "--masks", masks, "--metrics", "calibration") == 2
    assert "--metrics calibration: no probabilities seen" in capsys.readouterr().err
    assert evaluate("--predictions", masks, "--masks", masks, "--metrics", "all", "--quiet") == 0
    assert evaluate("--predictions", masks, "--masks", masks, "--metrics", "edges") == 2
    assert "--metrics: edges seen, expected confusion, boundary" in capsys.readouterr().err


def test_tables_and_the_convention_are_printed(place, capsys):
    masks = place / "data" / "masks"
    given = ["--predictions", masks, "--masks", masks, "--metrics", "confusion,boundary", "--metrics", "structure"]
    assert evaluate(*given, "--convention", "crack") == 0
    shown = capsys.readouterr().out
    for words in ("kappa", "HD95 px", "clDice", "convention crack: ", "source: Fan et al.", "F1, 2 px", "note: ODS"):
        assert words in shown
    assert evaluate(*given, "--convention", "crack", "--quiet") == 0
    assert "convention crack" in capsys.readouterr().out


def test_evaluations_with_families_are_compared(place, capsys):
    masks = place / "data" / "masks"
    for name in ("a", "b"):
        options = ["--predictions", masks, "--masks", masks, "--metrics", "boundary", "--out", place / name]
        assert evaluate(*options, "--quiet") == 0
    capsys.readouterr()
    assert cli.run(["compare", str(place / "a"), str(place / "b"), "--resamples", "200", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["families"]["boundary"]["hd95_px"]["macro"]["difference"] == 0.0
