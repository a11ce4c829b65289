"""What the discriminator says of a prediction, laid over the image."""

import numpy as np
from numpy.typing import NDArray

from segan.inference.discriminator_file import TrainedDiscriminator
from segan.inference.scene import Scene, look
from segan.inference.segmenter import Segmenter
from segan.models.patch_grid import patch_centers

Map = NDArray[np.float32]


def realism_map(discriminator: TrainedDiscriminator, segmenter: Segmenter, image: NDArray[np.uint8]) -> Map:
    """Compute how real the prediction looks to the discriminator around each pixel.

    Args:
        discriminator: Saved with the model.
        segmenter: The model.
        image: RGB `uint8 [H, W, 3]`.

    Returns:
        `float32 [H, W]`, in [0, 1]; low where the arrangement of classes gives the prediction away.
    """
    return realism_of(discriminator, look(segmenter, image))


def realism_of(discriminator: TrainedDiscriminator, scene: Scene) -> Map:
    """Compute `realism_map` of an image that is predicted already.

    The prediction goes to the discriminator as in training. Each logit stands at the centre of the square it depends
    on; pixels between centres get values between, those outside the outermost centres the nearest.
    """
    _, shown = discriminator.show(scene.unlabelled(), scene.probs)
    realism = discriminator.realism(discriminator.judge(scene.planes, shown))[0, 0].cpu().numpy()
    rows, columns = patch_centers(discriminator.network, scene.placement.canvas)
    return scene.restore(spread(realism, rows, columns, scene.placement.canvas))


def spread(values: Map, rows: NDArray[np.float64], columns: NDArray[np.float64], size: tuple[int, int]) -> Map:
    """Interpolate values on a grid of centres bilinearly to every pixel.

    Args:
        values: `[h, w]`.
        rows: Positions of the h rows in pixels, rising; pixel i covers i to i + 1.
        columns: Positions of the w columns.
        size: Height and width to fill.

    Returns:
        `float32 [*size]`; outside the outermost centres the value of the nearest.

    >>> spread(np.array([[0.0, 2.0]], np.float32), np.array([0.5]), np.array([0.5, 2.5]), (1, 4)).tolist()
    [[0.0, 1.0, 2.0, 2.0]]
    """
    across = np.arange(size[1]) + 0.5
    wide = np.stack([np.interp(across, columns, row) for row in values])
    down = np.arange(size[0]) + 0.5
    above = np.clip(np.searchsorted(rows, down, side="right") - 1, 0, len(rows) - 1)
    below = np.minimum(above + 1, len(rows) - 1)
    gap = np.where(below > above, rows[below] - rows[above], 1.0)
    share = np.clip((down - rows[above]) / gap, 0.0, 1.0)[:, None]
    spread_out: Map = ((1.0 - share) * wide[above] + share * wide[below]).astype(np.float32)
    return spread_out
