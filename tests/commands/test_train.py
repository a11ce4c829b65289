"""`segan train` from the outside: files, messages, exit codes, signals."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from segan import cli
from segan.data.drawing import draw_dataset
from segan.tensor_file import read_tensors

TINY = [
    "generator.weights=none",
    "generator.architecture=plain_unet",
    "generator.options={channels: [8, 8, 16]}",
    "preprocessing=[{name: resize, mode: crop, height: 32, width: 32}, {name: normalize}]",
    "discriminator.channels=4",
    "training.batch_size=2",
    "training.steps=6",
    "training.log_every_steps=1",
]


def arguments(data: Path, out: Path, *more: str) -> list[str]:
    sets = [word for item in TINY for word in ("--set", item)]
    return ["train", "--data", str(data), "--out", str(out), "--device", "cpu", *sets, *more]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "data"
    draw_dataset(folder, train=5, val=2, test=2, size=(48, 48), seed=1)
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    assert cli.run(arguments(data, out, "--quiet")) == 0
    return out


def test_run_folder_holds_what_the_contract_names(run: Path) -> None:
    files = ["config.yaml", "dataset.yaml", "split.json", "environment.json", "metrics.jsonl", "model.safetensors"]
    assert all((run / name).is_file() for name in [*files, "last.safetensors", "plots/curves.png"])
    assert list((run / "samples").glob("*.png"))
    assert list((run / "checkpoints").glob("*.safetensors"))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "step"] == [1, 2, 3, 4, 5, 6]
    modes = [line["mode"] for line in lines if line["kind"] == "step"]
    assert modes == ["pixel"] * 2 + ["adversarial"] * 4


def test_model_carries_all_that_prediction_needs(run: Path, data: Path, tmp_path: Path) -> None:
    _, facts, _ = read_tensors(run / "model.safetensors")
    assert {"architecture", "labels", "preprocessing"} <= set(json.dumps(facts).replace('"', " ").split())
    assert cli.run(["evaluate", str(run), "--data", str(data), "--quiet", "--out", str(tmp_path / "scores")]) == 0
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((run / "model.safetensors").read_bytes())
    images = data / "images" / "test"
    assert cli.run(["predict", str(alone), str(images), "--out", str(tmp_path / "masks"), "--quiet"]) == 0
    assert len(list((tmp_path / "masks" / "masks").glob("*.png"))) == 2


def test_two_plain_folders_are_split_by_seed(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = arguments(data, out, "--quiet")
    words[1:3] = ["--images", str(data / "images" / "train"), "--masks", str(data / "masks" / "train")]
    assert cli.run(words) == 0
    splits = json.loads((out / "split.json").read_text())["splits"]
    names = [name for split in ("train", "val", "test") for name in splits[split]]
    assert len(names) == len(set(names)) == 5
    assert all(splits[split] for split in ("train", "val", "test"))


def test_taken_folder_and_changed_config(run: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments(data, run)) == 2
    assert "holds a run already. Add --resume" in capsys.readouterr().err
    assert cli.run(arguments(data, run, "--resume", "--set", "training.batch_size=3")) == 2
    seen = capsys.readouterr().err
    assert "training.batch_size: the run has 2, seen 3" in seen
    assert "Traceback" not in seen


def test_foreign_folder_is_left_alone(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    assert cli.run(arguments(data, tmp_path)) == 2
    assert "is not empty and holds no run" in capsys.readouterr().err
    assert cli.run(arguments(data, tmp_path / "letter.txt")) == 2
    assert "is a file, expected a folder" in capsys.readouterr().err
    assert [item.name for item in tmp_path.iterdir()] == ["letter.txt"]


def test_nothing_is_written_into_the_data(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments(data, data / "run")) == 2
    assert "expected one outside the data" in capsys.readouterr().err
    assert not (data / "run").exists()


def test_unknown_networks_leave_no_run_folder(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    encoder = ["generator.encoder=resnet19", "generator.architecture=unet", "generator.options={}"]
    for keys in (encoder, ["generator.architecture=unett"], ["discriminator.depth=9"]):
        assert cli.run(arguments(data, tmp_path / "run", *(word for key in keys for word in ("--set", key)))) == 2
        assert keys[0].partition("=")[0] in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_a_run_cannot_do_is_told_before_its_folder_is_made(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = shutil.copytree(data, tmp_path / "mixed")
    for folder in ("images", "masks"):
        path = next((mixed / folder / "train").iterdir())
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[:40])
    sizes = ["--set", "preprocessing=[{name: normalize}]"]
    assert cli.run(arguments(mixed, tmp_path / "run", *sizes)) == 2
    assert "training images of 2 sizes (40x48, 48x48, ...), expected one in a batch" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.run(arguments(data, tmp_path / "run", "--set", "training.tensorboard=true")) == 1
    assert "pip install 'segan[track]'" in capsys.readouterr().err
    assert cli.run(arguments(data, tmp_path / "run", "--device", "gpu")) == 2
    assert "--device gpu: unknown" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_all_problems_of_the_data_at_once(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken"
    draw_dataset(broken, train=4, val=1, test=1, size=(48, 48), seed=2)
    images, masks = sorted((broken / "images" / "train").iterdir()), sorted((broken / "masks" / "train").iterdir())
    images[0].write_bytes(images[0].read_bytes()[:200])
    masks[1].unlink()
    cv2.imwrite(str(masks[2]), np.full((48, 48), 77, np.uint8))
    cv2.imwrite(str(masks[3]), np.zeros((40, 48), np.uint8))
    assert cli.run(arguments(broken, tmp_path / "run")) == 2
    seen = capsys.readouterr().err
    for path in (images[0], masks[2], masks[3]):
        assert path.name in seen
    assert images[1].stem in seen
    assert "77" in seen
    assert not (tmp_path / "run").exists()


def test_no_data_and_both_forms(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "--out", str(tmp_path / "run")]) == 2
    assert "no data are named" in capsys.readouterr().err
    assert cli.run(arguments(data, tmp_path / "run", "--images", "a", "--masks", "b")) == 2
    assert "both given" in capsys.readouterr().err


def test_dry_run_writes_nothing(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments(data, tmp_path / "run", "--dry-run", "--max-minutes", "1")) == 0
    seen = capsys.readouterr().err
    assert "estimated" in seen
    assert "judges patches of" in seen
    assert "plan: " in seen
    assert not (tmp_path / "run").exists()


def test_pixel_only_is_the_same_program(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert cli.run(arguments(data, out, "--quiet", "--set", "loss.adversarial_weight=0")) == 0
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert {line["mode"] for line in lines if line["kind"] == "step"} == {"pixel"}


def test_tensorboard_events(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra `track` is not installed")
    out = tmp_path / "run"
    assert cli.run(arguments(data, out, "--quiet", "--set", "training.tensorboard=true")) == 0
    assert list((out / "tensorboard").glob("events.*"))


def test_early_stop(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["training.steps=60", "training.validate_every_steps=1", "training.early_stop_validations=2"]
    more += ["optimizer.generator_lr=1e-9"]
    sets = [word for item in more for word in ("--set", item)]
    assert cli.run(arguments(data, tmp_path / "run", "--quiet", "--json", *sets)) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["ended"] == "early_stop"
    assert facts["step"] < 60


def test_a_loss_that_explodes_is_told(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["optimizer.generator_lr=1e30", "optimizer.gradient_clip=null", "training.lr_warmup_steps=0"]
    sets = [word for item in more for word in ("--set", item)]
    assert cli.run(arguments(data, tmp_path / "run", "--quiet", *sets)) == 1
    assert "start again with another --out and a lower optimizer.generator_lr" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_save_and_exit(data: Path, tmp_path: Path, number: signal.Signals, code: int) -> None:
    out = tmp_path / "run"
    words = arguments(data, out, "--set", "training.steps=100000", "--set", "training.checkpoint_every_s=10000")
    process = subprocess.Popen([sys.executable, "-m", "segan", *words], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out / "metrics.jsonl").exists() or (out / "metrics.jsonl").stat().st_size == 0:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    os.kill(process.pid, number)
    start = time.monotonic()
    _, seen = process.communicate(timeout=30)
    assert process.returncode == code
    assert time.monotonic() - start < 10
    assert "everything is saved. Go on with: segan train --resume --out" in seen
    checkpoint = sorted((out / "checkpoints").glob("*.safetensors"))[-1]
    assert read_tensors(checkpoint)[1]["progress"]["step"] > 0
