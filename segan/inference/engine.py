"""What runs a network: torch, ONNX Runtime or OpenVINO, all with the same face."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segan.data.placement import Size
from segan.data.preprocess import Statistics
from segan.inference.planes import Highest, PlaneOperations, Planes


class PixelNetwork(Protocol):
    """A network that normalises an image by itself, and finds the most probable class of each of its pixels."""

    @property
    def size(self) -> Size:
        """Height and width of the images it takes."""

    def highest(self, image: NDArray[np.uint8], figures: Statistics) -> Highest:
        """Find the most probable class of each pixel.

        Args:
            image: RGB `uint8 [h, w, 3]`.
            figures: What normalises it.
        """


class Engine(Protocol):
    """A network that is ready to run."""

    @property
    def backend(self) -> str:
        """`torch`, `onnx` or `openvino`."""

    @property
    def device(self) -> str:
        """Where it runs: `cpu`, `cuda:0` ..."""

    @property
    def precision(self) -> str:
        """`fp32`, `bf16`, `fp16` or `int8`."""

    @property
    def lanes(self) -> int:
        """How many threads may call `run` at once, and should."""

    @property
    def batch(self) -> int:
        """How many images of one size it is worth giving at once."""

    @property
    def pixels(self) -> PixelNetwork | None:
        """The same network for images of one size, where nothing but their masks is wanted; `None`: there is none."""

    @property
    def operations(self) -> PlaneOperations:
        """What can be done with the planes it gives."""

    def run(self, batch: NDArray[np.float32]) -> Planes:
        """Compute the probabilities `float32 [N, K, H, W]` of images `float32 [N, 3, H, W]`.

        Raises:
            SeganError: The device has too little memory.
        """

    def highest(self, batch: NDArray[np.float32]) -> list[Highest]:
        """Find the most probable class of each pixel where nothing else is wanted of the planes; see `run`."""

    def enter_lane(self) -> None:
        """Prepare the calling thread to be one of the lanes."""


def highest_of_planes(engine: Engine, batch: NDArray[np.float32]) -> list[Highest]:
    """Find the most probable class of each pixel by way of the planes."""
    return [engine.operations.highest(planes) for planes in engine.run(batch)]
