"""An exported model: a folder with the network and, as text, all that prediction needs beside it.

Reading one needs neither torch nor SMP.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from segan import __version__
from segan.data.intensity import SixteenBit
from segan.errors import CheckpointError, UsageError
from segan.files import sha256_hex, write_json

FORMAT = "segan-bundle-1"
BUNDLE_NAME = "bundle.json"

# Files of the network in each kind of bundle, the one that is opened first.
NETWORK_FILES: dict[str, tuple[str, ...]] = {
    "onnx": ("model.onnx",),
    "openvino": ("model.xml", "model.bin"),
    "torch": ("program.safetensors",),
}


@dataclass(frozen=True)
class BundleMeta:
    """What prediction needs beside the network; plain values, stored as JSON.

    Args:
        kind: Key of `NETWORK_FILES`.
        precision: `fp32` or `int8`.
        labels: Classes, colours and mapping, as `segan.data` writes them.
        preprocessing: The chain of steps, a dict each.
        tile_px: Side of the tiles of large images, in pixels.
        overlap: Least overlap of tiles, as a share of the side.
        tta: Views that are averaged, a key of `TTA`.
        min_area_px: Least area of a region by class name, in pixels; smaller ones go to what lies around them.
        sixteen_bit: How 16-bit images become 8-bit.
        model: SHA-256 of the model it was exported from.
        files: SHA-256 of each file of the network, by name.
        segan_version: Version that wrote the bundle.
    """

    kind: str
    precision: str
    labels: dict[str, Any]
    preprocessing: list[dict[str, Any]]
    tile_px: int
    overlap: float
    tta: str
    min_area_px: dict[str, int]
    sixteen_bit: SixteenBit
    model: str
    files: dict[str, str] = field(default_factory=dict)
    segan_version: str = __version__


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files are whole.

    Args:
        folder: Where they lie.
        meta: What prediction needs beside the network.
        identity: SHA-256 of the description, which holds those of all files.
    """

    folder: Path
    meta: BundleMeta
    identity: str

    @property
    def network(self) -> Path:
        """The file of the network that is opened."""
        return self.folder / NETWORK_FILES[self.meta.kind][0]


def is_bundle(model: str | Path) -> bool:
    """Tell whether MODEL names a bundle: its folder, or the description in it."""
    path = Path(model)
    return (path / BUNDLE_NAME).is_file() or (path.name == BUNDLE_NAME and path.is_file())


def write_bundle_file(folder: Path, meta: BundleMeta, files: Mapping[str, bytes | memoryview]) -> None:
    """Write the description of a bundle, with the checksums of its files."""
    sums = {name: sha256_hex(content) for name, content in files.items()}
    write_json(folder / BUNDLE_NAME, {"format": FORMAT, **asdict(meta), "files": sums})


def load_bundle(model: str | Path) -> Bundle:
    """Read the description of a bundle and check that all its files are whole.

    Raises:
        UsageError: There is no bundle.
        CheckpointError: A file is damaged or missing, or the description is not ours or of a later version.
    """
    path = Path(model)
    folder = path.parent if path.name == BUNDLE_NAME else path
    text = _read(folder / BUNDLE_NAME)
    try:
        facts = json.loads(text)
        form = facts.pop("format", None)
        meta = BundleMeta(**facts) if form == FORMAT else None
    except (ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{folder / BUNDLE_NAME}: {error}, expected the description that segan {__version__} writes. "
            "Export the model again."
        ) from error
    if meta is None:
        raise CheckpointError(
            f"{folder / BUNDLE_NAME}: format {form!r}, expected {FORMAT!r}. Export the model again with this segan."
        )
    if meta.kind not in NETWORK_FILES or meta.files.keys() != set(NETWORK_FILES[meta.kind]):
        raise CheckpointError(
            f"{folder / BUNDLE_NAME}: kind {meta.kind!r} with files {', '.join(sorted(meta.files)) or 'none'} seen, "
            f"expected one of {', '.join(NETWORK_FILES)} with its own. Export the model again."
        )
    for name, expected in meta.files.items():
        if sha256_hex(_read(folder / name)) != expected:
            raise CheckpointError(
                f"{folder / name}: the checksum differs from the one in {BUNDLE_NAME}, expected the file as it was "
                "written. Copy the bundle again, or export the model again."
            )
    return Bundle(folder, meta, sha256_hex(text))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"{path}: not found, expected a bundle of `segan export` with all its files. Check the path, or copy the "
            "whole folder."
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}), expected a readable file. Copy it again."
        ) from error
