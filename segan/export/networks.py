"""Write a network as a file that ONNX Runtime, OpenVINO or torch opens."""

import contextlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import nn

from segan.errors import SeganError, UsageError
from segan.export.graph import export_program
from segan.inference.openvino_package import import_openvino

_INSTALL = "expected it. Run pip install 'segan[{extra}]'."


def write_torch(network: nn.Module, folder: Path) -> None:
    """Write `program.safetensors`: the calls of the network and its weights, without any pickle."""
    from segan.inference.program_file import save_program

    save_program(folder / "program.safetensors", export_program(network))


def write_onnx(network: nn.Module, folder: Path) -> None:
    """Write `model.onnx`.

    Raises:
        UsageError: The packages that write it are not installed.
    """
    try:
        import onnx  # noqa: F401 - torch needs both and says so only late.
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UsageError(f"--format: {error.name} is not installed, {_INSTALL.format(extra='onnx')}") from error
    import torch

    with quiet():
        program = torch.onnx.export(export_program(network), dynamo=True, verbose=False, optimize=True)
        assert program is not None
        program.save(folder / "model.onnx")


def write_openvino(network: nn.Module, folder: Path) -> None:
    """Write `model.xml` and `model.bin`, by way of ONNX, which OpenVINO reads best.

    Raises:
        UsageError: OpenVINO, or what writes ONNX, is not installed.
    """
    openvino = import_openvino("--format openvino")
    with tempfile.TemporaryDirectory(dir=folder) as between:
        write_onnx(network, Path(between))
        with quiet():
            model = openvino.convert_model(Path(between) / "model.onnx")
            openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
        del model  # It holds the file.


WRITERS: dict[str, Callable[[nn.Module, Path], None]] = {
    "onnx": write_onnx,
    "openvino": write_openvino,
    "torch": write_torch,
}


def write_network(kind: str, network: nn.Module, folder: Path) -> None:
    """Write a network as files of one kind.

    Args:
        kind: Key of `WRITERS`.
        network: Image float `[N, 3, H, W]`, of any size, to logits `[N, K, H, W]`.
        folder: Takes the files named in `NETWORK_FILES`.

    Raises:
        UsageError: What writes that kind is not installed.
        SeganError: The network cannot be written so.
    """
    try:
        WRITERS[kind](network, folder)
    except (SeganError, OSError):
        raise
    except Exception as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise SeganError(
            f"--format {kind}: the network cannot be exported ({type(error).__name__}: {first[:300]}), expected layers "
            "that it knows. Try another --format."
        ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what exporters print for their own developers off both outputs; errors come as exceptions."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), open_nowhere() as nowhere, contextlib.redirect_stdout(nowhere):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def open_nowhere() -> Iterator[Any]:
    """Open a text stream that keeps nothing."""
    with Path(os.devnull).open("w", encoding="utf-8") as stream:
        yield stream
