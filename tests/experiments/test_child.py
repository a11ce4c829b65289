import os
import signal
import subprocess
import sys
import time

import pytest

from segan.experiments.child import describe_exit, run_child
from segan.training.signals import StopRequest


def run(words, log, **options):
    options = {"stop": StopRequest(), "is_over": lambda: False, "tick": lambda: None, **options}
    return run_child(words, log, **options)


def test_output_and_code_are_kept(tmp_path):
    log = tmp_path / "cell" / "log.txt"
    assert run(["--version"], log) == 0
    code = run(["train", "--nonsense"], log)
    assert code == 2
    text = log.read_text()
    assert text.startswith("segan, version")
    assert describe_exit(code, log).startswith("exit code 2: Error: No such option")
    log.write_text("error: config nonsense: not found. Look.\n  - more\n")
    assert describe_exit(2, log) == f"exit code 2: config nonsense: not found. Look.; see {log}"


def test_the_users_folder_does_not_replace_the_package(tmp_path, monkeypatch):
    (tmp_path / "segan").mkdir()
    (tmp_path / "segan" / "__init__.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    assert run(["--version"], tmp_path / "log.txt") == 0


def test_deaths_are_told(tmp_path):
    log = tmp_path / "log.txt"
    assert describe_exit(-signal.SIGKILL, log) == f"killed by SIGKILL, as when memory runs out; see {log}"
    assert describe_exit(-signal.SIGSEGV, log) == f"killed by SIGSEGV; see {log}"
    assert describe_exit(1, log) == f"exit code 1: no output; see {log}"
    log.write_text("Traceback\nValueError: odd\n\n")
    assert describe_exit(1, log) == f"exit code 1: ValueError: odd; see {log}"


def test_words_of_a_process_before_do_not_count(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("error: stopped at step 10\n")
    start = log.stat().st_size
    log.write_text("error: stopped at step 10\nRuntimeError: CUDA\n")
    assert describe_exit(1, log, start) == f"exit code 1: RuntimeError: CUDA; see {log}"


@pytest.mark.parametrize("reason", ["stop", "is_over"])
def test_it_is_asked_to_end(reason, tmp_path, monkeypatch):
    # `python -c` in the place of `python -P -m segan`: something that waits and saves.
    monkeypatch.setattr(sys, "executable", str(_waiting_program(tmp_path)))
    stop, log = StopRequest(), tmp_path / "log.txt"

    def tick():
        if log.read_text() and reason == "stop":
            stop.note(signal.SIGINT)

    is_over = (lambda: bool(log.read_text())) if reason == "is_over" else (lambda: False)
    assert run([], log, stop=stop, tick=tick, is_over=is_over) == 143
    assert log.read_text() == "ready\nsaved\n"


def _waiting_program(folder):
    path = folder / "program"
    path.write_text("#!/bin/sh\ntrap 'echo saved; exit 143' TERM\necho ready\nwhile :; do sleep 0.05; done\n")
    path.chmod(0o755)
    return path


def test_it_ends_with_its_parent(tmp_path):
    code = (
        "import sys, time; from segan.experiments.child import end_with_parent\n"
        "end_with_parent(); print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.stdin.close()
    assert process.wait(20) == -signal.SIGTERM
    process.stdout.close()


def test_an_error_in_the_parent_takes_the_child_along(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(_waiting_program(tmp_path)))
    began = time.monotonic()
    pids = []
    real = subprocess.Popen

    def popen(*arguments, **options):
        pids.append(real(*arguments, **options))
        return pids[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)

    def tick():
        raise RuntimeError("odd")

    with pytest.raises(RuntimeError, match="odd"):
        run([], tmp_path / "log.txt", tick=tick)
    assert time.monotonic() - began < 10
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0].pid, 0)
