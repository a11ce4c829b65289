"""Batch norm that survives a batch of one where a layer pools the whole image to a single value."""

import torch.nn.functional as F
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn


class SingleValueBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that uses its running statistics where a batch has one value per channel, which has no variance."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise `[N, C, H, W]`."""
        return _normalize_single(self, input) if _is_single(self, input) else super().forward(input)


class SingleValueBatchNormAct2d(BatchNormAct2d):
    """The same for timm's batch norm with its activation."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise and activate `[N, C, H, W]`."""
        if not _is_single(self, x):
            activated: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return activated
        activated = self.act(self.drop(_normalize_single(self, x)))
        return activated


_REPLACEMENTS: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm2d: SingleValueBatchNorm2d,
    BatchNormAct2d: SingleValueBatchNormAct2d,
}


def allow_single_values(network: nn.Module) -> nn.Module:
    """Make every batch norm of a network safe for a batch of one, in place.

    Only the class changes, so weights, buffers and their names stay as they are.
    """
    for module in network.modules():
        replacement = _REPLACEMENTS.get(type(module))
        if replacement is not None:
            object.__setattr__(module, "__class__", replacement)
    return network


def _is_single(norm: nn.BatchNorm2d, values: Tensor) -> bool:
    return norm.training and norm.running_mean is not None and values.numel() == values.shape[1]


def _normalize_single(norm: nn.BatchNorm2d, values: Tensor) -> Tensor:
    return F.batch_norm(
        values, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=False, eps=norm.eps
    )
