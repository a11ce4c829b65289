"""Write a bundle whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from segan.data.labels import dump_labels
from segan.errors import UsageError
from segan.export.networks import write_network
from segan.files import flush_folder
from segan.inference.bundle import BUNDLE_NAME, NETWORK_FILES, BundleMeta, is_bundle, write_bundle_file
from segan.inference.segmenter import Segmenter
from segan.inference.torch_engine import torch_engine


def write_bundle(
    segmenter: Segmenter, folder: Path, kind: str, *, quantize: Callable[[Path], None] | None = None
) -> None:
    """Write the files of a bundle into an empty folder.

    Args:
        segmenter: A model that torch runs.
        folder: Takes the files.
        kind: `onnx`, `openvino` or `torch`.
        quantize: Turns the network's file into one of 8-bit integers, in place; `None`: it stays float32.

    Raises:
        UsageError: What writes that kind is not installed.
        SeganError: The network cannot be written so.
        OSError: The disk is full.
    """
    write_network(kind, torch_engine(segmenter).network, folder)
    if quantize is not None:
        quantize(folder / NETWORK_FILES[kind][0])
    areas = dict(zip(segmenter.labels.classes, segmenter.min_area_px, strict=True)) if segmenter.min_area_px else {}
    meta = BundleMeta(
        kind=kind,
        precision="fp32" if quantize is None else "int8",
        labels=dump_labels(segmenter.labels),
        preprocessing=segmenter.chain.to_list(),
        tile_px=segmenter.tile_px,
        overlap=segmenter.overlap,
        tta=segmenter.tta,
        min_area_px=areas,
        sixteen_bit=segmenter.sixteen_bit,
        model=segmenter.identity,
    )
    write_bundle_file(folder, meta, {name: (folder / name).read_bytes() for name in NETWORK_FILES[kind]})


def check_place(out: Path) -> None:
    """Refuse a place that holds anything but a bundle.

    Raises:
        UsageError: There is a file, or a folder with other files.
    """
    if not out.exists():
        return
    ours = {BUNDLE_NAME, *(name for names in NETWORK_FILES.values() for name in names)}
    if out.is_dir() and not (is_bundle(out) or not any(out.iterdir())):
        found = next(iter(out.iterdir())).name
    elif out.is_dir():
        found = next((path.name for path in out.iterdir() if path.name not in ours), "")
    else:
        found = "a file"
    if found:
        raise UsageError(
            f"--out {out}: {found} seen, expected a new or empty folder, or a bundle to replace. Choose another --out."
        )


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` that takes its name at the end, in the place of a bundle that was there.

    The old bundle has another name for a moment and goes last, so that a kill leaves one of the two whole.

    Raises:
        UsageError: `out` holds anything but a bundle.
        OSError: The folder cannot be written.
    """
    check_place(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        yield folder
        for path in (*folder.iterdir(), folder):
            _flush(path)
        folder.chmod(0o755)
        check_place(out)
        if out.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent)) / out.name
            out.rename(old)
            folder.rename(out)
            shutil.rmtree(old.parent, ignore_errors=True)
        else:
            folder.rename(out)
        flush_folder(out.parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
