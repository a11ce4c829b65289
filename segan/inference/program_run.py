"""Run checked calls one after the other: a network without its classes."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from segan.inference.program_calls import Call, ImageDevice, Reference

_CONVOLUTIONS = (
    torch.ops.aten.conv2d.default,
    torch.ops.aten.conv2d.padding,
    torch.ops.aten.conv_transpose2d.input,
)


class Program(nn.Module):
    """The calls of a program file, for inference; `to` moves it to a device as it does any module.

    Values of a run are numbered: the image, the tensors, and what each call returns.

    Args:
        tensors: Stored tensors.
        calls: In the order they are made.
        output: Which value is the result.
        sha256: Identity of the file's content, 64 hexadecimal digits.
    """

    def __init__(self, tensors: Sequence[Tensor], calls: Sequence[Call], output: Reference, sha256: str) -> None:
        super().__init__()
        kernels = {place for call in calls if call.function in _CONVOLUTIONS for place in _places(call.arguments[1:2])}
        for place, tensor in enumerate(tensors, start=1):
            if place in kernels and tensor.dim() == 4:
                # Convolutions of images in this layout would bring their kernels to it in every run.
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            self.register_buffer(f"tensor_{place}", tensor)
        self.sha256 = sha256
        self._calls = list(calls)
        self._output = output
        self._finished = _find_finished(calls, output, first=1 + len(tensors))

    def forward(self, image: Tensor) -> Tensor:
        """Compute the network's result of an image float32 `[N, 3, H, W]`, of any size."""
        values: list[Any] = [image, *self._buffers.values()]
        for call, finished in zip(self._calls, self._finished, strict=True):
            values.append(
                call.function(
                    *[_resolve(argument, values) for argument in call.arguments],
                    **{name: _resolve(option, values) for name, option in call.options.items()},
                )
            )
            for place in finished:
                values[place] = None
        result: Tensor = values[self._output.place]
        return result


def _resolve(argument: Any, values: Sequence[Any]) -> Any:
    if isinstance(argument, Reference):
        return values[argument.place]
    if isinstance(argument, list):
        return [_resolve(item, values) for item in argument]
    return values[0].device if isinstance(argument, ImageDevice) else argument


def _find_finished(calls: Sequence[Call], output: Reference, first: int) -> list[list[int]]:
    """List for each call the values that nothing needs after it, so that their memory is free for the next calls.

    Args:
        calls: In the order they are made.
        output: Kept to the end.
        first: Place of what the first call returns; the image and the stored tensors before it are kept too.
    """
    last_use = {}
    for index, call in enumerate(calls):
        last_use[first + index] = index
        for place in _places([*call.arguments, *call.options.values()]):
            last_use[place] = index
    finished: list[list[int]] = [[] for _ in calls]
    for place, index in last_use.items():
        if place >= first and place != output.place:
            finished[index].append(place)
    return finished


def _places(arguments: Sequence[Any]) -> Iterator[int]:
    for argument in arguments:
        if isinstance(argument, Reference):
            yield argument.place
        elif isinstance(argument, list):
            yield from _places(argument)
