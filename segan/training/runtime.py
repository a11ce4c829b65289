"""What a run needs to know of its machine: device, precision, threads, determinism and random states."""

import contextlib
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from segan.inference.devices import PRECISIONS, check_precision, choose_device

# Torch sets this module's flag through a class of its own, which type checkers cannot see.
FILL: Any = torch.utils.deterministic


@dataclass(frozen=True)
class Runtime:
    """Device and arithmetic of a run.

    Args:
        device: Where the networks live.
        precision: `fp32`, `bf16` or `fp16`.
        channels_last: Whether images and weights use that memory layout.
    """

    device: torch.device
    precision: str
    channels_last: bool

    @property
    def memory_format(self) -> torch.memory_format:
        """Layout of 4-d tensors."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def autocast(self) -> torch.autocast:
        """Open the mixed-precision region of a forward pass; does nothing in fp32."""
        dtype = PRECISIONS[self.precision]
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not torch.float32)

    def place(self, module: torch.nn.Module) -> torch.nn.Module:
        """Move a network to the device and layout."""
        return module.to(device=self.device, memory_format=self.memory_format)  # type: ignore[call-overload,no-any-return]

    def to_device(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Move a batch: image `[N, 3, H, W]` in the layout, mask `[N, H, W]` as int64."""
        image = image.to(self.device, non_blocking=True, memory_format=self.memory_format)
        return image, mask.to(self.device, dtype=torch.long, non_blocking=True)


def build_runtime(device: str, precision: str, *, channels_last: bool) -> Runtime:
    """Choose the device and precision of a run.

    Args:
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        precision: `auto`, `fp32`, `bf16` or `fp16`.
        channels_last: Memory layout of images and weights.

    Raises:
        UsageError: The device is unknown or absent, or fp16 is asked for without CUDA.
    """
    chosen = choose_device(device)
    if precision == "auto":
        precision = "bf16" if multiplies_bf16(chosen) else "fp32"
    check_precision(precision, chosen)
    return Runtime(chosen, precision, channels_last)


def multiplies_bf16(device: torch.device) -> bool:
    """Tell whether bf16 is native there; emulated, it is ten times slower than fp32 on a CPU."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


@contextlib.contextmanager
def deterministic_kernels(wanted: bool | None, device: torch.device) -> Iterator[None]:
    """Allow only deterministic kernels inside the block; the process is left as it was found.

    Args:
        wanted: Whether to; `None`: on a CPU, where it costs nothing.
        device: Where the kernels run.
    """
    enabled = device.type == "cpu" if wanted is None else wanted
    before = torch.are_deterministic_algorithms_enabled()
    fill_before = FILL.fill_uninitialized_memory
    benchmark_before = torch.backends.cudnn.benchmark
    if enabled:  # cuBLAS reads it once, at its first product, and torch refuses to go on without it.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(enabled or before)
    FILL.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = not enabled
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        FILL.fill_uninitialized_memory = fill_before
        torch.backends.cudnn.benchmark = benchmark_before


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Take the states of torch's random generators that a run draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_random_states(states: dict[str, Tensor], device: torch.device) -> None:
    """Put random states back, as taken by `random_states`."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
