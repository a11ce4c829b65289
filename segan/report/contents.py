"""What is in the data: sizes of the images and shares of the classes, by split."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segan.data.dataset import Sample
from segan.data.labels import IGNORE, Labels
from segan.data.masks import read_mask
from segan.data.statistics import count_values
from segan.data.threads import map_in_threads
from segan.evaluation.result import Evaluation
from segan.report.model import SplitSummary
from segan.report.text import show_sizes

MaskCount = tuple[tuple[int, int], NDArray[np.int64]]


def summarise_masks(name: str, samples: Sequence[Sample], labels: Labels) -> SplitSummary:
    """Read the masks of a split and count.

    Args:
        name: Of the split.
        samples: Those without a mask are passed over.
        labels: What the masks mean.

    Raises:
        DataError: A mask cannot be read.
    """
    masks = [sample.mask for sample in samples if sample.mask is not None]
    counts = map_in_threads(partial(_count_mask, labels=labels), masks)
    return _summarise(name, counts, len(labels.classes))


def summarise_evaluation(name: str, evaluation: Evaluation) -> SplitSummary:
    """Take the same from the counts of an evaluation, which has read the masks."""
    counts = []
    for image in evaluation.per_image:
        table = np.zeros(256, np.int64)
        table[: len(evaluation.classes)] = image.matrix.sum(axis=1)
        table[IGNORE] = image.size[0] * image.size[1] - table.sum()
        counts.append((image.size, table))
    return _summarise(name, counts, len(evaluation.classes))


def _count_mask(path: Path, labels: Labels) -> MaskCount:
    mask = read_mask(path, labels)
    return (mask.shape[0], mask.shape[1]), count_values(mask)


def _summarise(name: str, counts: Sequence[MaskCount], num_classes: int) -> SplitSummary:
    tables = np.array([table for _, table in counts], np.int64).reshape(-1, 256)
    pixels, ignored = tables[:, :num_classes].sum(axis=0), int(tables[:, IGNORE].sum())
    labelled = int(pixels.sum())
    return SplitSummary(
        name,
        len(counts),
        show_sizes([size for size, _ in counts]),
        tuple((pixels / labelled).tolist()) if labelled else (0.0,) * num_classes,
        tuple((tables[:, :num_classes] > 0).sum(axis=0).tolist()),
        ignored / (labelled + ignored) if labelled + ignored else 0.0,
    )
