"""The command line: fast help, exit codes, one line for an error."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from segan import cli
from segan.errors import SeganError, StoppedError


def test_help_lists_every_command_and_answers_at_once() -> None:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "segan", "--help"], capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - start)
    assert all(name in done.stdout for name in cli.COMMANDS)
    assert statistics.median(seconds) < 0.3


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_shows_two_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    context = click.Context(cli.segan)
    command = cli.segan.get_command(context, name)
    assert command is not None
    assert (command.epilog or "").count(f"segan {name}") >= 2
    assert cli.run([name, "--help"]) == 0
    assert "Examples:" in capsys.readouterr().out


def test_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["trian"]) == 2
    assert "No such command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (SeganError("the seal is broken"), 1, "error: the seal is broken"),
        (StoppedError(15, "stopped at step 3"), 143, "stopped at step 3"),
        (StoppedError(2, "stopped at step 3"), 130, "stopped at step 3"),
        (OSError(28, "No space left on device", "runs/a"), 1, "runs/a: No space left on device"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_errors_become_a_line_and_a_code(
    error: BaseException, code: int, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.segan, "main", fail)
    assert cli.run([]) == code
    seen = capsys.readouterr().err
    assert text in seen
    assert "Traceback" not in seen


def test_taken_run_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "run")]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
