"""A process for each cell: its crash ends nothing else, its memory is its own, and it never outlives its parent."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import segan
from segan.training.signals import StopRequest

_LOOK_EVERY_S = 0.3


def run_child(
    words: Sequence[str],
    log: Path,
    *,
    stop: StopRequest,
    is_over: Callable[[], bool],
    tick: Callable[[], None],
    keep_open: Sequence[int] = (),
) -> int:
    """Run a segan command in a process of its own and wait for it.

    It leads a session of its own, so that Ctrl-C reaches it once, through the parent. Its standard input is a pipe
    that closes when the parent dies: `end_with_parent` watches it.

    Args:
        words: After `segan`.
        log: File that its output is appended to.
        stop: Once it is set, the process is asked to save and end.
        is_over: Likewise, once it tells so.
        tick: Called a few times a second.
        keep_open: File descriptors that the process holds as long as it lives, such as a lock.

    Returns:
        Its exit code; minus the signal's number where a signal killed it.
    """
    # -P: a folder called `segan` where the user stands must not take the package's place.
    command = [sys.executable, "-P", "-m", "segan", *words]
    package = str(Path(segan.__file__).parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            env=environment,
            start_new_session=True,
            pass_fds=tuple(keep_open),
        )
        asked = False
        try:
            while True:
                try:
                    return process.wait(_LOOK_EVERY_S)
                except subprocess.TimeoutExpired:
                    tick()
                if not asked and (stop or is_over()):
                    process.send_signal(signal.SIGTERM)
                    asked = True
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            assert process.stdin is not None
            process.stdin.close()


def end_with_parent() -> None:
    """Save and end this process when the one that started it through `run_child` is gone."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def describe_exit(code: int, log: Path, start: int = 0) -> str:
    """Say in a line how a process ended, with its last words.

    Args:
        code: From `run_child`.
        log: Its output.
        start: Size of `log` in bytes before it: what processes of before have said does not count.
    """
    if code < 0:
        name = signal.Signals(-code).name
        hint = ", as when memory runs out" if -code == signal.SIGKILL else ""
        return f"killed by {name}{hint}; see {log}"
    lines = log.read_bytes()[start:].decode("utf-8", "replace").splitlines() if log.exists() else []
    errors = [line for line in lines if line.startswith("error: ")]
    last = (errors or [line for line in lines if line.strip()] or ["no output"])[-1]
    return f"exit code {code}: {last.removeprefix('error: ').strip()}; see {log}"
