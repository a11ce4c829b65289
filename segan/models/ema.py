"""Exponential moving average of a network: the one that is evaluated and saved."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """A copy of a network whose weights are the moving average of the original's.

    Floating-point buffers (running statistics of batch norm) are averaged as the weights are: statistics copied from
    the last step would belong to other weights than the averaged ones. Integer buffers are counts and are copied.

    Args:
        module: The network to follow; copied here, with device and layout.
        decay: Share of the old average that stays at each update, in 0..1. Early on it is `(1 + t) / (10 + t)` after t
            updates, where that is less, so that the random start is forgotten.

    Source:
        Polyak and Juditsky 1992; the warm-up as in TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average towards the network's present state.

        Args:
            module: The network given at construction, one optimizer step later.
        """
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        averages, values = _tensors(self.module), _tensors(module)
        floating = [average.is_floating_point() for average in averages]
        moving = [average for average, is_float in zip(averages, floating, strict=True) if is_float]
        targets = [value for value, is_float in zip(values, floating, strict=True) if is_float]
        torch._foreach_lerp_(moving, targets, 1.0 - decay)
        for average, value, is_float in zip(averages, values, floating, strict=True):
            if not is_float:
                average.copy_(value)
        self.updates += 1

    def state_dict(self) -> dict[str, Tensor]:
        """List the average's tensors by name, and the number of updates under `updates`."""
        state: dict[str, Tensor] = {f"module.{name}": value for name, value in self.module.state_dict().items()}
        return {"updates": torch.tensor(self.updates), **state}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over a state of `state_dict`; further updates are then bit for bit those of the original.

        Raises:
            KeyError: `updates` is missing.
            RuntimeError: The tensors are those of another network.
        """
        self.module.load_state_dict({name.removeprefix("module."): state[name] for name in state if name != "updates"})
        self.updates = int(state["updates"])


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
