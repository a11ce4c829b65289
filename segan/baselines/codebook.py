"""Clusters of descriptors over all training images, each with its most frequent class."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.baselines.matching import assign_majority, score_assignment

Rows = NDArray[np.float32]

# Values that are tried on the training images.
CLUSTERS = (4, 16, 64, 256)
PLACE_WEIGHTS = (0.0, 0.3, 1.0)
_PLACE_COLUMNS = 2  # The last columns of a descriptor.
_CLUSTERED_ROWS = 20_000
_BLOCK_ROWS = 1 << 16
_ROUNDS = 30


class Table(NamedTuple):
    """What is known of the segments of one image.

    Args:
        descriptors: `float32 [N, D]`; the last two columns are the place.
        counts: Labelled pixels of each segment by class, `int64 [N, K]`.
    """

    descriptors: Rows
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Codebook:
    """Centres of clusters.

    Args:
        centres: `float32 [C, D]`, with the weight of places.
        classes: Class of each, `uint8 [C]`.
        shares: Share of the training pixels that have this class, `[C]`.
        place_weight: What the places are multiplied with before they are compared.
    """

    centres: Rows
    classes: NDArray[np.uint8]
    shares: NDArray[np.float64]
    place_weight: float

    def find(self, descriptors: Rows) -> NDArray[np.intp]:
        """Find the nearest centre of each row, `[N]`."""
        return find_nearest(_weigh(descriptors, self.place_weight), self.centres)


def choose_codebook(tables: Sequence[Table], seed: int) -> tuple[Codebook, dict[str, Any], float]:
    """Try numbers of clusters and weights of places on halves of the images, then build the best from all.

    Args:
        tables: One an image; those without labelled pixels are left out.
        seed: Of the first centres.

    Returns:
        The clusters, the settings, and their mean IoU on the half that was not clustered.
    """
    tables = [table for table in tables if table.counts.any()]
    half, other = (tables[0::2], tables[1::2]) if len(tables) > 1 else (tables, tables)
    unseen = _join(other)
    grid = list(itertools.product(PLACE_WEIGHTS, CLUSTERS))
    scores = [_score(build_codebook(half, weight, clusters, seed), unseen) for weight, clusters in grid]
    best = max(range(len(grid)), key=lambda index: scores[index])
    weight, clusters = grid[best]
    settings = {"place_weight": weight, "clusters": clusters}
    return build_codebook(tables, weight, clusters, seed), settings, scores[best]


def build_codebook(tables: Sequence[Table], place_weight: float, clusters: int, seed: int) -> Codebook:
    """Cluster the descriptors of all images and give each cluster its most frequent class.

    Args:
        tables: One an image.
        place_weight: Weight of the place against the other columns.
        clusters: Centres; fewer where there are fewer rows.
        seed: Of the first centres and of the rows that are drawn where there are more than 20,000.
    """
    joined = _join(tables)
    rows = _weigh(joined.descriptors, place_weight)
    centres = cluster_rows(rows, clusters, seed)
    counts = np.zeros((len(centres), joined.counts.shape[1]), np.int64)
    np.add.at(counts, find_nearest(rows, centres), joined.counts)
    found = assign_majority(counts)
    return Codebook(centres, found.classes, found.shares, place_weight)


def cluster_rows(rows: Rows, clusters: int, seed: int) -> Rows:
    """Find centres by k-means; where there are not more rows than clusters, each is one.

    Source:
        Lloyd 1982, "Least squares quantization in PCM"; first centres by Arthur & Vassilvitskii 2007, "k-means++".
    """
    if len(rows) <= clusters:
        return rows
    if len(rows) > _CLUSTERED_ROWS:
        rows = rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:_CLUSTERED_ROWS])]
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, _ROUNDS, 1e-3)
    cv2.setRNGSeed(seed % (1 << 31))
    _, _, centres = cv2.kmeans(rows, clusters, None, criteria, 1, cv2.KMEANS_PP_CENTERS)
    return np.asarray(centres, np.float32)


def find_nearest(rows: Rows, centres: Rows) -> NDArray[np.intp]:
    """Find the nearest centre of each row by squared distance; the first of equal ones.

    >>> find_nearest(np.array([[0.0], [3.0]], np.float32), np.array([[4.0], [1.0]], np.float32)).tolist()
    [1, 0]
    """
    nearest = np.empty(len(rows), np.intp)
    lengths = 0.5 * (centres**2).sum(axis=1)
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        # |x - c|^2 = |x|^2 - 2 (x c - |c|^2 / 2)
        nearest[block] = (rows[block] @ centres.T - lengths).argmax(axis=1)
    return nearest


def _join(tables: Sequence[Table]) -> Table:
    return Table(*(np.concatenate(parts) for parts in zip(*tables, strict=True)))


def _score(codebook: Codebook, table: Table) -> float:
    return score_assignment(table.counts, codebook.classes[codebook.find(table.descriptors)])


def _weigh(descriptors: Rows, place_weight: float) -> Rows:
    weights = np.ones(descriptors.shape[1], np.float32)
    weights[-_PLACE_COLUMNS:] = place_weight
    return descriptors * weights
