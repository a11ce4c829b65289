"""Edges, closed and filled, as segments."""

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.filters import roberts, threshold_otsu

from segan.baselines.planes import blur, read_grey
from segan.baselines.training import Image

Segment = NDArray[np.bool_]

# Values that are tried on the training images.
CANNY = {"blur_px": (1.0, 2.0), "threshold": (40, 100, 200), "close_px": (3, 7), "fill": (False, True)}
GRADIENT = {"blur_px": (1.0, 2.0), "factor": (0.5, 1.0, 1.5), "close_px": (3, 7), "fill": (False, True)}


def divide_by_canny(image: Image, *, blur_px: float, threshold: int, close_px: int, fill: bool) -> Segment:
    """Find edges by hysteresis.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        blur_px: Standard deviation of the blur before, in pixels.
        threshold: Gradient at which an edge begins, in grey levels of a 3x3 Sobel; it goes on down to half of that.
        close_px: Diameter of the closing.
        fill: Whether closed outlines are filled.

    Source:
        Canny 1986, "A computational approach to edge detection"; as in OpenCV.
    """
    smooth = np.rint(blur(read_grey(image), blur_px)).astype(np.uint8)
    return _close_and_fill(cv2.Canny(smooth, threshold / 2, threshold, L2gradient=True) > 0, close_px, fill)


def divide_by_sobel(image: Image, *, blur_px: float, factor: float, close_px: int, fill: bool) -> Segment:
    """Find edges where the gradient of 3x3 Sobel filters is above a threshold.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        blur_px: Standard deviation of the blur before, in pixels.
        factor: Threshold, in units of Otsu's for the gradient of this image.
        close_px: Diameter of the closing.
        fill: Whether closed outlines are filled.

    Source:
        Sobel & Feldman 1968, as in OpenCV; threshold by Otsu 1979.
    """
    smooth = blur(read_grey(image), blur_px)
    gradient = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    return _threshold_gradient(gradient, factor, close_px, fill)


def divide_by_roberts(image: Image, *, blur_px: float, factor: float, close_px: int, fill: bool) -> Segment:
    """Find edges where the gradient of Roberts' cross is above a threshold; the settings are those of Sobel.

    Source:
        Roberts 1963, "Machine perception of three-dimensional solids", as in scikit-image; threshold by Otsu 1979.
    """
    return _threshold_gradient(roberts(blur(read_grey(image), blur_px)), factor, close_px, fill)


def _threshold_gradient(gradient: NDArray[np.float32], factor: float, close_px: int, fill: bool) -> Segment:
    edges = gradient > factor * threshold_otsu(gradient) if np.ptp(gradient) > 0 else np.zeros(gradient.shape, bool)
    return _close_and_fill(edges, close_px, fill)


def _close_and_fill(edges: Segment, close_px: int, fill: bool) -> Segment:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (close_px, close_px))
    closed = cv2.morphologyEx(edges.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    return (fill_outlines(closed) if fill else closed) > 0


def fill_outlines(segment: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill what cannot be reached from the border without crossing the segment, `uint8 [H, W]` of 0 and 1.

    >>> fill_outlines(np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]], np.uint8)).sum().item()
    9
    """
    framed = np.pad(segment, 1)
    cv2.floodFill(framed, None, (0, 0), 2)
    filled: NDArray[np.uint8] = (framed[1:-1, 1:-1] != 2).astype(np.uint8)
    return filled
