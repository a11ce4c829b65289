"""`segan demo` from the outside, with a training of a few steps."""

import json
from pathlib import Path

import pytest

from segan import cli


@pytest.mark.slow
def test_demo_writes_what_it_promises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    words = ["demo", "--out", str(out), "--set", "training.steps=4", "--set", "training.max_minutes=null"]
    assert cli.run([*words, "--json", "--quiet"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert 0.0 <= facts["mean_iou"] <= 1.0
    assert json.loads((out / "evaluation" / "metrics.json").read_text())["images"] == 40
    assert len(list((out / "predictions" / "masks").glob("*.png"))) == 40
    assert len(list((out / "predictions" / "overlays").glob("*"))) == 40
    assert (out / "run" / "model.safetensors").is_file()
    assert (out / "run" / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")

    # A second demo does not touch the first; with --resume it ends at once and says the same.
    assert cli.run(words) == 2
    assert "is not empty. Choose another folder, or add --resume" in capsys.readouterr().err
    assert cli.run([*words, "--json", "--quiet", "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["mean_iou"] == facts["mean_iou"]
