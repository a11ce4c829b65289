"""Where on the image each logit of a discriminator looks."""

import numpy as np
from numpy.typing import NDArray
from torch import nn

from segan.models.patchgan import Discriminator
from segan.models.shrink import whole_factor

Centers = NDArray[np.float64]


def patch_centers(discriminator: Discriminator, size: tuple[int, int]) -> tuple[Centers, Centers]:
    """Compute the centres of the squares that the logits depend on.

    Args:
        discriminator: Any of `DISCRIMINATORS`.
        size: Height and width of the image in pixels.

    Returns:
        Positions of the rows and of the columns of logits in pixels, where pixel i covers i to i + 1; the middle of
        the image alone for a discriminator that judges it whole.
    """
    rows, columns = (_centers_along(discriminator, side) for side in size)
    return rows, columns


def _centers_along(discriminator: Discriminator, side: int) -> Centers:
    if discriminator.whole_image:
        return np.array([side / 2])
    factor = whole_factor(discriminator.input_scale)
    shrunk = max(1, round(side * discriminator.input_scale)) if factor is None else -(-side // factor)
    cell_px = side / shrunk if factor is None else factor
    missing = max(0, discriminator.minimum - shrunk)
    # Dumoulin & Visin 2016, relation 8, along one side: each layer moves the first centre and widens the steps.
    first, step, count = 0.5, 1, shrunk + missing
    for layer in discriminator.modules():
        if isinstance(layer, nn.Conv2d):
            kernel, padding, stride = layer.kernel_size[0], int(layer.padding[0]), layer.stride[0]
            first += ((kernel - 1) / 2 - padding) * step
            step *= stride
            count = (count + 2 * padding - kernel) // stride + 1
    centers: Centers = (first + step * np.arange(count, dtype=np.float64) - missing // 2) * cell_px
    return centers
