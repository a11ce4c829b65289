"""OpenVINO, imported so that it tells nobody, and opened once."""

import functools
import sys
import threading
from typing import Any

from segan.errors import UsageError

# So that threads which open their first network at once share a core too.
_OPENING = threading.Lock()


def import_openvino(where: str) -> Any:
    """Import OpenVINO.

    Args:
        where: What the user asked for, for the message.

    Raises:
        UsageError: It is not installed.
    """
    forbid_telemetry()
    try:
        import openvino
    except ImportError as error:
        raise UsageError(
            f"{where}: openvino is not installed, expected it. Run pip install 'segan[openvino]', or use another one."
        ) from error
    return openvino


def shared_core() -> Any:
    """Give the one `openvino.Core` of this process, once `import_openvino` has found it.

    Where it first compiles, a core gives the thread a stack for signals. When it goes it frees that stack, also where
    the thread still uses it: another core came later and went earlier, or it goes in another thread. The next signal,
    Ctrl-C for one, would then be the end of the process. This one stays.
    """
    with _OPENING:
        return _open_core()


@functools.cache
def _open_core() -> Any:
    import openvino

    return openvino.Core()


def forbid_telemetry() -> None:
    """Keep OpenVINO and NNCF from reporting their use over the network.

    Both send an event with each import, in a process that they fork, unless the user has refused it in a file. They go
    without where the package that sends is not there.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # `None` makes its import fail.
