import json
import os

import numpy as np
import pytest
from PIL import Image

from segan.cli import run
from segan.data.images import read_image


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "toy"
    for split, count in (("train", 3), ("val", 1), ("test", 1)):
        for index in range(count):
            image = np.random.default_rng([ord(split[1]), index]).integers(0, 256, (8, 9, 3), dtype=np.uint8)
            for kind, array in (("images", image), ("masks", np.resize(np.array([0, 255], np.uint8), (8, 9)))):
                path = root / kind / split / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(path)
    return root


def test_a_sound_dataset(folder, tmp_path, capsys):
    assert run(["data", "check", str(folder), "--out", str(tmp_path / "preview.png")]) == 0
    shown = capsys.readouterr().out
    for text in (
        "images: train 3, val 1, test 1; folders train, val, test",
        "sizes: all 8 x 9",
        "masks: masks hold 0 and 255: read as 2 classes: background = 0, foreground = 255",
        "foreground",
        "50.00%",
        f"next: segan train --data {folder} --out runs/first",
    ):
        assert text in shown
    assert read_image(tmp_path / "preview.png").std() > 1


def test_problems_give_exit_code_2(folder, capsys):
    (folder / "masks/train/0.png").unlink()
    (folder / "images/train/1.png").write_bytes(b"?")
    assert run(["data", "check", str(folder), "--quiet"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "the dataset has 2 problems:\n  - " in shown.err


def test_json(folder, capsys):
    assert run(["data", "check", str(folder), "--json", "--card", "membrane"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["problems"] == []
    assert facts["images"] == {"train": 3, "val": 1, "test": 1, "unlabeled": 0}
    assert facts["classes"][1] == {
        "name": "cell",
        "pixels": {"train": 108, "val": 36, "test": 36, "unlabeled": 0},
        "images": {"train": 3, "val": 1, "test": 1, "unlabeled": 0},
    }
    assert facts["sizes"] == [[8, 9, 5]]


def test_json_with_problems(folder, tmp_path, capsys):
    (folder / "masks/train/0.png").unlink()
    assert run(["data", "check", str(folder), "--json"]) == 2
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 1
    assert run(["data", "check", str(tmp_path / "none"), "--json"]) == 2
    assert "no folder seen" in json.loads(capsys.readouterr().out)["problems"][0]


def test_two_plain_folders(folder, capsys):
    arguments = ["data", "check", "--images", str(folder / "images/train"), "--masks", str(folder / "masks/train")]
    assert run(arguments) == 0
    assert "train divided by seed 0 into 1 train, 1 val, 1 test" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "no data are named: seen none"),
        (["--images", "x"], "no data are named: seen --images"),
        (["x", "--masks", "y"], "data are named twice: seen DIR --masks"),
    ],
)
def test_unclear_input(arguments, problem, capsys):
    assert run(["data", "check", *arguments]) == 2
    assert f"{problem}, expected DIR, or --images DIR and --masks DIR. Give one" in capsys.readouterr().err


def test_never_writes_into_the_data(folder, capsys):
    assert run(["data", "check", str(folder), "--out", str(folder / "preview.png")]) == 2
    assert "expected one outside the data" in capsys.readouterr().err


def test_a_folder_is_no_place_for_the_picture(folder, tmp_path, capsys):
    assert run(["data", "check", str(folder), "--out", str(tmp_path)]) == 2
    assert f"--out {tmp_path}: a folder seen, expected a file to write. Write --out " in capsys.readouterr().err


def test_warnings_and_odd_names(folder, capsys):
    name = os.fsdecode(b"caf\xe9\n.png")
    for kind in ("images", "masks"):
        (folder / kind / "train/0.png").rename(folder / kind / "train" / name)
    (folder / "masks/train" / name).write_bytes(b"?")
    (folder / "images/train/readme.txt").touch()
    assert run(["data", "check", str(folder)]) == 2
    shown = capsys.readouterr()
    assert "warning: " in shown.err
    assert r"caf\udce9\n.png: no known picture format" in shown.err
