"""The table of classical methods; a new one is a function and a row."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from segan.baselines import edges, regions, thresholds
from segan.baselines.clusters import fit_pixel_clusters, fit_region_clusters
from segan.baselines.floors import fit_majority, fit_position
from segan.baselines.forest import fit_forest
from segan.baselines.method import Method
from segan.baselines.two_segments import Divide, fit_two_segments

_ALL = 1 << 30


def _two(summary: str, divide: Divide, choices: Mapping[str, Sequence[Any]], images: int = 24) -> Method:
    return Method(summary, partial(fit_two_segments, divide=divide, choices=choices), images)


def _regions(
    summary: str, divide: Callable[..., regions.Regions], choices: Mapping[str, Sequence[Any]], **options: Any
) -> Method:
    return Method(summary, partial(fit_region_clusters, divide=divide, choices=choices), images=40, **options)


BASELINES: dict[str, Method] = {
    "majority": Method("the most frequent class, everywhere", fit_majority, _ALL),
    "position": Method("the most frequent class at each place", fit_position, _ALL),
    "canny": _two("edges by Canny, closed and filled", edges.divide_by_canny, edges.CANNY),
    "sobel": _two("edges by Sobel, closed and filled", edges.divide_by_sobel, edges.GRADIENT),
    "roberts": _two("edges by Roberts' cross, closed and filled", edges.divide_by_roberts, edges.GRADIENT),
    "otsu": _two("one threshold an image, by Otsu", thresholds.divide_by_otsu, thresholds.OTSU),
    "adaptive": _two(
        "a threshold for each pixel from its surroundings", thresholds.divide_by_adaptive, thresholds.ADAPTIVE
    ),
    "grabcut": _two("GrabCut from a threshold or a frame", thresholds.divide_by_grabcut, thresholds.GRABCUT, images=12),
    "kmeans": Method("k-means of colour and place", fit_pixel_clusters, 100),
    "slic": _regions("SLIC superpixels, clustered by colour", regions.divide_by_slic, regions.SLIC),
    "watershed": _regions("watershed basins, clustered by colour", regions.divide_by_watershed, regions.WATERSHED),
    "dbscan": _regions(
        "superpixels joined by DBSCAN, clustered by colour",
        regions.divide_by_dbscan,
        regions.DBSCAN,
        needs_sklearn=True,
    ),
    "forest": Method("random forest on filter responses", fit_forest, 80, needs_sklearn=True),
}
