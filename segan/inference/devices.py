"""Choose where and how precisely a network predicts."""

import torch

from segan.errors import UsageError

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:N` into a device.

    Raises:
        UsageError: CUDA or that device of it is asked for and absent, or the name is unknown.
    """
    cuda = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "cpu")
    kind, _, index = name.partition(":")
    if name != "cpu" and not (kind == "cuda" and (name == "cuda" or index.isdecimal())):
        raise UsageError(f"--device {name}: unknown, expected auto, cpu, cuda or cuda:N. Use one of these.")
    if kind == "cuda" and not cuda:
        raise UsageError(f"--device {name}: no CUDA device was found, expected one. Use --device cpu or auto.")
    count = torch.cuda.device_count()
    if index and int(index) >= count:
        raise UsageError(f"--device {name}: seen {count} devices, expected N below {count}. Use cuda:0.")
    return torch.device(name)


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse an arithmetic that the device cannot do.

    Raises:
        UsageError: The name is unknown, or fp16 is asked for without CUDA.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"precision {precision}: unknown, expected {', '.join(PRECISIONS)}. Use one of these.")
    if precision == "fp16" and device.type != "cuda":
        raise UsageError(f"precision fp16: needs CUDA, seen {device.type}. Use fp32 or bf16.")
