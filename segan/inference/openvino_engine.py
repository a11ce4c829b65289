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
from segan.data.threads import count_cores
from segan.errors import CheckpointError
from segan.inference.engine import highest_of_planes
from segan.inference.openvino_graph import add_highest, merge_upsampling
from segan.inference.openvino_package import import_openvino, shared_core
from segan.inference.planes import ArrayPlanes, Highest, PlaneOperations, Planes

# Left to itself, OpenVINO calculates in bf16 wherever the processor can.
HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16"}


@dataclass
class OpenVinoEngine:
    """A network in OpenVINO, on the processor.

    Args:
        compile: Compiles the network for images of one height and width, or with `None` for all.
        tensor: OpenVINO's class of tensors.
        precision: `fp32`, `bf16` or `int8`.
        lanes: Threads that run it at once; they share the cores.
        size: Height and width that one image at a time runs fastest at; for all others the network is compiled once
            more, when the first of them comes.
        finds_highest: Whether what is compiled for `size` has two outputs more: the most probable class of each pixel,
            and the mean of its probability.
    """

    compile: Callable[[Size | None], Any]
    tensor: Any
    precision: str
    lanes: int
    size: Size | None = None
    finds_highest: bool = False
    backend: str = field(default="openvino", init=False)
    device: str = field(default="cpu", init=False)
    batch: int = field(default=1, init=False)
    operations: PlaneOperations = field(default_factory=ArrayPlanes, init=False)
    _compiled: dict[Size | None, Any] = field(default_factory=dict, init=False, repr=False)
    _compiling: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _own: threading.local = field(default_factory=threading.local, init=False, repr=False)

    def __post_init__(self) -> None:
        self.classes = self._network(self.size).outputs[0].get_partial_shape()[1].get_length()

    def enter_lane(self) -> None:
        """Do nothing: OpenVINO has its own threads."""

    def run(self, batch: NDArray[np.float32]) -> Planes:
        """Compute the probabilities `float32 [N, K, H, W]` of images `float32 [N, 3, H, W]`."""
        request = self._request("planes", self._size_for(batch))
        # Memory of its own: the request's would be overwritten by this thread's next run.
        planes = np.empty((len(batch), self.classes, *batch.shape[2:]), np.float32)
        request.set_output_tensor(0, self.tensor(planes, shared_memory=True))
        self._infer(request, batch)
        return planes

    def highest(self, batch: NDArray[np.float32]) -> list[Highest]:
        """Find the most probable class of each pixel; where it was compiled for that, OpenVINO does so itself."""
        size = self._size_for(batch)
        if size is None or not self.finds_highest:
            return highest_of_planes(self, batch)
        request = self._request("highest", size)
        self._infer(request, batch)
        index, mean = (request.get_output_tensor(place).data for place in (1, 2))
        return [Highest(index[0, 0].copy(), mean.item())]

    def _infer(self, request: Any, batch: NDArray[np.float32]) -> None:
        # What `request.infer` does, with less work in Python. The request does not keep what it reads alive.
        read = np.ascontiguousarray(batch)
        request.set_input_tensor(self.tensor(read, shared_memory=True))
        request.start_async()
        request.wait()

    def _size_for(self, batch: NDArray[np.float32]) -> Size | None:
        return self.size if batch.shape == (1, 3, *(self.size or ())) else None

    def _request(self, use: str, size: Size | None) -> Any:
        """Get this thread's own way to run the network; each use has one, as each has its own memory for results."""
        requests: dict[tuple[str, Size | None], Any] = vars(self._own).setdefault("requests", {})
        if (use, size) not in requests:
            requests[use, size] = self._network(size).create_infer_request()
        return requests[use, size]

    def _network(self, size: Size | None) -> Any:
        with self._compiling:
            if size not in self._compiled:
                self._compiled[size] = self.compile(size)
            return self._compiled[size]


def open_openvino(
    path: Path, precision: str, lanes: int, size: Size | None = None, *, highest: bool = False
) -> OpenVinoEngine:
    """Open an OpenVINO or ONNX file.

    Args:
        path: `.xml` with its `.bin` beside it, or `.onnx`.
        precision: `fp32`, `bf16`, or `int8` for a file that holds such.
        lanes: Threads that will run it at once.
        size: Height and width of the images that are expected, which run a little faster then; `None`: none.
        highest: Whether the most probable class of each pixel is all that is expected to be asked of those.

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

    def compile_for(size: Size | None) -> Any:
        model = core.read_model(os.fspath(path))
        if size is not None:
            # What computes with sizes, and cuts that cut nothing off, go.
            model.reshape([1, 3, *size])
            merge_upsampling(model)
            if highest:
                add_highest(model)
        return core.compile_model(model, "CPU", settings)

    try:
        return OpenVinoEngine(compile_for, openvino.Tensor, precision, lanes, size, highest)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: OpenVINO {openvino.__version__.split('-')[0]} does not take it "
            f"({' '.join(str(error).split())[:300]}), expected a network of `segan export`. Export the model again, or "
            "update openvino."
        ) from error
