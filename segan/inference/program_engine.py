"""Exported programs run by torch."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from segan.inference.devices import check_precision, choose_device
from segan.inference.program_file import load_program
from segan.inference.torch_engine import TorchEngine


@dataclass
class ProgramEngine(TorchEngine):
    """A program whose own last step is the softmax."""

    def _compute(self, images: Tensor) -> Tensor:
        probs: Tensor = self.network(images)
        return probs


def open_program(path: Path, device: str, precision: str, lanes: int) -> ProgramEngine:
    """Open a program.

    Args:
        path: The file.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        precision: `fp32`, `bf16` or `fp16`.
        lanes: Threads that will run it at once.

    Raises:
        UsageError: The device or precision cannot be had.
        CheckpointError: The file is damaged or no program of ours.
    """
    where = choose_device(device)
    check_precision(precision, where)
    return ProgramEngine(load_program(path).to(where), where, precision, lanes)
