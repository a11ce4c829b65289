"""The benchmark scripts run, for two steps and on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segan.data.drawing import draw_dataset

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
ENVIRONMENT = {
    **os.environ,
    "DEVICE": "cpu",
    "ONLY": "camvid/unet-*/seed_0",
    "ROUNDS": "1",
    "PYTHON": sys.executable,
    "SEGAN": f"{sys.executable} -m segan",
}


@pytest.mark.slow
def test_gpu_script_takes_two_steps_anywhere(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    draw_dataset(data, train=4, val=1, test=2, size=(96, 96), seed=0)
    command = ["bash", str(BENCHMARKS / "gpu.sh"), str(data), str(out)]
    command += ["--set", "training.steps=2", "--set", "training.batch_size=1", "--set", "data.workers=0"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    cells = json.loads((out / "results.json").read_text())["cells"]
    assert [(cell["mode"], cell["steps"]) for cell in cells] == [("pixel", 2), ("adversarial", 2)]
    speed = json.loads((out / "train_speed_cpu.json").read_text())
    assert speed["speed_over_pix2pix"]["pix2pix loop"] == 1.0


@pytest.mark.slow
def test_baselines_script_writes_a_table_a_dataset(tmp_path: Path) -> None:
    draw_dataset(tmp_path / "demo", train=4, val=1, test=2, size=(64, 64), seed=0)
    command = ["bash", str(BENCHMARKS / "baselines.sh"), str(tmp_path), str(tmp_path / "out")]
    environment = {**ENVIRONMENT, "DATASETS": "demo", "METHODS": "otsu position"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = json.loads((tmp_path / "out" / "demo" / "baselines.json").read_text())
    assert [row["method"] for row in table["methods"]] == ["otsu", "position"]


@pytest.mark.slow
def test_sabotage_script_compares_with_pixel_only(tmp_path: Path) -> None:
    out = tmp_path / "sabotage.json"
    command = [sys.executable, str(BENCHMARKS / "sabotage.py"), "--out", str(out), "--seeds", "0", "--images", "8"]
    command += ["--arms", "swapped labels", "--work", str(tmp_path / "work")]
    small = ["training.steps=4", "training.batch_size=1", "training.warmup_fraction=0.5", "data.workers=0"]
    command += [word for item in small for word in ("--set", item)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    facts = json.loads(out.read_text())
    assert set(facts["arms"]) == {"pixel-only", "swapped labels"}
    assert facts["arms"]["pixel-only"]["minus_pixel_only"] == 0.0
    assert [run["steps"] for run in facts["runs"]] == [4, 4]
    again = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert json.loads(out.read_text())["runs"] == facts["runs"]
