"""Networks run by OpenVINO."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.data.threads import count_cores
from segan.errors import CheckpointError
from segan.inference.openvino_package import import_openvino
from segan.inference.planes import ArrayPlanes, PlaneOperations, Planes

# Left to itself, OpenVINO calculates in bf16 wherever the processor can.
HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16"}


@dataclass
class OpenVinoEngine:
    """A network in OpenVINO, on the processor.

    Args:
        compiled: Takes images `float32 [N, 3, h, w]` and gives probabilities `[N, K, h, w]`.
        tensor: OpenVINO's class of tensors.
        classes: K.
        precision: `fp32`, `bf16` or `int8`.
        lanes: Threads that run it at once; they share the cores.
    """

    compiled: Any
    tensor: Any
    classes: int
    precision: str
    lanes: int
    backend: str = field(default="openvino", init=False)
    device: str = field(default="cpu", init=False)
    batch: int = field(default=1, init=False)
    operations: PlaneOperations = field(default_factory=ArrayPlanes, init=False)
    _own: threading.local = field(default_factory=threading.local, init=False, repr=False)

    def enter_lane(self) -> None:
        """Do nothing: OpenVINO has its own threads."""

    def run(self, batch: NDArray[np.float32]) -> Planes:
        """Compute the probabilities `float32 [N, K, H, W]` of images `float32 [N, 3, H, W]`."""
        if not hasattr(self._own, "request"):
            self._own.request = self.compiled.create_infer_request()
        request = self._own.request
        # Memory of its own: the request's would be overwritten by this thread's next run.
        planes = np.empty((len(batch), self.classes, *batch.shape[2:]), np.float32)
        request.set_output_tensor(0, self.tensor(planes, shared_memory=True))
        request.infer([batch], share_inputs=True, share_outputs=True)
        return planes


def open_openvino(path: Path, precision: str, lanes: int, *, cache: Path | None = None) -> OpenVinoEngine:
    """Open an OpenVINO or ONNX file.

    Args:
        path: `.xml` with its `.bin` beside it, or `.onnx`.
        precision: `fp32`, `bf16`, or `int8` for a file that holds such.
        lanes: Threads that will run it at once.
        cache: Folder of what was compiled before, which opens faster; `None`: none.

    Raises:
        UsageError: OpenVINO is not installed.
        CheckpointError: OpenVINO does not take the file.
    """
    openvino = import_openvino("--backend openvino")
    core = openvino.Core()
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "NUM_STREAMS": str(lanes),
        "INFERENCE_NUM_THREADS": str(count_cores()),
    }
    if cache is not None:
        settings["CACHE_DIR"] = os.fspath(cache)
    try:
        compiled = core.compile_model(os.fspath(path), "CPU", settings)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: OpenVINO {openvino.__version__.split('-')[0]} does not take it "
            f"({' '.join(str(error).split())[:300]}), expected a network of `segan export`. Export the model again, or "
            "update openvino."
        ) from error
    classes = compiled.outputs[0].get_partial_shape()[1].get_length()
    return OpenVinoEngine(compiled, openvino.Tensor, classes, precision, lanes)
