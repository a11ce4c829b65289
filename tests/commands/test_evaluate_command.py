import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from segan import cli
from segan.data.dataset import scan_dataset
from segan.data.labels import build_labels, dump_labels
from segan.inference.model_file import ModelMeta, save_model
from segan.models import build_generator

LABELS = build_labels(["wall", "cell"], mapping={0: 0, 255: 1})


@pytest.fixture
def place(tmp_path):
    """A flat dataset of eight images, a run folder with its split, and a model."""
    random = np.random.default_rng(0)
    for index in range(8):
        pixels = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        mask = np.where(pixels[..., 0] > 127, 255, 0).astype(np.uint8)
        for kind, content in (("images", pixels), ("masks", mask)):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(tmp_path / "data" / kind / f"{index}.png")
    torch.manual_seed(0)
    options = {"channels": [2, 2, 2, 2, 2]}
    network = build_generator("segnet", "none", num_classes=2, options=options)
    meta = ModelMeta("segnet", "none", options, 0.0, dump_labels(LABELS), [{"name": "normalize"}])
    save_model(tmp_path / "run" / "model.safetensors", network.state_dict(), meta)
    dataset = scan_dataset(tmp_path / "data", val=0.25, test=0.25, seed=3)
    (tmp_path / "run" / "split.json").write_text(json.dumps(dataset.split_json()))
    (tmp_path / "run" / "dataset.yaml").write_text(LABELS.to_yaml())
    tests = [sample.name for sample in dataset.samples["test"]]
    return SimpleNamespace(root=tmp_path, data=tmp_path / "data", run=tmp_path / "run", tests=tests)


def evaluate(*options):
    return cli.run(["evaluate", *map(str, options)])


def test_a_model_is_scored_on_the_split_of_its_run(place, capsys):
    assert evaluate(place.run, "--data", place.data, "--device", "cpu", "--json", "--out", place.root / "out") == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics == json.loads((place.root / "out" / "metrics.json").read_text())
    assert (metrics["images"], metrics["split"], metrics["classes"]) == (2, "test", ["wall", "cell"])
    lines = (place.root / "out" / "per_image.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in lines[1:]] == place.tests


def test_the_table_names_each_class(place, capsys):
    assert evaluate(place.run, "--data", place.data, "--device", "cpu", "--split", "all") == 0
    captured = capsys.readouterr()
    assert all(word in captured.out for word in ("wall", "cell", "IoU", "8 images", "next: segan predict"))
    assert evaluate(place.run, "--data", place.data, "--device", "cpu", "--quiet") == 0
    quiet = capsys.readouterr()
    assert quiet.out.startswith("mean IoU 0.")
    assert (quiet.out.count("\n"), quiet.err) == (1, "")


def test_predicted_masks_score_as_the_model_does(place, capsys):
    out = place.root / "out"
    assert cli.run(["predict", str(place.run), str(place.data / "images"), "--out", str(out), "--device", "cpu"]) == 0
    capsys.readouterr()
    assert evaluate("--predictions", out, "--data", place.data, "--split", "all", "--json") == 0
    theirs = json.loads(capsys.readouterr().out)
    assert evaluate(place.run, "--data", place.data, "--split", "all", "--device", "cpu", "--json") == 0
    ours = json.loads(capsys.readouterr().out)
    assert theirs == ours
    assert evaluate("--predictions", out, "--masks", place.data / "masks", "--json") == 0
    assert json.loads(capsys.readouterr().out)["mean_iou"] == ours["mean_iou"]


def test_probabilities_that_nobody_needs_may_be_missing(place, capsys):
    out = place.root / "out"
    assert cli.run(["predict", str(place.run), str(place.data / "images"), "--out", str(out), "--probabilities"]) == 0
    next((out / "probabilities").iterdir()).unlink()
    options = ("--predictions", out, "--masks", place.data / "masks", "--quiet")
    assert evaluate(*options) == 0
    capsys.readouterr()
    assert evaluate(*options, "--metrics", "calibration") == 2
    assert "1 of 8 files missing" in capsys.readouterr().err


def test_a_convention_of_two_classes_refuses_others_whatever_the_background(place, capsys):
    out = place.root / "out"
    (place.data / "dataset.yaml").write_text("classes: [wall, cell, gap]\nmapping: {0: 0, 255: 1}\n")
    assert cli.run(["predict", str(place.run), str(place.data / "images"), "--out", str(out), "--device", "cpu"]) == 0
    (out / "labels.yaml").unlink(missing_ok=True)
    capsys.readouterr()
    options = ("--predictions", out / "masks", "--data", place.data, "--split", "all")
    assert evaluate(*options, "--convention", "crack", "--background", "wall") == 2
    assert "--convention crack: 3 classes seen, expected 2" in capsys.readouterr().err


def test_nothing_labelled_is_said(place, capsys):
    (place.root / "roi").mkdir()
    for index in range(8):
        Image.new("L", (32, 24)).save(place.root / "roi" / f"{index}.png")
    masks = place.data / "masks"
    assert evaluate("--predictions", masks, "--masks", masks, "--values", "mask", "--roi", place.root / "roi") == 0
    assert "no score: 0 labelled pixels in 8 images. Check --roi" in capsys.readouterr().out


def test_the_next_thing_to_do_is_told(place, capsys):
    masks, out = place.data / "masks", place.root / "out"
    assert evaluate("--predictions", masks, "--masks", masks, "--values", "mask") == 0
    assert "next: the same command with --out scores" in capsys.readouterr().out
    assert evaluate("--predictions", masks, "--masks", masks, "--values", "mask", "--out", out) == 0
    assert f"next: look at the images of the lowest mean_iou in {out / 'per_image.csv'}" in capsys.readouterr().out


def test_true_masks_score_one(place, capsys):
    masks = place.data / "masks"
    assert evaluate("--predictions", masks, "--masks", masks, "--values", "mask", "--json") == 0
    assert json.loads(capsys.readouterr().out)["mean_iou"] == 1.0


def test_missing_predictions_are_listed_with_exit_code_2(place, capsys):
    (place.root / "out").mkdir()
    Image.new("L", (32, 24)).save(place.root / "out" / "0.png")
    assert evaluate("--predictions", place.root / "out", "--masks", place.data / "masks") == 2
    error = capsys.readouterr().err
    assert "7 of 8 true masks have no prediction" in error
    assert error.count("\n  - ") == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "MODEL and --predictions: seen neither"),
        (("run", "--predictions", "p"), "MODEL and --predictions: seen both"),
        (("run",), "seen none, expected --data DIR, or --images DIR"),
        (("--predictions", "p", "--masks", "m", "--tta"), "--tta: given beside --predictions, where no network"),
        (("--predictions", "p", "--tile", "64", "--device", "cpu"), "--tile, --device: given beside --predictions"),
        (("--predictions", "p", "--min-area", "5"), "--min-area: given beside --predictions"),
        (("runs/none", "--data", "d", "--values", "mask"), "--values: given with MODEL, which says itself"),
        (("--predictions", "p", "--images", "i"), "--images: given beside --predictions, expected with MODEL alone"),
        (("--predictions", "p"), "--masks and --data: seen neither"),
        (("--predictions", "p", "--masks", "m", "--data", "d"), "--masks and --data: seen both"),
    ],
)
def test_wrong_usage_gives_exit_code_2(capsys, options, message):
    assert evaluate(*options) == 2
    assert message in capsys.readouterr().err
