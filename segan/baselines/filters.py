"""Filter responses at each pixel: colour, edges, blobs and texture at several scales, and the place."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.baselines.planes import Plane, blur, read_lab
from segan.baselines.training import Image

SCALES_PX = (1.0, 2.0, 4.0, 8.0)
# Lab; at each scale Lab, gradient, Laplacian, eigenvalues of Hessian and structure tensor, two each; the place.
NUM_FILTERS = 3 + len(SCALES_PX) * 8 + 2


def filter_image(image: Image, stride: int = 1) -> NDArray[np.float32]:
    """Compute the filter responses, as means over blocks of pixels.

    Args:
        image: RGB `uint8 [H, W, 3]`.
        stride: Side of the blocks in pixels; the last ones may be smaller.

    Returns:
        `float32 [h, w, 37]`, with h = ceil(H / stride) and w likewise.

    Source:
        Arganda-Carreras et al. 2017, "Trainable Weka Segmentation", for the kinds of filters.
    """
    lab = read_lab(image)
    height, width = image.shape[:2]
    size = (-(-height // stride), -(-width // stride))
    responses = np.empty((*size, NUM_FILTERS), np.float32)
    responses[..., :3] = _reduce(lab, size)
    for index, sigma in enumerate(SCALES_PX):
        smooth = blur(lab, sigma)
        first = 3 + 8 * index
        responses[..., first : first + 3] = _reduce(smooth, size)
        for offset, plane in enumerate(_respond(np.ascontiguousarray(smooth[..., 0]), sigma), start=3):
            responses[..., first + offset] = _reduce(plane, size)
    responses[..., -2] = np.linspace(0.0, 1.0, size[0], dtype=np.float32)[:, None]
    responses[..., -1] = np.linspace(0.0, 1.0, size[1], dtype=np.float32)
    return responses


def _respond(smooth: Plane, sigma_px: float) -> list[Plane]:
    """Compute gradient, Laplacian, and the eigenvalues of Hessian and structure tensor of one smooth plane."""
    y, x = _derive(smooth, 0, 1), _derive(smooth, 1, 0)
    yy, xx, xy = _derive(smooth, 0, 2), _derive(smooth, 2, 0), _derive(x, 0, 1)
    # The surroundings of the structure tensor are twice as wide as the derivatives.
    tensor = [blur(part, 2.0 * sigma_px) for part in (y * y, x * x, x * y)]
    return [
        cv2.magnitude(x, y),
        yy + xx,
        *eigenvalues(yy, xx, xy),
        *(np.sqrt(np.maximum(part, 0.0)) for part in eigenvalues(*tensor)),
    ]


def eigenvalues(yy: Plane, xx: Plane, xy: Plane) -> tuple[Plane, Plane]:
    """Compute the larger and the smaller eigenvalue of a symmetric 2 x 2 matrix at each pixel.

    >>> [part.item() for part in eigenvalues(*(np.full(1, value, np.float32) for value in (2.0, 2.0, 1.0)))]
    [3.0, 1.0]
    """
    middle, half = 0.5 * (yy + xx), 0.5 * (yy - xx)
    radius = cv2.magnitude(half, xy).reshape(half.shape)
    return middle + radius, middle - radius


def _derive(plane: Plane, order_x: int, order_y: int) -> Plane:
    derivative: Plane = cv2.Sobel(plane, cv2.CV_32F, order_x, order_y, scale=1 / 8, borderType=cv2.BORDER_REFLECT)
    return derivative


def _reduce(planes: Plane, size: tuple[int, int]) -> Plane:
    if planes.shape[:2] == size:
        return planes
    reduced: Plane = cv2.resize(planes, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return reduced
