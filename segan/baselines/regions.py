"""Regions of one colour: superpixels, watershed basins, and superpixels that density joins; `int32 [H, W]` each."""

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import slic, watershed

from segan.baselines.descriptors import describe_regions
from segan.baselines.planes import blur, read_grey, read_lab
from segan.baselines.training import Image

Regions = NDArray[np.int32]

# Values that are tried on the training images.
SLIC = {"regions": (200, 1000), "compactness": (3.0, 10.0)}
WATERSHED = {"blur_px": (1.0, 2.0, 4.0)}
DBSCAN = {"distance": (1.5, 3.0, 6.0)}

_DBSCAN_REGIONS = 400
_DBSCAN_COMPACTNESS = 5.0
_DBSCAN_NEIGHBOURS = 3
_DBSCAN_PLACE_WEIGHT = 0.3


def divide_by_slic(image: Image, *, regions: int, compactness: float) -> Regions:
    """Divide an image into superpixels.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        regions: About how many.
        compactness: Weight of the place against the colour.

    Source:
        Achanta et al. 2012, "SLIC superpixels compared to state-of-the-art superpixel methods", as in scikit-image.
    """
    # Lab by OpenCV is several times faster than scikit-image's own conversion.
    found = slic(read_lab(image), regions, compactness, max_num_iter=5, convert2lab=False, start_label=0)
    return np.asarray(found, np.int32)


def divide_by_watershed(image: Image, *, blur_px: float) -> Regions:
    """Flood the gradient from its local minima.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        blur_px: Standard deviation of the blur before, in pixels.

    Source:
        Beucher & Lantuejoul 1979, "Use of watersheds in contour detection", as in scikit-image.
    """
    smooth = blur(read_grey(image), blur_px)
    gradient = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    basins = np.asarray(watershed(gradient), np.int32)
    # A blank image has no minimum, and no basin.
    return np.maximum(basins - 1, 0)


def divide_by_dbscan(image: Image, *, distance: float) -> Regions:
    """Join superpixels where colour and place are dense; those that stand apart stay alone.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        distance: Within which superpixels are neighbours, in units of L*a*b*; the image's side is 30 of them.

    Source:
        Ester et al. 1996, "A density-based algorithm for discovering clusters", as in scikit-learn.
    """
    from sklearn import cluster

    pieces = divide_by_slic(image, regions=_DBSCAN_REGIONS, compactness=_DBSCAN_COMPACTNESS)
    rows = describe_regions(image, pieces)
    rows[:, -2:] *= _DBSCAN_PLACE_WEIGHT
    groups = cluster.DBSCAN(eps=distance, min_samples=_DBSCAN_NEIGHBOURS).fit(rows).labels_
    alone = groups < 0
    groups[alone] = groups.max() + 1 + np.arange(alone.sum())
    joined: Regions = groups.astype(np.int32)[pieces]
    return joined
