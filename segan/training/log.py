"""`metrics.jsonl`: one JSON object a line, exact again after a resume."""

import importlib.util
import json
import math
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from segan.errors import SeganError
from segan.files import write_text_atomically


class MetricsLog:
    """Append lines to `metrics.jsonl`.

    Args:
        path: The file; created if missing.
        keep_until_step: Lines of later steps are dropped first: the resumed run writes them again.
        keep_validation_until_step: The same for lines with `kind: validation`.
        keep_health_until_step: The same for lines with `kind: health`.
        tensorboard: Folder for TensorBoard events beside; `None` for none.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep_until_step: int,
        keep_validation_until_step: int,
        keep_health_until_step: int = 0,
        tensorboard: Path | None = None,
    ) -> None:
        lines = read_metrics(path)
        limits = {"validation": keep_validation_until_step, "health": keep_health_until_step}
        kept = [line for line in lines if line["step"] <= limits.get(line["kind"], keep_until_step)]
        write_text_atomically(path, "".join(json.dumps(line) + "\n" for line in kept))
        self._stream = path.open("a", encoding="utf-8")
        self._events = None if tensorboard is None else _open_events(tensorboard, purge_step=keep_until_step + 1)

    def write(self, kind: str, step: int, values: dict[str, Any]) -> None:
        """Append one line, on the disk's side of the process at once."""
        plain = {name: _finite(value) for name, value in values.items()}
        self._stream.write(json.dumps({"kind": kind, "step": step, **plain}) + "\n")
        self._stream.flush()
        for name, value in plain.items():
            if self._events is not None and isinstance(value, int | float):
                self._events.add_scalar(f"{kind}/{name}", value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.close()
        if self._events is not None:
            self._events.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a log; a last line cut short by a kill is left out."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines


def check_tensorboard() -> None:
    """Make sure that events can be written.

    Raises:
        SeganError: TensorBoard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise SeganError(
            "training.tensorboard: the package tensorboard is not installed, expected the extra `track`. "
            "Run pip install 'segan[track]', or set training.tensorboard=false."
        )


def _open_events(folder: Path, *, purge_step: int) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=purge_step)


def _finite(value: Any) -> Any:
    """Write what JSON has no number for as null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
