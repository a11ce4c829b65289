import json

import numpy as np
import pytest
import torch
from PIL import Image

from segan import cli
from segan.data.labels import build_labels, dump_labels
from segan.inference.discriminator_file import DiscriminatorMeta, save_discriminator
from segan.inference.model_file import ModelMeta, save_model
from segan.models import build_discriminator, build_generator
from segan.tensor_file import read_tensors, write_tensors

LABELS = build_labels(["wall", "cell"])


@pytest.fixture
def run(tmp_path):
    torch.manual_seed(0)
    options = {"channels": [2, 2, 2, 2, 2]}
    network = build_generator("segnet", "none", num_classes=2, options=options)
    meta = ModelMeta("segnet", "none", options, 0.0, dump_labels(LABELS), [{"name": "normalize"}])
    seal = save_model(tmp_path / "run" / "model.safetensors", network.state_dict(), meta)
    judge = build_discriminator("patch", num_classes=2, depth=2, channels=2)
    facts = DiscriminatorMeta("patch", 2, 2, 2, "spectral", 1.0, "nonsaturating", "matched", 3, 4, seal)
    save_discriminator(tmp_path / "run" / "discriminator.safetensors", judge.state_dict(), facts)
    return tmp_path / "run"


@pytest.fixture
def data(tmp_path):
    random = np.random.default_rng(0)
    for index in range(3):
        pixels = random.integers(0, 256, (32, 40, 3), dtype=np.uint8)
        for kind, content in (("images", pixels), ("masks", (pixels[..., 0] > 127).astype(np.uint8))):
            folder = tmp_path / "data" / kind / "test"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(content).save(folder / f"{index}.png")
    return tmp_path / "data"


def explain(*options):
    return cli.run(["explain", *map(str, options), "--device", "cpu"])


def test_all_that_is_possible_is_shown(run, data, tmp_path, capsys):
    out = tmp_path / "out"
    assert explain(run, data / "images" / "test", "--out", out, "--masks", data / "masks" / "test", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["maps"] == ["realism", "entropy", "tta"]
    assert (facts["images"], facts["done"], facts["shrunk"], facts["with_truth"]) == (3, 3, 0, 3)
    assert len(list((out / "panels").iterdir())) == 3


def test_a_class_adds_its_maps(run, data, tmp_path, capsys):
    pytest.importorskip("pytorch_grad_cam")
    image = data / "images" / "test" / "0.png"
    assert explain(run, image, "--out", tmp_path / "out", "--class", "cell", "--window", "16", "--max-side", "36") == 0
    text = capsys.readouterr().out
    assert "1 of 1 images: realism, entropy, tta, gradcam, occlusion" in text
    assert "1 shrunk to 36 px" in text
    assert "next: sort" in text


def test_a_run_without_a_discriminator_goes_on_without_realism(run, data, tmp_path, capsys):
    (run / "discriminator.safetensors").unlink()
    folder = data / "images" / "test"
    assert explain(run, folder, "--out", tmp_path / "out", "--quiet") == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("without realism: ")
    assert captured.err.count("\n") == 1
    assert explain(run, folder, "--out", tmp_path / "out", "--maps", "realism,entropy") == 2
    assert "discriminator.safetensors: not found" in capsys.readouterr().err


def test_a_bad_file_gives_exit_code_3(run, data, tmp_path, capsys):
    (data / "images" / "test" / "bad.png").write_bytes(b"no")
    assert explain(run, data / "images" / "test", "--out", tmp_path / "out", "--maps", "entropy", "--json") == 3
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["failed"]) == 1
    assert "1 of 4 images failed; the others are done:\n  - " in captured.err


def test_names_without_a_mask_are_told(run, data, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(other / "else.png")
    image = data / "images" / "test" / "0.png"
    assert explain(run, image, "--out", tmp_path / "out", "--maps", "entropy", "--masks", other) == 0
    assert "no image has a true mask of its name" in capsys.readouterr().out


def test_one_that_compares_features_is_refused_in_one_line(run, data, tmp_path, capsys):
    path = run / "discriminator.safetensors"
    tensors, facts, _ = read_tensors(path)
    write_tensors(path, tensors, {**facts, "adversarial": "multiscale_l1"})
    images = data / "images" / "test"
    for options in (("--discriminator", "--data", data), (images, "--out", tmp_path / "a", "--maps", "realism")):
        assert explain(run, *options) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if "compares features" in line]
        assert len(lines) == 1
    assert explain(run, images, "--out", tmp_path / "b") == 0
    captured = capsys.readouterr()
    assert "without realism: " in captured.err
    assert "3 of 3 images: entropy, tta;" in captured.out


def test_the_discriminator_is_measured(run, data, tmp_path, capsys):
    assert explain(run, "--discriminator", "--data", data, "--out", tmp_path / "out", "--json", "--quiet") == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    assert captured.err == ""
    assert facts == json.loads((tmp_path / "out" / "discriminator.json").read_text())
    assert (facts["images"], facts["split"], facts["discriminator"]["updates"]) == (3, "test", 3)
    assert list(facts["per_class"]) == ["wall", "cell"]
    assert explain(run, "--discriminator", "--images", data / "images", "--masks", data / "masks") == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("AUROC", "most wrong about", "0.5 is chance", "next: segan explain"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "IMAGE and --discriminator: seen neither"),
        (("a.png", "--discriminator"), "IMAGE and --discriminator: seen both"),
        (("a.png",), "--out: not given, expected a folder"),
        (("a.png", "--out", "o", "--data", "d"), "--data and --images: given beside IMAGE"),
        (("a.png", "--out", "o", "--class", "car"), "--class car: unknown, expected wall, cell"),
        (("a.png", "--out", "o", "--maps", ","), "--maps: none seen"),
        (("a.png", "--out", "o", "--maps", "occlusion"), "Add --class NAME"),
        (("--discriminator",), "no data are named"),
    ],
)
def test_wrong_usage_gives_exit_code_2(run, capsys, options, message):
    assert explain(run, *options) == 2
    assert message in capsys.readouterr().err
