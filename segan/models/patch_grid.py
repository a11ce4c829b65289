"""Where on the image each logit of a discriminator looks."""

import numpy as np
from numpy.typing import NDArray

from segan.models.discriminator_base import Discriminator
from segan.models.shrink import whole_factor

Centers = NDArray[np.float64]


def patch_centers(discriminator: Discriminator, size: tuple[int, int]) -> tuple[Centers, Centers]:
    """Compute the centres of the squares that the logits depend on.

    Args:
        discriminator: Any of `DISCRIMINATORS`.
        size: Height and width of the image in pixels.

    Returns:
        Positions of the rows and of the columns of logits in pixels, where pixel i covers i to i + 1; the middle of
        the image alone for a discriminator that judges it whole. Of several scales the finest counts.
    """
    rows, columns = (_centers_along(discriminator, side) for side in size)
    return rows, columns


def _centers_along(discriminator: Discriminator, side: int) -> Centers:
    if discriminator.whole_image:
        return np.array([side / 2])
    scale = discriminator.shape.input_scale
    factor = whole_factor(scale)
    shrunk = max(1, round(side * scale)) if factor is None else -(-side // factor)
    cell_px = side / shrunk if factor is None else factor
    first, step, count = discriminator.grid(shrunk)
    centers: Centers = (first + step * np.arange(count, dtype=np.float64)) * cell_px
    return centers
