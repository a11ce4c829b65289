"""A network as one graph that serves every size: from an image to the probabilities of its classes."""

import copy
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.overrides import TorchFunctionMode

from segan.errors import SeganError
from segan.models.sizes import AnySize

# The deepest encoders that can be traced take under a minute; some others do not end, and call torch ever more rarely.
TRACING_LIMIT_S = 150.0


class Probabilities(nn.Module):
    """A generator with its softmax, in evaluation mode, free of what a traced graph would tie to one size.

    Its parameters and buffers are the generator's own; the generator's modules and its mode stay as they are.

    Args:
        network: Image float `[N, 3, H, W]`, of any size, to logits `[N, K, H, W]`, as `build_generator` gives it.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = _copy_modules(network)
        _pool_exactly(self.network)
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        """Compute probabilities float32 `[N, K, H, W]` of an image float32 `[N, 3, H, W]`."""
        logits: Tensor = self.network(image.contiguous(memory_format=torch.channels_last))
        return logits.softmax(dim=1, dtype=torch.float32)


class ExactAveragePool(nn.Module):
    """`nn.AdaptiveAvgPool2d` as two matrix products, whose graph serves every size.

    A cell averages rows `floor(i H / h)` to `ceil((i + 1) H / h) - 1`, and columns likewise. Exporters write the traced
    size into the graph in place of these.

    Args:
        size: Height h and width w of the result.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, values: Tensor) -> Tensor:
        """Average `[N, C, H, W]` to `[N, C, h, w]`."""
        rows = _averages(self.size[0], values.shape[2], values)
        columns = _averages(self.size[1], values.shape[3], values)
        return rows @ (values @ columns.T)


def export_program(network: nn.Module) -> ExportedProgram:
    """Trace the probabilities of a generator, for any number, height and width of images.

    The result feeds `save_program`, and `torch.onnx.export` as it is: tracing the network again would take other
    branches, since some of SMP's modules ask whether they are exported to ONNX.

    Args:
        network: As for `Probabilities`, on any device.

    Returns:
        A program from `image`, float32 `[N, 3, H, W]`, to probabilities, float32 `[N, K, H, W]`. The conditions on
        sizes that its `module()` checks are guesses from the traced sample, which `save_program` leaves out: compare
        the result with the network at other sizes.

    Raises:
        SeganError: It takes longer than `TRACING_LIMIT_S`; that is noticed when the network next calls torch.
    """
    wrapped = Probabilities(network)
    dynamic = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    with torch.no_grad(), _Deadline(TRACING_LIMIT_S):
        return torch.export.export(wrapped, (_sample(network),), dynamic_shapes=(dynamic,), strict=False)


class _Deadline(TorchFunctionMode):
    """Ends what runs inside when it next calls torch after so long.

    An alarm would end it anywhere, also inside calls of torch that drop the exception and go on for ever.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if time.monotonic() > self.end:
            raise SeganError(
                f"the network cannot be exported: seen no graph for every size of image after {self.seconds:g} s, "
                "expected one within a minute. Encoders that cut their maps into windows (swin, maxvit) have none: "
                "predict with the run itself, or train with another encoder."
            )
        return function(*args, **(kwargs or {}))


def _sample(network: nn.Module) -> Tensor:
    """Make an image that has nothing special about it: two sides, more than twice the least one, that fit nowhere."""
    least, multiple = (network.minimum, network.multiple) if isinstance(network, AnySize) else (64, 32)
    device = next((tensor.device for tensor in network.parameters()), torch.device("cpu"))
    return torch.zeros(2, 3, 2 * least + multiple + 1, 3 * least + 3 * multiple + 1, device=device)


def _copy_modules(network: nn.Module) -> nn.Module:
    """Copy the modules of a network, but not its tensors."""
    tensors = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, tensors)


def _pool_exactly(network: nn.Module) -> None:
    """Replace each adaptive pooling to more than one value, in place."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.AdaptiveAvgPool2d):
                size = child.output_size
                height, width = size if isinstance(size, tuple) else (size, size)
                if height and width and (height, width) != (1, 1):
                    setattr(module, name, ExactAveragePool((height, width)))


def _averages(cells: int, side: int, like: Tensor) -> Tensor:
    """Build the matrix `[cells, side]` whose rows average the parts of a side.

    >>> _averages(2, 3, torch.zeros(1))
    tensor([[0.5000, 0.5000, 0.0000],
            [0.0000, 0.5000, 0.5000]])
    """
    cell = torch.arange(cells, device=like.device)[:, None]
    first, end = cell * side // cells, ((cell + 1) * side + cells - 1) // cells
    place = torch.arange(side, device=like.device)
    inside = (place >= first) & (place < end)
    return inside.to(like.dtype) / (end - first).to(like.dtype)
