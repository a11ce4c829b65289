"""The result of an evaluation, in memory and as files."""

import csv
import io
import math
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.errors import DataError, UsageError
from segan.evaluation.intervals import Intervals, score_intervals
from segan.evaluation.scores import CONVENTION, PerClass, Scores, scores
from segan.files import write_bytes_atomically, write_json

COUNTS = "counts.npz"


@dataclass(frozen=True)
class ImageCounts:
    """Counts of one image.

    Args:
        name: Of the sample.
        size: Height and width in pixels.
        matrix: `int64 [K, K]`, rows are true classes.
    """

    name: str
    size: tuple[int, int]
    matrix: NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """Scores over a split and for each image; the attributes are those of `metrics.json`.

    Args:
        classes: Names, in order of the index.
        per_image: Counts of each image.
        split: Name of the split; empty where there is none.
    """

    classes: tuple[str, ...]
    per_image: tuple[ImageCounts, ...]
    split: str = ""

    @cached_property
    def confusion_matrix(self) -> NDArray[np.int64]:
        """Counts over all images, `int64 [K, K]`; rows are true classes."""
        count = len(self.classes)
        return sum((image.matrix for image in self.per_image), np.zeros((count, count), np.int64))

    @cached_property
    def scores(self) -> Scores:
        """All scores, computed from the pooled counts."""
        return scores(self.confusion_matrix)

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.per_image)

    @property
    def mean_iou(self) -> float:
        """Macro mean of the classes' IoU, in [0, 1]; NaN where no pixel is labelled."""
        return self.scores.mean_iou

    @property
    def pixel_accuracy(self) -> float:
        """Share of labelled pixels with the true class, in [0, 1]."""
        return self.scores.pixel_accuracy

    @property
    def iou(self) -> dict[str, float]:
        """IoU of each class by name; NaN where a class is absent."""
        return self._by_name(self.scores.iou)

    @property
    def dice(self) -> dict[str, float]:
        """Dice of each class by name."""
        return self._by_name(self.scores.dice)

    @property
    def precision(self) -> dict[str, float]:
        """Precision of each class by name."""
        return self._by_name(self.scores.precision)

    @property
    def recall(self) -> dict[str, float]:
        """Recall of each class by name."""
        return self._by_name(self.scores.recall)

    @cached_property
    def intervals(self) -> Intervals:
        """95 % intervals of the scores over images; the order of the images plays no part."""
        images = sorted(self.per_image, key=lambda image: image.name)
        return score_intervals(np.stack([image.matrix for image in images]), self.classes)

    def to_json(self) -> dict[str, Any]:
        """Return the content of `metrics.json`; a score that does not exist is `None`."""
        tables = {name: _plain(getattr(self, name)) for name in ("iou", "dice", "precision", "recall")}
        return {
            "mean_iou": _or_none(self.mean_iou),
            **tables,
            "pixel_accuracy": _or_none(self.pixel_accuracy),
            "confusion_matrix": self.confusion_matrix.tolist(),
            "images": self.images,
            "split": self.split,
            "classes": list(self.classes),
            "convention": CONVENTION,
            "intervals": self.intervals.to_json(),
        }

    def _by_name(self, values: PerClass) -> dict[str, float]:
        return dict(zip(self.classes, values.tolist(), strict=True))


def write_evaluation(evaluation: Evaluation, out: Path) -> None:
    """Write `counts.npz`, `metrics.json` and `per_image.csv`, each whole or not at all."""
    write_bytes_atomically(out / COUNTS, _pack(evaluation))
    write_json(out / "metrics.json", evaluation.to_json())
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["image", "height", "width", "mean_iou", "pixel_accuracy", *(f"iou_{name}" for name in evaluation.classes)]
    )
    for image in evaluation.per_image:
        own = scores(image.matrix)
        figures = [own.mean_iou, own.pixel_accuracy, *own.iou.tolist()]
        writer.writerow([image.name, *image.size, *("" if math.isnan(value) else f"{value:.6f}" for value in figures)])
    # Names of files need not be UTF-8; their own bytes are kept.
    write_bytes_atomically(out / "per_image.csv", stream.getvalue().encode("utf-8", "surrogateescape"))


def read_evaluation(place: Path) -> Evaluation:
    """Read an evaluation back, exactly, from the counts that `write_evaluation` keeps.

    Args:
        place: The folder, or a file of it such as `metrics.json`.

    Raises:
        UsageError: There is no such folder, or it holds no counts.
        DataError: The file is damaged.
    """
    path = (place if place.is_dir() else place.parent) / COUNTS
    if not place.exists():
        raise UsageError(f"{place}: not found, expected the folder that segan evaluate --out wrote. Check the path.")
    if not path.is_file():
        raise UsageError(
            f"{place}: no {COUNTS} seen, expected the counts of each image, which segan evaluate --out writes. "
            "Evaluate again with --out."
        )
    try:
        return _unpack(path.read_bytes())
    # What NumPy raises depends on where the file is damaged; the checksums of the archive see to the rest.
    except (ValueError, KeyError, EOFError, IndexError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged ({error}), expected counts of images. Evaluate again with --out.") from error


def _pack(evaluation: Evaluation) -> bytes:
    """Write the counts as a compressed archive of NumPy arrays, which `numpy.load` reads without pickle."""
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        allow_pickle=False,
        images=np.array([image.name for image in evaluation.per_image], np.str_),
        sizes=np.array([image.size for image in evaluation.per_image], np.int64),
        matrices=np.stack([image.matrix for image in evaluation.per_image]),
        classes=np.array(evaluation.classes, np.str_),
        split=np.array(evaluation.split, np.str_),
    )
    return stream.getvalue()


def _unpack(content: bytes) -> Evaluation:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        names, classes = arrays["images"].tolist(), tuple(arrays["classes"].tolist())
        sizes, matrices, split = arrays["sizes"], arrays["matrices"], str(arrays["split"])
    expected = (len(names), len(classes), len(classes))
    if matrices.shape != expected or sizes.shape != (len(names), 2) or matrices.dtype != np.int64 or not names:
        raise ValueError(f"counts {matrices.dtype} {matrices.shape}, expected int64 {expected} for the names")
    images = (
        ImageCounts(name, (height, width), matrix)
        for name, (height, width), matrix in zip(names, sizes.tolist(), matrices, strict=True)
    )
    return Evaluation(classes, tuple(images), split)


def _or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else value


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {name: _or_none(value) for name, value in values.items()}
