"""Bundles made by the way, where a model is to run in another backend: kept, so that each is made once."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from segan import __version__
from segan.errors import SeganError
from segan.export.write import new_folder, write_bundle
from segan.inference.bundle import is_bundle, load_bundle
from segan.inference.segmenter import Segmenter

_KEPT = 8


def cache_folder() -> Path:
    """Name the folder of what can be made again: `SEGAN_CACHE`, or else the user's own cache."""
    own = os.environ.get("SEGAN_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segan"


def cached_bundle(segmenter: Segmenter, kind: str, say: Callable[[str], None]) -> Path:
    """Export a model unless that was done before.

    Args:
        segmenter: A model that torch runs, from a file.
        kind: `onnx` or `openvino`.
        say: Called with what is being done.

    Returns:
        The folder of the bundle; the bundles used last are kept.

    Raises:
        UsageError: What writes that kind is not installed.
        SeganError: The network cannot be exported, or the cache cannot be written.
    """
    root = cache_folder() / "bundles"
    place = root / f"{segmenter.identity[:24]}-{kind}-{__version__}"
    try:
        with _alone(root):
            if not _is_whole(place):
                say(f"writing the network for {kind}, once: {place}")
                shutil.rmtree(place, ignore_errors=True)
                with new_folder(place) as folder:
                    write_bundle(segmenter, folder, kind)
            os.utime(place)
            _prune(root)
    except OSError as error:
        raise SeganError(
            f"{root}: cannot be written ({error.strerror or error}), expected free space and the right to write. Set "
            "SEGAN_CACHE to another folder, or use --backend torch."
        ) from error
    return place


def _is_whole(place: Path) -> bool:
    try:
        return is_bundle(place) and bool(load_bundle(place).identity)
    except SeganError:
        return False


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Let others that make bundles wait."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prune(root: Path) -> None:
    bundles = sorted((path for path in root.iterdir() if is_bundle(path)), key=lambda path: path.stat().st_mtime)
    for path in bundles[:-_KEPT]:
        shutil.rmtree(path, ignore_errors=True)
