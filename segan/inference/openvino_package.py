"""OpenVINO, imported so that it tells nobody."""

import sys
from typing import Any

from segan.errors import UsageError


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


def forbid_telemetry() -> None:
    """Keep OpenVINO and NNCF from reporting their use over the network.

    Both send an event with each import, in a process that they fork, unless the user has refused it in a file. They go
    without where the package that sends is not there.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # `None` makes its import fail.
