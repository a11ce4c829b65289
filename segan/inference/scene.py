"""An image as the networks see it, for all that asks more of a model than its mask."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segan.data.placement import Placement
from segan.data.preprocess import Statistics
from segan.inference.segmenter import Segmenter
from segan.inference.torch_engine import torch_engine
from segan.losses.ignore import IGNORE


@dataclass(frozen=True)
class Scene:
    """The network's input for a whole image, and what the model says of it.

    Args:
        planes: Normalised image over the canvas, `float32 [1, 3, h, w]` on the model's device.
        probs: Probabilities over the canvas, `float32 [1, K, h, w]` on the model's device.
        placement: The way back to the image.
    """

    planes: Tensor
    probs: Tensor
    placement: Placement

    def unlabelled(self) -> Tensor:
        """Make a target `int64 [1, h, w]`: class 0 where the image lies, `IGNORE` on the border around it."""
        target = torch.full((1, *self.placement.canvas), IGNORE, dtype=torch.int64, device=self.probs.device)
        height, width = self.placement.resized
        top, left = self.placement.top, self.placement.left
        target[:, top : top + height, left : left + width] = 0
        return target

    def restore(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring a plane `float32 [h, w]` over the canvas to the size of the image, bilinearly."""
        restored: NDArray[np.float32] = self.placement.restore(plane[None])[0]
        return restored


def look(segmenter: Segmenter, image: NDArray[np.uint8]) -> Scene:
    """Prepare an image and predict it, keeping all that the networks see.

    Memory grows with the image: 4 (K + 3) bytes a pixel. Shrink or cut large images first.

    Args:
        segmenter: The model.
        image: RGB `uint8 [H, W, 3]` of any size.

    Raises:
        SeganError: The device has too little memory.
    """
    evened = segmenter.chain.photometric(image)
    statistics = segmenter.chain.statistics(evened)
    prepared, placement = segmenter.chain.fit(evened)
    return look_at_prepared(segmenter, prepared, statistics, placement)


def look_at_prepared(
    segmenter: Segmenter, prepared: NDArray[np.uint8], statistics: Statistics | None, placement: Placement
) -> Scene:
    """As `look`, for an image, or a part of one, that has gone through the chain's `photometric` and `fit`."""
    device = torch_engine(segmenter).where
    planes = torch.from_numpy(segmenter.chain.normalize(prepared, statistics))[None].to(device)
    return Scene(planes, predict_probs(segmenter, prepared, statistics), placement)


def predict_probs(segmenter: Segmenter, prepared: NDArray[np.uint8], statistics: Statistics | None) -> Tensor:
    """Gather the blocks of `Segmenter.network_planes` to `float32 [1, K, h, w]`, on the model's device."""
    size = (prepared.shape[0], prepared.shape[1])
    whole: Tensor | None = None
    for block in segmenter.network_planes(prepared, statistics):
        planes = torch.as_tensor(block.planes)
        if whole is None:
            whole = planes.new_empty((1, len(planes), *size))
        whole[0][:, *block.window] = planes
    assert whole is not None
    return whole
