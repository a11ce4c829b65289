"""Networks run by torch."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segan.data.labels import Labels
from segan.data.preprocess import Chain
from segan.data.threads import count_cores
from segan.errors import SeganError, UsageError
from segan.inference.devices import PRECISIONS
from segan.inference.engine import PixelNetwork, highest_of_planes
from segan.inference.planes import ArrayPlanes, Highest, PlaneOperations, Planes
from segan.inference.segmenter import Segmenter
from segan.inference.torch_planes import TensorPlanes

_GPU_BATCH = 16
_COMPILED_PX = 256


@dataclass
class TorchEngine:
    """A network in torch.

    Args:
        network: `float32 [N, 3, h, w]` to logits `[N, K, h, w]`, on `where`.
        where: Where the network lives.
        precision: `fp32`, `bf16` or `fp16`; the softmax is float32 in each.
        lanes: Threads that run it at once; they share the cores.
    """

    network: nn.Module
    where: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: str = "fp32"
    lanes: int = 1
    backend: str = field(default="torch", init=False)
    pixels: PixelNetwork | None = field(default=None, init=False)

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self.where)

    @property
    def batch(self) -> int:
        """Processors gain nothing from batches."""
        return 1 if self.where.type == "cpu" else _GPU_BATCH

    @cached_property
    def operations(self) -> PlaneOperations:
        """Planes stay on a GPU until they are masks."""
        return ArrayPlanes() if self.where.type == "cpu" else TensorPlanes(self.where)

    def enter_lane(self) -> None:
        """Give this thread its share of the cores."""
        if self.lanes > 1:
            torch.set_num_threads(max(1, count_cores() // self.lanes))

    @torch.inference_mode()
    def run(self, batch: NDArray[np.float32]) -> Planes:
        """Compute the probabilities `float32 [N, K, H, W]` of images `float32 [N, 3, H, W]`.

        Raises:
            SeganError: The device has too little memory.
        """
        try:
            with evaluating(self.network):
                probs = self._probs(torch.from_numpy(batch))
        except torch.OutOfMemoryError as error:
            count, _, height, width = batch.shape
            raise SeganError(
                f"{self.where}: out of memory, seen images of {height}x{width} px, {count} at once. "
                f"Use --tile {max(height, width) // 2}."
            ) from error
        return probs.numpy() if self.where.type == "cpu" else probs

    def highest(self, batch: NDArray[np.float32]) -> list[Highest]:
        """Find the most probable class of each pixel."""
        return highest_of_planes(self, batch)

    def _probs(self, images: Tensor) -> Tensor:
        images = images.to(self.where, memory_format=torch.channels_last)
        dtype = PRECISIONS[self.precision]
        with torch.autocast(self.where.type, dtype=dtype, enabled=dtype is not torch.float32):
            return self._compute(images)

    def _compute(self, images: Tensor) -> Tensor:
        """Give the probabilities, in float32."""
        logits: Tensor = self.network(images)
        return logits.float().softmax(dim=1)


def torch_segmenter(
    network: nn.Module,
    labels: Labels,
    chain: Chain,
    *,
    device: torch.device | None = None,
    precision: str = "fp32",
    lanes: int = 1,
    **settings: Any,
) -> Segmenter:
    """Build the way from an image to a mask around a network in torch.

    Args:
        network: On `device`.
        labels: Names and colours of the classes.
        chain: Preprocessing, as in training.
        device: `None`: the processor.
        precision: `fp32`, `bf16` or `fp16`.
        lanes: Threads that run it at once.
        settings: Further arguments of `Segmenter`.
    """
    engine = TorchEngine(network, device or torch.device("cpu"), precision, lanes)
    return Segmenter(engine, labels, chain, **settings)


def torch_engine(segmenter: Segmenter) -> TorchEngine:
    """Give the network of a model that torch runs, for all that asks more of it than its probabilities.

    Raises:
        UsageError: It is an exported bundle.
    """
    if not isinstance(segmenter.engine, TorchEngine):
        raise UsageError(
            f"the model is run by {segmenter.engine.backend}, expected a network in torch. "
            "Use the run folder that the bundle was exported from."
        )
    return segmenter.engine


def compile_network(segmenter: Segmenter, image_size: tuple[int, int] | None = None) -> None:
    """Turn the network over to `torch.compile`, with a first run, so that what is missing for it is told here.

    Args:
        segmenter: A model that torch runs.
        image_size: Height and width that the images to come share; `None`: unknown.

    Raises:
        UsageError: `torch.compile` does not work here.
    """
    engine = torch_engine(segmenter)
    engine.network.compile()
    size = segmenter.chain.place(image_size or (_COMPILED_PX, _COMPILED_PX)).canvas
    try:
        engine.run(np.zeros((1, 3, *(min(side, segmenter.tile_px) for side in size)), np.float32))
    except SeganError:
        raise
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), "")
        raise UsageError(
            f"--compile: torch.compile fails here ({type(error).__name__}: {first[:300]}), expected a C++ compiler, "
            "and Triton for a GPU. Leave it out, or install them."
        ) from error


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Switch a network that is in training to evaluation, and back."""
    trained = [module for module in network.modules() if module.training]
    if trained:
        network.eval()
    try:
        yield
    finally:
        for module in trained:
            module.training = True
