import importlib.util
import json

import numpy as np
import pytest
from PIL import Image

from segan import cli
from segan.baselines import BASELINES
from segan.data.dataset import scan_dataset
from segan.evaluation.result import read_evaluation

LAYOUTS = {
    "folders": [f"{split}/{index}" for split in ("train", "test") for index in range(5)],
    "flat": list("abcdefghij"),
}


@pytest.fixture
def places(tmp_path):
    """The same bright squares on a dark ground, with folders of splits and without."""
    random = np.random.default_rng(0)
    for layout, names in LAYOUTS.items():
        for name in names:
            top, left = random.integers(0, 12, 2)
            mask = np.zeros((24, 32), np.uint8)
            mask[top : top + 12, left : left + 16] = 255
            image = np.where(mask > 0, 180, 60) + random.integers(-20, 20, mask.shape)
            for kind, content in (("images", image.astype(np.uint8)), ("masks", mask)):
                path = tmp_path / layout / kind / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(content).save(path)
    return tmp_path


@pytest.fixture(autouse=True)
def small_forest(monkeypatch):
    monkeypatch.setattr("segan.baselines.forest._TREES", 8)


def baseline(*options):
    return cli.run(["baseline", *map(str, options)])


def test_methods_are_scored_and_kept(places, capsys):
    out = places / "out"
    assert baseline("otsu", "majority", "otsu", "--data", places / "folders", "--out", out) == 0
    captured = capsys.readouterr()
    assert all(word in captured.out for word in ("otsu", "majority", "mean IoU", "interval", "fit s", "images/s"))
    assert f"segan compare {out / 'otsu'} scores" in captured.out
    assert "train: 4 images, test: 5 images; folders train, test; train divided by seed 0" in captured.err
    facts = json.loads((out / "baselines.json").read_text())
    assert [row["method"] for row in facts["methods"]] == ["otsu", "majority"]
    row = facts["methods"][0]
    assert row["mean_iou"] > 0.95 > facts["methods"][1]["mean_iou"]
    assert row["mean_iou_interval"][0] <= row["mean_iou"] <= row["mean_iou_interval"][1]
    assert (row["fit_images"], row["settings"]["inside"]) == (4, "foreground")
    assert (row["fit_s"] > 0, row["images_per_s"] > 0) == (True, True)
    assert read_evaluation(out / "otsu").mean_iou == row["mean_iou"]
    assert json.loads((out / "otsu" / "metrics.json").read_text())["split"] == "test"


def test_json_is_one_object_and_quiet_a_line_a_method(places, capsys):
    assert baseline("otsu", "position", "--data", places / "folders", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["images"], facts["train_images"], facts["split"], facts["seed"]) == (5, 4, "test", 0)
    assert "reading" in facts["timing"]
    folders = ("--images", places / "flat" / "images", "--masks", places / "flat" / "masks")
    assert baseline("otsu", "position", *folders, "--quiet") == 0
    quiet = capsys.readouterr()
    assert quiet.out.startswith("otsu: mean IoU ")
    assert (quiet.out.count("\n"), quiet.err) == (2, "")


def test_all_methods_run_and_are_listed(places, capsys):
    assert baseline("all", "--data", places / "folders", "--json", "--quiet") == 0
    assert [row["method"] for row in json.loads(capsys.readouterr().out)["methods"]] == list(BASELINES)
    assert baseline("--list") == 0
    listed = capsys.readouterr().out
    assert all(f"{name} " in listed for name in BASELINES)
    assert "forest     random forest on filter responses (needs scikit-learn)" in listed
    assert baseline("--list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["forest"]["needs"] == ["scikit-learn"]


def test_the_split_is_that_of_training_or_of_the_run(places, capsys):
    flat, run = places / "flat", places / "run"
    expected = [sample.name for sample in scan_dataset(flat).samples["test"]]
    assert baseline("majority", "--data", flat, "--out", places / "a") == 0
    assert [image.name for image in read_evaluation(places / "a" / "majority").per_image] == expected
    dataset = scan_dataset(flat, val=0.2, test=0.4, seed=7)
    run.mkdir()
    (run / "split.json").write_text(json.dumps(dataset.split_json()))
    (run / "dataset.yaml").write_text(dataset.labels.to_yaml().replace("background", "dark"))
    assert baseline("majority", "--data", flat, "--run", run, "--out", places / "b", "--split", "val") == 0
    evaluation = read_evaluation(places / "b" / "majority")
    assert [image.name for image in evaluation.per_image] == [sample.name for sample in dataset.samples["val"]]
    assert evaluation.classes[0] == "dark"
    capsys.readouterr()


def test_what_cannot_be_done_is_told(places, capsys, monkeypatch):
    data = ("--data", places / "folders")
    (places / "file").write_text("")
    for options, code, message in (
        ((), 2, "NAME: none seen, expected a method or all. Run segan baseline --list"),
        (("otsu",), 2, "no data are named: seen none, expected --data DIR"),
        (("otzu", *data), 2, "Did you mean otsu?"),
        (("otsu", *data, "--out", places / "file"), 2, "is a file, expected a folder"),
        (("otsu", *data, "--out", places / "folders" / "out"), 2, "folders"),
        (("otsu", *data, "--run", places), 2, "no split.json seen, expected a run folder of segan train"),
        (("otsu", "--data", places / "nowhere"), 2, "no folder seen, expected a dataset folder"),
    ):
        assert baseline(*options) == code
        error = capsys.readouterr().err
        assert message in error.replace("\n", " ")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert baseline("all", *data) == 1
    assert "baseline dbscan, forest: scikit-learn not seen" in capsys.readouterr().err


def test_data_with_problems_or_without_the_split_are_refused(places, capsys):
    (places / "folders" / "images" / "val").mkdir()
    assert baseline("otsu", "--data", places / "folders") == 2
    assert "the dataset has problems" in capsys.readouterr().err
    (places / "folders" / "images" / "val").rmdir()
    for kind in ("images", "masks"):
        (places / "folders" / kind / "test").rename(places / "folders" / kind / "val")
    assert baseline("otsu", "--data", places / "folders") == 2
    assert "split test: no images with masks in" in capsys.readouterr().err
