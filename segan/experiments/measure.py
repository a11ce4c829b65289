"""What a cell costs: multiply-accumulates, speed, memory; and the machine it ran on."""

import resource
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from segan import __version__
from segan.data.labels import Labels
from segan.inference.segmenter import Prediction, Predictor, Segmenter

MIB = 1 << 20


class TimedPredictor:
    """A model that notes the seconds of each prediction; it takes the model's place in an evaluation.

    Args:
        model: Has `labels`, `sixteen_bit` and `predict`.
    """

    def __init__(self, model: Predictor) -> None:
        self.model = model
        self.labels: Labels = model.labels
        self.sixteen_bit = model.sixteen_bit
        self.seconds: list[float] = []

    def predict(self, image: NDArray[np.uint8], *, probabilities: bool = False) -> Prediction:
        """Segment one image; masks are on the CPU when this returns, so the time is whole."""
        start = time.perf_counter()
        prediction = self.model.predict(image, probabilities=probabilities)
        self.seconds.append(time.perf_counter() - start)
        return prediction

    @property
    def images_per_s(self) -> float:
        """Images a second, without decoding and scoring; the first image warms up where there are others."""
        timed = self.seconds[1:] or self.seconds
        return len(timed) / sum(timed)


def count_macs(segmenter: Segmenter, image: NDArray[np.uint8]) -> int:
    """Count the multiply-accumulates of the network on one image, in all its tiles.

    Matrix products and convolutions count, at two operations a multiply-accumulate; norms, activations and resizing
    do not.

    Args:
        segmenter: The model.
        image: RGB `uint8 [H, W, 3]`.
    """
    with FlopCounterMode(display=False) as counter:
        segmenter.predict(image)
    return int(counter.get_total_flops()) // 2


def training_speed(lines: Sequence[Mapping[str, Any]]) -> float | None:
    """Compute images a second over all steps of a log, validations left out; `None` without steps.

    >>> lines = [{"kind": "step", "step": 10, "images_per_s": 2.0}, {"kind": "step", "step": 20, "images_per_s": 6.0}]
    >>> training_speed(lines)
    3.0
    """
    speeds, steps, before = [], [], 0
    for line in lines:
        if line["kind"] == "step":
            speeds.append(line["images_per_s"])
            steps.append(line["step"] - before)  # Validations begin a new stretch, and the last one may be short.
        before = line["step"]
    return statistics.harmonic_mean(speeds, steps) if speeds else None


def peak_memory_mib(device: torch.device) -> dict[str, float | None]:
    """Tell the most memory that this process has held so far, and the most of it on a GPU, in MiB."""
    on_gpu = torch.cuda.max_memory_allocated(device) / MIB if device.type == "cuda" else None
    return {"peak_memory_mib": round(_peak_bytes() / MIB, 1), "peak_gpu_memory_mib": on_gpu}


def machine(device: torch.device) -> dict[str, Any]:
    """Tell where and with what a cell ran."""
    is_gpu = device.type == "cuda"
    processor = torch.cpu.get_capabilities().get("cpu_name", "")
    return {
        "device": torch.cuda.get_device_name(device) if is_gpu else "cpu",
        "processor": str(processor),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "segan": __version__,
    }


def _peak_bytes() -> int:
    """The kernel's own mark where there is one: `getrusage` also counts what the parent held before `exec`."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
