"""A segmenter whose every prediction comes with its probabilities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segan.data.intensity import SixteenBit
from segan.data.labels import Labels
from segan.inference.segmenter import Prediction, Segmenter


@dataclass(frozen=True)
class ProbableSegmenter:
    """Predicts as the segmenter does, probabilities included, for metrics that are computed from them."""

    segmenter: Segmenter

    @property
    def labels(self) -> Labels:
        """Names and colours of the classes."""
        return self.segmenter.labels

    @property
    def sixteen_bit(self) -> SixteenBit:
        """How 16-bit images are to be read."""
        return self.segmenter.sixteen_bit

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """Segment one RGB image, `uint8 [H, W, 3]`."""
        return self.segmenter.predict(image, probabilities=True)
