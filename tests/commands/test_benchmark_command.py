import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from segan import cli
from segan.data.drawing import draw_dataset
from segan.errors import SeganError
from segan.experiments.perform import perform_cell
from segan.experiments.runner import read_cell
from segan.inference.segmenter import Prediction
from segan.training.display import Display

TINY = {
    "preprocessing": [{"name": "resize", "mode": "crop", "height": 32, "width": 32}, {"name": "normalize"}],
    "generator.encoder": "mobilenet_v2",
    "generator.weights": "none",
    "generator.options": {"encoder_depth": 3, "decoder_channels": [16, 8, 8]},
    "discriminator.channels": 4,
    "discriminator.depth": 2,
    "training.steps": 3,
    "training.batch_size": 2,
    "training.log_every_steps": 1,
    "training.validate_every_steps": 100,
}
DRAWN = {"train": 4, "val": 1, "test": 3, "size": [48, 48]}
FPN = {
    "generator.architecture": "fpn",
    "generator.options": {"decoder_pyramid_channels": 32, "decoder_segmentation_channels": 32},
}


def write_file(folder, **changes):
    path = folder / "toy.yaml"
    tree = {"datasets": {"toy": {"drawn": DRAWN}}, "set": TINY, "methods": {"unet": {}}, **changes}
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return path


def benchmark(*words):
    return cli.run(["benchmark", *map(str, words)])


@pytest.fixture
def in_process(monkeypatch):
    """Run cells in this process; gives the list of those that ran."""
    ran = []

    def run_child(words, log, **options):
        folder = Path(words[words.index("--cell") + 1])
        ran.append(folder.relative_to(folder.parents[2]).as_posix())
        try:
            perform_cell(read_cell(folder), folder, device="cpu", display=Display(quiet=True))
        except SeganError as error:
            log.write_text(f"error: {error}\n")
            return error.exit_code
        return 0

    monkeypatch.setattr("segan.experiments.execute.run_child", run_child)
    return ran


class Guess:
    """A baseline: one class everywhere."""

    def __init__(self, labels, seed):
        self.labels, self.sixteen_bit, self.fit_s, self.seed = labels, "percentile", 6.0, seed
        self.images, self.settings = 4, {}

    def predict(self, image, *, probabilities=False):
        return Prediction(np.full(image.shape[:2], self.seed, np.uint8), 1.0)


@pytest.fixture
def baselines(monkeypatch):
    def fit_baseline(name, samples, labels, *, seed, max_images=None, sixteen_bit="percentile"):
        assert (name, len(samples)) == ("guess", 4)
        if max_images == 9:
            raise SeganError("9 images are too many")
        return Guess(labels, seed)

    monkeypatch.setattr("segan.experiments.cells.BASELINES", {"guess": Guess})
    monkeypatch.setattr("segan.experiments.perform.fit_baseline", fit_baseline)


def test_from_file_to_table_and_again(tmp_path, in_process, baselines, capsys):
    methods = {"floor": {"baseline": "guess", "max_images": 2, "seeds": [0]}, "unet": {}}
    path, out = write_file(tmp_path, methods=methods), tmp_path / "out"
    assert benchmark(path, "--out", out, "--only", "*/floor/*", "--quiet") == 0
    assert in_process == ["toy/floor/seed_0"]
    assert "1 of 3 cells" in capsys.readouterr().out
    assert benchmark(path, "--out", out) == 0
    assert in_process == ["toy/floor/seed_0", "toy/unet-pixel/seed_0", "toy/unet-adversarial/seed_0"]
    shown = capsys.readouterr()
    assert "3 of 3 cells" in shown.out
    assert "1 of 3 cells are done already" in shown.err

    run = out / "runs/toy/unet-adversarial/seed_0/run"
    assert (run / "model.safetensors").is_file()
    assert not (run / "checkpoints").exists()

    content = json.loads((out / "results.json").read_text())
    floor, pixel, adversarial = content["cells"]
    assert (floor["mode"], floor["training_minutes"], floor["parameters"]) == ("baseline", 0.1, None)
    assert (pixel["steps"], pixel["encoder"], pixel["macs_image"]) == (3, "mobilenet_v2", "48x48")
    assert adversarial["parameters"] == pixel["parameters"] > 1e6
    assert all(cell["mean_iou_low"] <= cell["mean_iou"] <= cell["mean_iou_high"] for cell in content["cells"])
    scores = json.loads((out / "runs/toy/unet-pixel/seed_0/evaluation/metrics.json").read_text())
    assert (scores["mean_iou"], scores["images"], scores["split"]) == (pixel["mean_iou"], 3, "test")
    assert (
        cli.run(
            [
                "evaluate",
                str(out / "runs/toy/unet-pixel/seed_0/run"),
                "--data",
                str(out / "data/toy"),
                "--json",
                "--metrics",
                "boundary,structure",
            ]
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out) == scores

    # Everything is done: nothing runs, and --table gives the same bytes.
    table = (out / "table.md").read_bytes()
    assert benchmark(path, "--out", out, "--quiet") == 0
    assert len(in_process) == 3
    (out / "table.md").unlink()
    capsys.readouterr()
    assert benchmark(path, "--out", out, "--table", "--json") == 0
    assert (out / "table.md").read_bytes() == table
    assert json.loads(capsys.readouterr().out)["table"] == str(out / "table.md")

    # Other settings are told before anything runs; --redo throws the cells away.
    assert benchmark(path, "--out", out, "--set", "training.steps=2", "--quiet") == 2
    assert "config.training.steps: 3 then, 2 now" in capsys.readouterr().err
    words = ("--set", "training.steps=2", "--redo", "--only", "*/unet-pixel/*", "--quiet")
    assert benchmark(path, "--out", out, *words) == 0
    assert in_process[3:] == ["toy/unet-pixel/seed_0"]


def test_a_failed_cell_is_listed_and_gives_3(tmp_path, in_process, baselines, capsys):
    methods = {"bad": {"baseline": "guess", "max_images": 9}, "good": {"baseline": "guess", "max_images": 2}}
    path, out = write_file(tmp_path, methods=methods), tmp_path / "out"
    assert benchmark(path, "--out", out) == 3
    error = capsys.readouterr().err
    assert "1 cells failed, 1 are done, 0 left. Go on with: segan benchmark" in error
    assert "toy/bad/seed_0: exit code 1: 9 images are too many" in error
    assert "toy/bad/seed_0: failed: exit code 1" in (out / "table.md").read_text()


def test_the_time_is_over(tmp_path, in_process, capsys):
    path, out = write_file(tmp_path), tmp_path / "out"
    assert benchmark(path, "--out", out, "--max-hours", "1e-9") == 3
    error = capsys.readouterr().err
    assert "--max-hours is over: 0 cells done, 2 left. Go on with: segan benchmark" in error
    assert in_process == []


def test_a_dry_run_lists_the_cells_and_writes_nothing(tmp_path, capsys):
    budget = {**TINY, "training.max_minutes": 4}
    path, out = write_file(tmp_path, set=budget, seeds=[0, 1]), tmp_path / "out"
    assert benchmark(path, "--out", out, "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "toy/unet-pixel/seed_0: unet mobilenet_v2 pixel, at most 3 steps; about 4 min"
    assert lines[-1] == "4 cells, about 18 min; dry run: nothing was written"
    assert not out.exists()


def test_a_dry_run_measures_what_has_no_budget(tmp_path, capsys):
    path, out = write_file(tmp_path, seeds=[0, 1], modes=["pixel"]), tmp_path / "out"
    assert benchmark(path, "--out", out, "--dry-run", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    first, second = facts["cells"]
    assert first["estimated_s"] == second["estimated_s"] == facts["estimated_s"] / 2 > 0
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "nothing/*"], "--only nothing/*: no cell has such a name, expected one like toy/unet-pixel/seed_0"),
        (["--data", "toy"], "--data toy: seen no NAME=DIR"),
        (["--set", "training.stepz=1"], "training.stepz: unknown key. Did you mean training.steps?"),
        (["--max-hours", "0"], "0.0 is not in the range x>0"),
    ],
)
def test_wrong_use_has_exit_code_2(words, message, tmp_path, capsys):
    assert benchmark(write_file(tmp_path), "--out", tmp_path / "out", *words) == 2
    assert message in capsys.readouterr().err


