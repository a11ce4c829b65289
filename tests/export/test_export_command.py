"""`segan export`, as it is typed."""

import json

import pytest
from toy_exports import write_dataset, write_model

from segan.cli import run


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "run")


def export(*words):
    return run(["export", *map(str, words)])


def test_a_checked_bundle_is_told_and_predicts(model, tmp_path, capsys):
    data, out = write_dataset(tmp_path / "data"), tmp_path / "bundle"
    assert export(model, "--format", "onnx", "--out", out, "--check", data) == 0
    told = capsys.readouterr().out
    assert "4 images: masks agree on 100.0000% of the pixels; mean IoU 0." in told
    assert f"next: segan predict {out} IMAGES" in told
    assert run(["predict", str(out), str(data / "images" / "test"), "--out", str(tmp_path / "masks")]) == 0
    assert run(["evaluate", str(out), "--data", str(data), "--quiet"]) == 0


def test_json_holds_the_comparison(model, tmp_path, capsys):
    data = write_dataset(tmp_path / "data")
    assert export(model, "--format", "torch", "--out", tmp_path / "bundle", "--check", data, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["format"] == "torch"
    assert facts["check"]["agreement"] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--int8"], "--int8: seen without --calibrate"),
        (["--calibrate", "."], "--calibrate: seen without --int8"),
        (["--check", "nowhere"], "nowhere: no image found, expected a dataset folder or a folder of images"),
        (["--format", "tflite"], "'tflite' is not one of"),
    ],
)
def test_wrong_usage_gives_exit_code_2(model, tmp_path, capsys, words, message):
    assert export(model, "--format", "onnx", "--out", tmp_path / "bundle", *words) == 2
    assert message in capsys.readouterr().err


def test_a_missing_model_is_told(tmp_path, capsys):
    assert export(tmp_path / "nothing", "--format", "onnx", "--out", tmp_path / "bundle") == 2
    assert "nothing: not found" in capsys.readouterr().err


def test_a_full_disk_is_told(model, tmp_path, capsys, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("segan.export.write.write_network", full)
    assert export(model, "--format", "onnx", "--out", tmp_path / "bundle") == 1
    assert "cannot be written (No space left on device)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
