"""Read what a run folder says about its run."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from segan.data.source import Source
from segan.errors import DataError, UsageError
from segan.files import sha256_hex
from segan.training.log import read_metrics
from segan.training.run_folder import RunFolder


@dataclass(frozen=True)
class RunRecord:
    """The record of a run.

    Args:
        root: The folder.
        config: Content of `config.yaml`, as it was written.
        digest: SHA-256 of that file.
        environment: A part for each start and resume.
        lines: Of `metrics.jsonl`.
        splits: Names of the samples of each split.
        split_source: How the splits came to be.
        discriminator: Content of `discriminator.json`, the quality of the discriminator; empty where it is missing.
    """

    root: Path
    config: dict[str, Any]
    digest: str
    environment: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    splits: dict[str, list[str]]
    split_source: str
    discriminator: dict[str, Any]

    def section(self, name: str) -> dict[str, Any]:
        """Give a section of the config; empty where it is missing."""
        found = self.config.get(name)
        return found if isinstance(found, dict) else {}


def is_run(folder: Path) -> bool:
    """Tell whether a folder holds a run."""
    return RunFolder(folder).config.is_file()


def read_run(root: Path) -> RunRecord:
    """Read the files that a training leaves; those that are missing count as empty.

    Raises:
        UsageError: The folder holds no run.
        DataError: A file is damaged.
    """
    folder = RunFolder(root)
    if not is_run(root):
        raise UsageError(
            f"{root}: no {folder.config.name} seen, expected a run folder of segan train or the folder of "
            "segan evaluate --out. Check the path."
        )
    split = _read_json(folder.split, {})
    return RunRecord(
        root,
        _read_config(folder.config),
        sha256_hex(folder.config.read_bytes()),
        _read_json(folder.environment, []),
        read_metrics(folder.metrics),
        {name: list(names) for name, names in split.get("splits", {}).items()},
        str(split.get("source", "")),
        _read_json(root / "discriminator.json", {}),
    )


def find_source(record: RunRecord, named: Path | None = None) -> Source:
    """Find the data that a run is scored on.

    Args:
        record: Of the run.
        named: Dataset folder; `None`: the data that the run was trained on.

    Raises:
        UsageError: The config names none, or they are not there.
    """
    if named is not None:
        return Source.of_dataset(named)
    data = record.section("data")
    root, images, masks = (Path(data[key]) if data.get(key) else None for key in ("root", "images", "masks"))
    place = root or images
    if place is None or not place.is_dir():
        seen = f"{place}, which is not here," if place else "none"
        raise UsageError(
            f"{record.root / 'config.yaml'}: data {seen} seen, expected the folder that the run was trained on. "
            "Name it with --data DIR."
        )
    return Source.choose(root, images, masks)


def read_discriminator(path: Path) -> dict[str, Any]:
    """Read the quality of a discriminator.

    Raises:
        UsageError: There is no such file.
        DataError: It is damaged.
    """
    if not path.is_file():
        raise UsageError(f"--discriminator {path}: not found, expected a discriminator.json. Check the path.")
    tree: dict[str, Any] = _read_json(path, {})
    return tree


def _read_config(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(
            f"{path}: damaged ({' '.join(str(error).split())}), expected YAML. Restore the file."
        ) from error
    if not isinstance(tree, dict):
        raise DataError(f"{path}: {type(tree).__name__} seen, expected keys and values. Restore the file.")
    return tree


def _read_json(path: Path, missing: Any) -> Any:
    """Read a file of a run, of the same kind as what stands for a missing one."""
    if not path.is_file():
        return missing
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error}), expected JSON. Restore the file.") from error
    if not isinstance(value, type(missing)):
        raise DataError(f"{path}: {type(value).__name__} seen, expected a {type(missing).__name__}. Restore the file.")
    return value
