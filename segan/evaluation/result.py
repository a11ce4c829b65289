"""The result of an evaluation, in memory and as files."""

import csv
import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.errors import DataError, UsageError
from segan.evaluation.counts_file import StoredCounts, pack_counts, unpack_counts
from segan.evaluation.families import FAMILIES
from segan.evaluation.families.confusion import read_margins
from segan.evaluation.family_figures import (
    Column,
    Table,
    build_table,
    nest_columns,
    none_if_nan,
    score_images,
)
from segan.evaluation.intervals import Ends, Intervals, plain_ends, score_intervals
from segan.evaluation.scores import CONVENTION, PerClass, Scores, scores
from segan.evaluation.sums import Sums, map_arrays
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
        background: Index of the class left out of the figures without background; `None`: these do not exist.
        sums: By family beyond the confusion matrix, the sums of each image stacked in the order of `per_image`.
    """

    classes: tuple[str, ...]
    per_image: tuple[ImageCounts, ...]
    split: str = ""
    background: int | None = None
    sums: Mapping[str, Sums] = field(default_factory=dict)

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

    @cached_property
    def stacked(self) -> dict[str, Sums]:
        """The sums of each image by family, the confusion family first, in the order of `per_image`."""
        without = () if self.background is None else (self.background,)
        return {"confusion": read_margins(np.stack([image.matrix for image in self.per_image]), without), **self.sums}

    @cached_property
    def tables(self) -> dict[str, Table]:
        """The figures by family, ready to be computed; images in the order of their names."""
        order = np.array(sorted(range(self.images), key=lambda index: self.per_image[index].name), np.intp)
        return {
            name: build_table(
                FAMILIES[name], map_arrays(sums, lambda array: array[order]), self.classes, self.background
            )
            for name, sums in self.stacked.items()
        }

    @cached_property
    def family_values(self) -> dict[str, dict[Column, float]]:
        """All figures by family; NaN where one does not exist."""
        return {name: table.values() for name, table in self.tables.items()}

    @cached_property
    def family_intervals(self) -> dict[str, dict[Column, Ends]]:
        """Their 95 % intervals over images."""
        return {name: table.intervals() for name, table in self.tables.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the content of `metrics.json`; a score that does not exist is `None`."""
        tables = {name: _plain(getattr(self, name)) for name in ("iou", "dice", "precision", "recall")}
        return {
            "mean_iou": none_if_nan(self.mean_iou),
            **tables,
            "pixel_accuracy": none_if_nan(self.pixel_accuracy),
            "confusion_matrix": self.confusion_matrix.tolist(),
            "images": self.images,
            "split": self.split,
            "classes": list(self.classes),
            "convention": CONVENTION,
            "intervals": self.intervals.to_json(),
            "background": None if self.background is None else self.classes[self.background],
            "families": {name: self._family_json(name) for name in self.stacked},
        }

    def _family_json(self, name: str) -> dict[str, Any]:
        """Return rules, and each figure with its convention, its values and their intervals."""
        values = nest_columns({key: none_if_nan(value) for key, value in self.family_values[name].items()})
        intervals = nest_columns({key: plain_ends(ends) for key, ends in self.family_intervals[name].items()})
        figures = {
            figure: {
                "convention": FAMILIES[name].figures[figure].convention,
                **parts,
                "intervals": intervals[figure],
            }
            for figure, parts in values.items()
        }
        return {"rules": FAMILIES[name].rules, "figures": figures}

    def _by_name(self, values: PerClass) -> dict[str, float]:
        return dict(zip(self.classes, values.tolist(), strict=True))


def write_evaluation(evaluation: Evaluation, out: Path, extra: Mapping[str, Any] | None = None) -> None:
    """Write `counts.npz`, `metrics.json` and `per_image.csv`, each whole or not at all.

    Args:
        evaluation: What to write.
        out: Folder.
        extra: More keys for `metrics.json`.
    """
    write_bytes_atomically(out / COUNTS, _pack(evaluation))
    write_json(out / "metrics.json", {**evaluation.to_json(), **(extra or {})})
    # Names of files need not be UTF-8; their own bytes are kept.
    write_bytes_atomically(out / "per_image.csv", _per_image(evaluation).encode("utf-8", "surrogateescape"))


def _per_image(evaluation: Evaluation) -> str:
    """Write a line for each image, scored by itself: IoU, then the main figures of the other families."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    more = {
        figure: score_images(FAMILIES[name], sums, figure)
        for name, sums in evaluation.sums.items()
        for figure in (*FAMILIES[name].columns.values(), *FAMILIES[name].rows.values())
    }
    iou_names = (f"iou_{name}" for name in evaluation.classes)
    writer.writerow(["image", "height", "width", "mean_iou", "pixel_accuracy", *iou_names, *more])
    for index, image in enumerate(evaluation.per_image):
        own = scores(image.matrix)
        figures = [own.mean_iou, own.pixel_accuracy, *own.iou.tolist(), *(values[index] for values in more.values())]
        writer.writerow([image.name, *image.size, *("" if math.isnan(value) else f"{value:.6f}" for value in figures)])
    return stream.getvalue()


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
    except (
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        IndexError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise DataError(
            f"{path}: damaged or of another version ({error}), expected counts of images. Evaluate again with --out."
        ) from error


def _pack(evaluation: Evaluation) -> bytes:
    images = evaluation.per_image
    matrices = np.stack([image.matrix for image in images])
    names, sizes = tuple(image.name for image in images), np.array([image.size for image in images], np.int64)
    return pack_counts(
        StoredCounts(
            names, sizes, matrices, evaluation.classes, evaluation.split, evaluation.background, evaluation.sums
        )
    )


def _unpack(content: bytes) -> Evaluation:
    stored = unpack_counts(content)
    images = (
        ImageCounts(name, (height, width), matrix)
        for name, (height, width), matrix in zip(stored.names, stored.sizes.tolist(), stored.matrices, strict=True)
    )
    return Evaluation(stored.classes, tuple(images), stored.split, stored.background, stored.sums)


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {name: none_if_nan(value) for name, value in values.items()}
