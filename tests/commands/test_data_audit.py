"""`segan data audit` from the outside: table, JSON, exit codes, runs."""

import json
from pathlib import Path

import pytest

from segan.cli import run
from segan.data.drawing import draw_dataset

TINY = [
    "generator.weights=none",
    "generator.options={encoder_depth: 3, decoder_channels: [16, 8, 8]}",
    "preprocessing=[{name: resize, mode: crop, height: 48, width: 48}, {name: normalize}]",
    "discriminator.channels=4",
    "training.batch_size=2",
    "training.steps=12",
    "training.lr_warmup_steps=0",
    "training.ema_decay=0",
]
SETS = [word for item in TINY for word in ("--set", item)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "data"
    draw_dataset(folder, train=8, val=2, test=2, size=(64, 64), seed=1)
    return folder


def test_a_treatment_that_passes(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "audit", "--data", str(data), *SETS]) == 0
    shown = capsys.readouterr().out
    assert "values inside regions" in shown
    assert "0.500" in shown
    assert shown.splitlines()[-1].startswith("audit of real masks (matched): no leak in values, edges, border")
    assert shown.rstrip().endswith("8 samples, stand-ins for predictions")


def test_a_leak_gives_exit_code_1_and_one_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "audit", "--data", str(data), *SETS, "--set", "loss.real_masks=onehot"]) == 1
    shown = capsys.readouterr()
    assert "leak" in shown.out
    assert len(shown.err.splitlines()) == 1
    assert shown.err.startswith("error: loss.real_masks=onehot: leaks seen in values, edges, border, expected none")
    assert "use --set loss.real_masks=matched" in shown.err


def test_json_and_a_shipped_config(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "data",
        "audit",
        "demo",
        "--data",
        str(data),
        "--set",
        "loss.real_masks=smooth",
        "--samples",
        "6",
        "--json",
    ]
    assert run(words) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["samples"] == 6
    assert facts["passed"] is False
    assert facts["edges"]["verdict"] == "leak"


def test_two_plain_folders(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = ["--images", str(data / "images/train"), "--masks", str(data / "masks/train")]
    assert run(["data", "audit", *folders, *SETS, "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("audit of real masks (matched): no leak in ")


@pytest.mark.slow
def test_a_run_is_asked_with_its_own_model_and_data(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(["train", "--data", str(data), "--out", str(out), "--device", "cpu", "--quiet", *SETS]) == 0
    capsys.readouterr()
    assert run(["data", "audit", str(out), "--device", "cpu", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["source"] == "predictions of the model"
    assert facts["samples"] == 8
    assert run(["data", "audit", str(out), "--device", "cpu", "--quiet", "--set", "loss.real_masks=onehot"]) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "x", "--images", "y"], "--data and --images/--masks are both given"),
        ([], "no data are named: seen none, expected --data DIR"),
        (["demmo"], "demmo"),
    ],
)
def test_unclear_input(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "audit", *words]) == 2
    assert message in capsys.readouterr().err