def test_data_without_a_folder_are_told(tmp_path, in_process, baselines, capsys):
    draw_dataset(tmp_path / "data", train=4, val=1, test=1, size=(48, 48), seed=0)
    path = write_file(tmp_path, datasets={"one": {}, "two": {}}, methods={"floor": {"baseline": "guess"}})
    assert benchmark(path, "--out", tmp_path / "out") == 2
    assert "no folder for one, two, expected one each. Add --data one=DIR --data two=DIR" in capsys.readouterr().err
    here = ("--data", f"one={tmp_path / 'data'}")
    assert benchmark(path, "--out", tmp_path / "data" / "out", *here) == 2
    assert "expected one outside the data" in capsys.readouterr().err
    assert benchmark(path, "--out", tmp_path / "out", *here, "--only", "one/*", "--quiet") == 0
    assert in_process == ["one/floor/seed_0"]


def start(path, out):
    command = [sys.executable, "-m", "segan", "benchmark", str(path), "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(file, process):
    while process.poll() is None and not (file.exists() and file.stat().st_size):
        time.sleep(0.05)
    assert process.poll() is None, process.stdout.read()


@pytest.mark.slow
def test_killed_and_stopped_it_goes_on(tmp_path):
    methods = {"unet": {"seeds": [0, 1]}, "fpn": {"set": FPN}}
    tiny = {**TINY, "training.steps": 60}
    path, out = write_file(tmp_path, methods=methods, set=tiny), tmp_path / "out"
    first = out / "runs/toy/unet-pixel/seed_0"

    # Ctrl-C in the first cell: its process saves, and the exit code tells.
    process = start(path, out)
    wait_for(first / "run/metrics.jsonl", process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "stopped with 0 cells done, 6 left. Go on with: segan benchmark" in output

    # A kill of the parent in a later cell: that cell's process saves and ends by itself.
    process = start(path, out)
    wait_for(out / "runs/toy/unet-adversarial/seed_0/run/metrics.jsonl", process)
    process.kill()
    process.communicate(timeout=60)
    figures = first / "figures.json"
    before = figures.stat().st_mtime_ns
    log = out / "runs/toy/unet-adversarial/seed_0/log.txt"
    while "everything is saved" not in log.read_text():
        time.sleep(0.05)

    # A death of one cell's process does not stop the rest.
    process = start(path, out)
    wait_for(out / "runs/toy/fpn-pixel/seed_0/run/metrics.jsonl", process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 3, output
    assert "toy/fpn-pixel/seed_0: killed by SIGKILL, as when memory runs out" in output
    assert figures.stat().st_mtime_ns == before
    assert "resumed at step" in (first / "log.txt").read_text()
    assert "resumed at step" in log.read_text()

    process = start(path, out)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    content = json.loads((out / "results.json").read_text())
    assert [(cell["steps"], cell["ended"]) for cell in content["cells"]] == [(60, "done")] * 6
    assert [gain["method"] for gain in content["adversarial_minus_pixel"]] == ["unet", "fpn"]
