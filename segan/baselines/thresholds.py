"""Thresholds and GrabCut: segments of bright or dark pixels, and their refinement by colour."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.baselines.planes import blur, read_grey
from segan.baselines.sizes import reduce_image, resize
from segan.baselines.training import Image

Segment = NDArray[np.bool_]

# Values that are tried on the training images.
OTSU = {"blur_px": (0.0, 1.0, 2.0, 4.0)}
ADAPTIVE = {"blur_px": (0.0, 2.0), "window_px": (15, 31, 63, 127), "offset": (-30, -20, -10, -5, 0, 5, 10, 20, 30)}
GRABCUT = {"start": ("otsu", "rectangle 0.05", "rectangle 0.2")}

_GRABCUT_PX = 1 << 16  # It takes about a second for 256 x 256 pixels and three rounds.
_GRABCUT_ROUNDS = 3


def divide_by_otsu(image: Image, *, blur_px: float) -> Segment:
    """Take the pixels above the threshold that best divides the histogram.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        blur_px: Standard deviation of the blur before, in pixels.

    Source:
        Otsu 1979, "A threshold selection method from gray-level histograms", as in OpenCV.
    """
    smooth = np.rint(blur(read_grey(image), blur_px)).astype(np.uint8)
    _, segment = cv2.threshold(smooth, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return np.asarray(segment > 0)


def divide_by_adaptive(image: Image, *, blur_px: float, window_px: int, offset: int) -> Segment:
    """Take the pixels above the mean of their surroundings.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        blur_px: Standard deviation of the blur before, in pixels.
        window_px: Side of the surroundings, odd; weighted by a Gaussian.
        offset: What is taken off the mean, in grey levels of 0 to 255.
    """
    smooth = np.rint(blur(read_grey(image), blur_px)).astype(np.uint8)
    kind, method = cv2.THRESH_BINARY, cv2.ADAPTIVE_THRESH_GAUSSIAN_C
    return np.asarray(cv2.adaptiveThreshold(smooth, 1, method, kind, window_px, offset) > 0)


def divide_by_grabcut(image: Image, *, start: str) -> Segment:
    """Refine a first guess of a foreground by colour models of both sides and smooth borders.

    Args:
        image: RGB `uint8 [H, W, 3]`; reduced to 65,536 pixels, and the segment is brought back.
        start: `otsu`: bright pixels; `rectangle SHARE`: all but a frame of this share of each side.

    Source:
        Rother, Kolmogorov & Blake 2004, "GrabCut", as in OpenCV.
    """
    small = reduce_image(image, _GRABCUT_PX)
    guess = _guess(small, start)
    outside = np.isin(guess, (cv2.GC_BGD, cv2.GC_PR_BGD))
    if not outside.all() and outside.any():
        cv2.setRNGSeed(0)  # It draws where its colour models begin.
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(small, guess, None, *models, _GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    inside = np.isin(guess, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return resize(inside, (image.shape[0], image.shape[1]), cv2.INTER_NEAREST_EXACT) > 0


def _guess(image: Image, start: str) -> NDArray[np.uint8]:
    """Draw the first guess, `uint8 [H, W]` of GrabCut's four values."""
    if start == "otsu":
        bright = divide_by_otsu(image, blur_px=0.0)
        return np.where(bright, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    guess = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    share = float(start.split()[1])
    top, left = int(share * image.shape[0] + 0.5), int(share * image.shape[1] + 0.5)
    guess[top : image.shape[0] - top, left : image.shape[1] - left] = cv2.GC_PR_FGD
    return guess
