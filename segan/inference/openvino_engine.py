"""Networks run by OpenVINO."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.data.placement import Size
from segan.data.preprocess import Statistics
from segan.data.threads import count_cores
from segan.errors import CheckpointError
from segan.inference.engine import PixelNetwork, highest_of_planes
from segan.inference.openvino_graph import merge_upsampling, read_pixels
from segan.inference.openvino_package import import_openvino, shared_core
from segan.inference.planes import ArrayPlanes, Highest, PlaneOperations, Planes

# Left to itself, OpenVINO calculates in bf16 wherever the processor can.
HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16"}


class _Network:
    """A compiled network; each thread that runs it has its own memory for what it gives.

    Args:
        compiled: From OpenVINO.
        tensor: OpenVINO's class of tensors.
    """

    def __init__(self, compiled: Any, tensor: Any) -> None:
        self.compiled = compiled
        self.tensor = tensor
        self._own = threading.local()

    def request(self) -> Any:
        """Get this thread's own way to run the network."""
        if not hasattr(self._own, "request"):
            self._own.request = self.compiled.create_infer_request()
        return self._own.request

    def infer(self, *inputs: NDArray[Any]) -> Any:
        """Run the network and give this thread's request, from which the results are read."""
        request = self.request()
        # What `request.infer` does, with less work in Python. The request does not keep what it reads alive.
        read = [np.ascontiguousarray(array) for array in inputs]
        for place, array in enumerate(read):
            request.set_input_tensor(place, self.tensor(array, shared_memory=True))
        request.start_async()
        request.wait()
        return request


class OpenVinoPixels:
    """A network in OpenVINO that takes the pixels of an image of one size, and finds the class of each by itself.

    Args:
        network: From pixels, `uint8 [1, h, w, 3]`, their mean and their standard deviation, `float32 [3]`, to
            masks; from `read_pixels`.
    """

    def __init__(self, network: _Network) -> None:
        self._network = network
        height, width = list(network.compiled.inputs[0].get_shape())[1:3]
        self.size: Size = (height, width)

    def highest(self, image: NDArray[np.uint8], figures: Statistics) -> Highest:
        """Find the most probable class of each pixel."""
        mean, std = (np.array(values, np.float32) for values in (figures.mean, figures.std))
        request = self._network.infer(image[None], mean, std)
        mask, probability = (request.get_output_tensor(place).data for place in (0, 1))
        return Highest(mask[0, 0].copy(), probability.item())


@dataclass
class OpenVinoEngine:
    """A network in OpenVINO, on the processor.

    Args:
        compile: Compiles the network for images of one height and width, or with `None` for all.
        precision: `fp32`, `bf16` or `int8`.
        lanes: Threads that run it at once; they share the cores.
        size: Height and width that one image at a time runs fastest at; for all others the network is compiled once
            more, when the first of them comes.
        pixels: The same network for the masks of images of that size.
    """

    compile: Callable[[Size | None], _Network]
    precision: str
    lanes: int
    size: Size | None = None
    pixels: PixelNetwork | None = None
    backend: str = field(default="openvino", init=False)
    device: str = field(default="cpu", init=False)
    batch: int = field(default=1, init=False)
    operations: PlaneOperations = field(default_factory=ArrayPlanes, init=False)
    _networks: dict[Size | None, _Network] = field(default_factory=dict, init=False, repr=False)
    _compiling: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.pixels is None:
            self._network(self.size)

    def enter_lane(self) -> None:
        """Do nothing: OpenVINO has its own threads."""

    def run(self, batch: NDArray[np.float32]) -> Planes:
        """Compute the probabilities `float32 [N, K, H, W]` of images `float32 [N, 3, H, W]`."""
        network = self._network(self.size if batch.shape == (1, 3, *(self.size or ())) else None)
        classes = network.compiled.outputs[0].get_partial_shape()[1].get_length()
        # Memory of its own: the request's would be overwritten by this thread's next run.
        planes = np.empty((len(batch), classes, *batch.shape[2:]), np.float32)
        network.request().set_output_tensor(0, network.tensor(planes, shared_memory=True))
        network.infer(batch)
        return planes

    def highest(self, batch: NDArray[np.float32]) -> list[Highest]:
        """Find the most probable class of each pixel."""
        return highest_of_planes(self, batch)

    def _network(self, size: Size | None) -> _Network:
        with self._compiling:
            if size not in self._networks:
                self._networks[size] = self.compile(size)
            return self._networks[size]


def open_openvino(
    path: Path, precision: str, lanes: int, size: Size | None = None, *, pixels: bool = False
) -> OpenVinoEngine:
    """Open an OpenVINO or ONNX file.

    Args:
        path: `.xml` with its `.bin` beside it, or `.onnx`.
        precision: `fp32`, `bf16`, or `int8` for a file that holds such.
        lanes: Threads that will run it at once.
        size: Height and width of the images that are expected, which run faster then; `None`: none.
        pixels: Whether the masks of those are all that is expected to be asked for.

    Raises:
        UsageError: OpenVINO is not installed.
        CheckpointError: OpenVINO does not take the file.
    """
    openvino = import_openvino("--backend openvino")
    core = shared_core()
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "NUM_STREAMS": str(lanes),
        "INFERENCE_NUM_THREADS": str(count_cores()),
    }

    def compile_for(size: Size | None, change: Callable[[Any], Any] = lambda model: model) -> _Network:
        model = core.read_model(os.fspath(path))
        if size is not None:
            # What computes with sizes, and cuts that cut nothing off, go.
            model.reshape([1, 3, *size])
            merge_upsampling(model)
        return _Network(core.compile_model(change(model), "CPU", settings), openvino.Tensor)

    try:
        reader = OpenVinoPixels(compile_for(size, read_pixels)) if pixels and size is not None else None
        return OpenVinoEngine(compile_for, precision, lanes, size, reader)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: OpenVINO {openvino.__version__.split('-')[0]} does not take it "
            f"({' '.join(str(error).split())[:300]}), expected a network of `segan export`. Export the model again, or "
            "update openvino."
        ) from error
