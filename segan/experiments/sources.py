"""The data of a benchmark: drawn where the file says so, and known by the content of its files."""

import hashlib
import json
import shutil
from pathlib import Path

from segan.config import Config
from segan.data.dataset import Dataset
from segan.data.drawing import draw_dataset
from segan.data.folders import walk_files
from segan.data.source import Source
from segan.data.threads import map_in_threads
from segan.errors import DataError, UsageError
from segan.experiments.benchmark_file import BenchmarkFile, DrawnEntry
from segan.files import sha256_hex, write_json
from segan.resources import card_path

_DRAWN = "drawn.json"


def name_drawn(file: BenchmarkFile, out: Path) -> BenchmarkFile:
    """Give each drawn data set its folder below OUT; nothing is written."""
    datasets = {
        name: entry if entry.drawn is None else entry.model_copy(update={"root": str(out / "data" / name)})
        for name, entry in file.datasets.items()
    }
    return file.model_copy(update={"datasets": datasets})


def draw_missing(drawn: DrawnEntry, root: Path, *, redo: bool = False) -> None:
    """Draw a data set, unless it stands there whole: how is written first, its `dataset.yaml` last.

    Args:
        drawn: How.
        root: Its folder.
        redo: Draw again what was drawn otherwise.

    Raises:
        UsageError: The folder holds other files, or was drawn otherwise.
    """
    record, wanted = root / _DRAWN, drawn.model_dump(mode="json")
    before = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else None
    if before == wanted and (root / "dataset.yaml").is_file():
        return
    if before is None and root.is_dir() and any(root.iterdir()):
        raise UsageError(f"{root}: holds files that segan benchmark did not draw, expected none. Choose another --out.")
    if before not in (None, wanted) and not redo:
        raise UsageError(
            f"{root}: drawn with {before}, expected {wanted}. Undo the change, choose another --out, or add --redo."
        )
    if root.is_dir():
        shutil.rmtree(root)
    write_json(record, wanted)
    draw_dataset(root, train=drawn.train, val=drawn.val, test=drawn.test, size=drawn.size, seed=drawn.seed)


def scan_data(config: Config) -> Dataset:
    """Scan the data of a cell, with its division.

    Raises:
        DataError: The folders have problems, or there is no test split to score.
    """
    data = config.data
    source = Source.of_dataset(Path(data.root or "."))
    rule = data.split
    dataset = source.scan(data.card, val=rule.val, test=rule.test, seed=rule.seed)
    if dataset.problems:
        raise DataError(f"{source.shown}: the dataset has problems, expected none. Repair these:", dataset.problems)
    if not dataset.samples["test"]:
        raise DataError(
            f"{source.shown}: no test split seen ({dataset.split_source}), expected one to score. Add images/test and "
            "masks/test, or set data.split.test above 0."
        )
    return dataset


def digest_data(config: Config) -> str:
    """Compute what a data set is known by: a SHA-256 over the names and contents of its files and of its card.

    Raises:
        DataError: A folder cannot be read.
    """
    root = Path(config.data.root or ".")
    files = [path for folder in ("images", "masks") for path in walk_files(root / folder)]
    files += [path for path in [root / "dataset.yaml"] if path.is_file()]
    digests = map_in_threads(lambda path: sha256_hex(path.read_bytes()), files)
    total = hashlib.sha256()
    for path, digest in zip(files, digests, strict=True):
        total.update(f"{path.relative_to(root).as_posix()}\0{digest}\n".encode("utf-8", "surrogateescape"))
    if config.data.card is not None:
        total.update(card_path(config.data.card).read_bytes())
    return total.hexdigest()
