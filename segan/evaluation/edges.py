"""Edges of classes and the distances between those of a prediction and of the truth, shared by all edge metrics.

Convention: an edge pixel of a class is a pixel of the class that has a pixel of another class among its 4 neighbours;
it lies inside the class, and the edge of an area is connected over 8 neighbours. Ignored pixels have no class, so there
is no edge towards them: a region of interest has no edge of its own. With `frame` the pixels at the border of the image
are edges as well, as MONAI, MedPy and Cheng et al. (2021) have it; without it they are not, as in DAVIS, where what
continues outside the picture ends nowhere. Distances are Euclidean between centres of pixels, in px, and exact.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from segan.data.labels import IGNORE
from segan.evaluation.regions import Mask, hide_ignored

FAR = np.iinfo(np.int64).max  # Squared distance where the other mask has no edge at all.

Squares = NDArray[np.int64]
Points = NDArray[np.int64]


@dataclass(frozen=True)
class EdgeDistances:
    """Squared distances between the edges of a prediction and of the truth, one array a class.

    Args:
        size: Height and width of the image.
        from_mask: K arrays, px² from each edge pixel of the prediction to the nearest one of the truth; `FAR`
            where the truth has none.
        from_truth: The other way round.
    """

    size: tuple[int, int]
    from_mask: tuple[Squares, ...]
    from_truth: tuple[Squares, ...]


def edge_distances(mask: Mask, truth: Mask, num_classes: int, *, frame: bool = True) -> EdgeDistances:
    """Measure how far each class's predicted edge is from its true edge, and the other way round.

    Args:
        mask: Predicted class indices, `uint8 [H, W]`.
        truth: True class indices or 255, `uint8 [H, W]`.
        num_classes: K.
        frame: Whether the border of the image is an edge.

    Raises:
        DataError: The sizes differ.

    >>> found = edge_distances(np.array([[1, 0, 0]], np.uint8), np.array([[0, 0, 1]], np.uint8), 2, frame=False)
    >>> [squares.tolist() for squares in found.from_mask]
    [[0], [4]]
    """
    predicted = _edge_points(hide_ignored(mask, truth), num_classes, frame)
    true = _edge_points(truth, num_classes, frame)
    both = list(zip(predicted, true, strict=True))
    return EdgeDistances(
        (truth.shape[0], truth.shape[1]),
        tuple(_squared_distances(ours, theirs) for ours, theirs in both),
        tuple(_squared_distances(theirs, ours) for ours, theirs in both),
    )


def find_edges(mask: Mask, *, frame: bool = True) -> NDArray[np.bool_]:
    """Mark the edge pixels of all classes, `bool [H, W]`.

    >>> find_edges(np.array([[0, 0, 1, 255]], np.uint8), frame=False).tolist()
    [[False, True, True, False]]
    """
    edges = np.zeros(mask.shape, np.bool_)
    counted = mask != IGNORE
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differ = (mask[here] != mask[there]) & counted[here] & counted[there]
        edges[here] |= differ
        edges[there] |= differ
    if frame:
        for side in (np.s_[:1], np.s_[-1:], np.s_[:, :1], np.s_[:, -1:]):
            edges[side] |= counted[side]
    return edges


def _edge_points(mask: Mask, num_classes: int, frame: bool) -> list[Points]:
    """List the edge pixels of each class as rows and columns, `[2, n]`."""
    places = np.flatnonzero(find_edges(mask, frame=frame))
    classes = mask.ravel()[places]
    order = np.argsort(classes, kind="stable")
    points = np.stack(np.divmod(places[order], max(1, mask.shape[1])))
    starts = np.searchsorted(classes[order], np.arange(num_classes + 1))
    return [points[:, start:stop] for start, stop in itertools.pairwise(starts.tolist())]


def _squared_distances(points: Points, others: Points) -> Squares:
    """Measure from each point to the nearest of the others."""
    if not points.size or not others.size:
        return np.full(points.shape[1], FAR)
    # Edges are few among the pixels, so a tree of points beats a distance transform of the image by two to four times,
    # and the squares of whole numbers are exact where OpenCV's transform, in 32-bit floats, is not.
    tree = cKDTree(others.T, balanced_tree=False, compact_nodes=False)
    _, nearest = tree.query(points.T)
    return np.asarray(np.square(points - others[:, nearest]).sum(axis=0), np.int64)
