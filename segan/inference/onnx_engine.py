"""Networks run by ONNX Runtime."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.data.threads import count_cores
from segan.errors import CheckpointError, SeganError, UsageError
from segan.inference.engine import PixelNetwork, highest_of_planes
from segan.inference.planes import ArrayPlanes, Highest, PlaneOperations, Planes

_ALLOCATION_FAILED = ("allocate", "bad_alloc", "out of memory")


@dataclass
class OnnxEngine:
    """A network in ONNX Runtime, on the processor.

    Args:
        session: Takes images `float32 [N, 3, h, w]` and gives probabilities `[N, K, h, w]`.
        precision: `fp32` or `int8`.
        lanes: Threads that run it at once; they share the cores.
    """

    session: Any
    precision: str
    lanes: int
    backend: str = field(default="onnx", init=False)
    device: str = field(default="cpu", init=False)
    batch: int = field(default=1, init=False)
    pixels: PixelNetwork | None = field(default=None, init=False)
    operations: PlaneOperations = field(default_factory=ArrayPlanes, init=False)

    def enter_lane(self) -> None:
        """Do nothing: the session has its own threads."""

    def run(self, batch: NDArray[np.float32]) -> Planes:
        """Compute the probabilities `float32 [N, K, H, W]` of images `float32 [N, 3, H, W]`.

        Raises:
            SeganError: There is too little memory.
        """
        try:
            return self.session.run(None, {self.session.get_inputs()[0].name: batch})[0]
        except Exception as error:
            if any(word in str(error).lower() for word in _ALLOCATION_FAILED):
                count, _, height, width = batch.shape
                raise SeganError(
                    f"onnx: out of memory, seen images of {height}x{width} px, {count} at once. "
                    f"Use --tile {max(height, width) // 2}."
                ) from error
            raise

    def highest(self, batch: NDArray[np.float32]) -> list[Highest]:
        """Find the most probable class of each pixel."""
        return highest_of_planes(self, batch)


def open_onnx(path: Path, precision: str, lanes: int) -> OnnxEngine:
    """Open an ONNX file.

    Args:
        path: The file.
        precision: What the file holds, `fp32` or `int8`.
        lanes: Threads that will run it at once.

    Raises:
        UsageError: ONNX Runtime is not installed.
        CheckpointError: ONNX Runtime does not take the file.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            "--backend onnx: onnxruntime is not installed, expected it. Run pip install 'segan[onnx]', or use another "
            "backend."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = max(1, count_cores() // lanes)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CheckpointError(
            f"{path}: ONNX Runtime {onnxruntime.__version__} does not take it ({' '.join(str(error).split())}), "
            "expected a network of `segan export`. Export the model again, or update onnxruntime."
        ) from error
    return OnnxEngine(session, precision, lanes)
