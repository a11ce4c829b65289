import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from segan import cli
from segan.data.labels import build_labels, dump_labels
from segan.data.masks import read_mask
from segan.inference.model_file import ModelMeta, save_model
from segan.models import build_generator

LABELS = build_labels(["wall", "cell"])


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    options = {"channels": [2, 2, 2, 2, 2]}
    network = build_generator("segnet", "none", num_classes=2, options=options)
    meta = ModelMeta("segnet", "none", options, 0.0, dump_labels(LABELS), [{"name": "normalize"}])
    save_model(tmp_path / "run" / "model.safetensors", network.state_dict(), meta)
    return tmp_path / "run"


@pytest.fixture
def images(tmp_path):
    random = np.random.default_rng(0)
    for name in ("a.png", "sub/b.jpg"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (30, 45, 3), dtype=np.uint8)).save(path)
    return tmp_path / "in"


def predict(model, images, out, *options):
    return cli.run(["predict", str(model), str(images), "--out", str(out), "--device", "cpu", *options])


def test_masks_and_manifest_are_written(model, images, tmp_path, capsys):
    assert predict(model, images, tmp_path / "out", "--overlay", "--probabilities", "--tta", "--tile", "32") == 0
    assert read_mask(tmp_path / "out" / "masks" / "sub" / "b.png", LABELS).shape == (30, 45)
    assert (tmp_path / "out" / "overlays" / "a.png").is_file()
    assert np.load(tmp_path / "out" / "probabilities" / "a.npy").shape == (2, 30, 45)
    text = capsys.readouterr().out
    assert "2 of 2 images" in text
    assert "next: segan evaluate --predictions" in text


def test_outlines_annotations_and_bytes_on_demand(model, images, tmp_path, capsys):
    out = tmp_path / "out"
    assert predict(model, images, out, "--outlines", "--coco", "--eight-bit") == 0
    outlines = json.loads((out / "outlines" / "sub" / "b.geojson").read_bytes())["features"]
    assert sum(feature["properties"]["area_px"] for feature in outlines) == 30 * 45
    annotations = json.loads((out / "annotations.json").read_bytes())
    assert [image["file_name"] for image in annotations["images"]] == [str(images / "a.png"), str(images / "sub/b.jpg")]
    assert sum(annotation["area"] for annotation in annotations["annotations"]) == 2 * 30 * 45
    assert np.load(out / "probabilities" / "a.npy").dtype == np.uint8
    assert predict(model, images, out, "--probabilities") == 0
    assert np.load(out / "probabilities" / "a.npy").dtype == np.float16
    assert not (out / "annotations.json").exists()
    assert not (out / "outlines" / "a.geojson").exists()


def test_nothing_is_written_before_the_place_is_known_to_be_free(model, images, monkeypatch, capsys):
    monkeypatch.setattr("segan.commands.predict.choose_model", lambda *args, **options: pytest.fail("too early"))
    mask = images.parent / "masks" / "a.png"
    mask.parent.mkdir()
    mask.write_bytes(b"true mask")
    assert predict(model, images, images.parent) == 2
    assert "masks holds files that segan did not write" in capsys.readouterr().err
    assert predict(model, images, images / "results") == 2
    assert "expected one outside the data" in capsys.readouterr().err
    assert mask.read_bytes() == b"true mask"
    assert not list(images.parent.rglob(".segan"))


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_compile_is_for_torch(model, images, tmp_path, capsys, backend):
    assert predict(model, images, tmp_path / "out", "--compile", "--backend", backend) == 2
    assert f"--compile: --backend {backend} seen, expected torch" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_small_regions_are_given_away(model, images, tmp_path, capsys):
    assert predict(model, images, tmp_path / "out") == 0
    assert predict(model, images, tmp_path / "out", "--min-area", "all=0", "--min-area", "cell=2000", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["kept"] == 0, "other masks are wanted"
    assert predict(model, images, tmp_path / "out", "--min-area", "x=5") == 2
    assert "class 'x' seen, expected" in capsys.readouterr().err
    assert predict(model, images, tmp_path / "out", "--min-area", "cell=five") == 2
    assert "seen 'cell=five', expected pixels, or a class and pixels" in capsys.readouterr().err


def test_json_is_one_object_and_a_second_run_keeps_all(model, images, tmp_path, capsys):
    assert predict(model, images, tmp_path / "out", "--json", "--quiet") == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 0
    assert predict(model / "model.safetensors", images, tmp_path / "out", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["images"], facts["done"], facts["kept"], facts["failed"]) == (2, 2, 2, [])
    assert predict(model, images, tmp_path / "out", "--json", "--redo") == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 0


def test_a_bad_file_gives_exit_code_3(model, images, tmp_path, capsys):
    (images / "bad.png").write_bytes(b"no")
    assert predict(model, images, tmp_path / "out") == 3
    captured = capsys.readouterr()
    assert "2 of 3 images" in captured.out
    assert "1 of 3 images failed; the others are done:\n  - " in captured.err
    assert "bad.png" in captured.err
    with (tmp_path / "out" / "manifest.csv").open() as stream:
        assert [row["status"] for row in csv.DictReader(stream)] == ["ok", "failed", "ok"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--shard", "3/2"), "seen '3/2', expected a part and the number of parts"),
        (("--shard", "half"), "seen 'half'"),
        (("--backend", "magic"), "'magic' is not one of 'auto', 'torch'"),
        (("--device", "tpu"), "--device tpu: unknown"),
    ],
)
def test_wrong_usage_gives_exit_code_2(model, images, tmp_path, capsys, options, message):
    assert predict(model, images, tmp_path / "out", *options) == 2
    assert message in capsys.readouterr().err


def test_a_missing_model_gives_exit_code_2(images, tmp_path, capsys):
    assert predict(tmp_path / "nothing", images, tmp_path / "out") == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'nothing'}: not found")


def test_a_damaged_model_gives_exit_code_1(model, images, tmp_path, capsys):
    path = model / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert predict(model, images, tmp_path / "out") == 1
    assert "SHA-256" in capsys.readouterr().err
