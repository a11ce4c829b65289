"""The benchmark of evaluation speed runs, on small masks."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).parent.parent.parent / "benchmarks" / "evaluate_speed.py"


@pytest.mark.slow
def test_all_ways_are_measured(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for index in range(3):
        mask = np.zeros((32, 32), np.uint8)
        mask[8 : 20 + index, 8:24] = 1
        Image.fromarray(mask).save(tmp_path / "masks" / f"{index}.png")
    command = [sys.executable, str(SCRIPT), str(tmp_path / "masks"), "--rounds", "1", "--out", str(tmp_path / "a.json")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "a.json").read_text())
    assert all(value > 0 for value in result["images_per_s"].values())
    assert (result["images"], result["rounds"]) == (3, 1)
