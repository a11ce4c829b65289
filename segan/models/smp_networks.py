"""Every architecture and encoder of segmentation_models_pytorch (SMP), told when they do not fit together."""

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torch
from safetensors.torch import load_file
from torch import nn

from segan.errors import ConfigError
from segan.models.names import unknown_name
from segan.models.sizes import AnySize

SMP_ARCHITECTURES: dict[str, Any] = dict(smp.MODEL_ARCHITECTURES_MAPPING)
_TIMM = "tu-"
# What makes families of timm models, by their module in timm, take other sizes than they were trained with.
_TIMM_SIZE_OPTIONS: dict[str, dict[str, bool]] = {
    "swin_transformer": {"strict_img_size": False},
    "swin_transformer_v2": {"strict_img_size": False},
    "swin_transformer_v2_cr": {"strict_img_size": False},
    "vision_transformer": {"dynamic_img_size": True},
    "deit": {"dynamic_img_size": True},
    "eva": {"dynamic_img_size": True},
}
# What is set here; `activation` and `aux_params` would turn the logits into something else.
_RESERVED = {"self", "kwargs", "encoder_name", "encoder_weights", "in_channels", "classes", "activation", "aux_params"}
_BUILD_ERRORS = (
    KeyError, ValueError, TypeError, AttributeError, IndexError, AssertionError, NotImplementedError, RuntimeError,
)  # fmt: skip
# Two stride-32 cells along each side at least: one alone has no batch statistics in a batch of one.
_MINIMUM = 64


def build_smp(
    architecture: str,
    encoder: str,
    num_classes: int,
    dropout: float,
    options: Mapping[str, Any],
    pretrained: Path | None = None,
) -> AnySize:
    """Build an SMP network for images of any size, from arguments that `check_smp` has passed.

    Args:
        architecture: Key of `SMP_ARCHITECTURES`.
        encoder: An SMP encoder, or `tu-` and a timm model.
        num_classes: Channels of the logits.
        dropout: Share of channels dropped before the last convolution, in 0..1.
        options: Further arguments of the SMP class; those of a `tu-` encoder go on to timm.
        pretrained: File of ImageNet weights for the encoder.

    Raises:
        ConfigError: SMP cannot build this pair, or it takes one size of image only.
    """
    chosen = _timm_arguments(encoder, pretrained) if encoder.startswith(_TIMM) else {}
    arguments: dict[str, Any] = {"encoder_weights": None, **chosen, **options}
    with _as_config_error(architecture, encoder):
        network = SMP_ARCHITECTURES[architecture](encoder_name=encoder, in_channels=3, classes=num_classes, **arguments)
    if pretrained is not None and not encoder.startswith(_TIMM):
        network.encoder.load_state_dict(load_file(pretrained))
    _drop_before_last(network.segmentation_head, dropout)
    sized = AnySize(network, **_size_rule(architecture, encoder, network.encoder.output_stride))
    if encoder.startswith(_TIMM):
        _try_sizes(sized, architecture, encoder)
    return sized


def check_smp(architecture: str, encoder: str, options: Mapping[str, Any]) -> None:
    """Check the names of an encoder and of options, before anything is built or downloaded.

    Raises:
        ConfigError: Neither SMP nor timm knows the encoder, or the architecture does not know an option.
    """
    if encoder.startswith(_TIMM):
        if not timm.is_model(encoder.removeprefix(_TIMM)):
            raise unknown_name("generator.encoder", encoder, [_TIMM + name for name in timm.list_models()])
    elif encoder not in smp.encoders.encoders:
        raise unknown_name("generator.encoder", encoder, smp.encoders.encoders)
    signature = inspect.signature(SMP_ARCHITECTURES[architecture].__init__)
    known = set(signature.parameters) - _RESERVED
    for name in options:
        # timm has hundreds of arguments; those it does not know are told when it builds the encoder.
        if name in _RESERVED or (name not in known and not encoder.startswith(_TIMM)):
            raise unknown_name("generator.options", name, known)


def _timm_arguments(encoder: str, pretrained: Path | None) -> dict[str, Any]:
    """Choose what makes a timm encoder take any size, and its weights from a local file."""
    model = encoder.removeprefix(_TIMM)
    family = timm.models.model_entrypoint(model.partition(".")[0]).__module__.rpartition(".")[2]
    arguments: dict[str, Any] = dict(_TIMM_SIZE_OPTIONS.get(family, {}))
    if pretrained is not None:
        arguments |= {"encoder_weights": True, "pretrained_cfg_overlay": {"file": str(pretrained)}}
    return arguments


def _size_rule(architecture: str, encoder: str, stride: int) -> dict[str, int]:
    """Look up which sizes a pair takes; found by trying them.

    SMP's Unet resizes to the size of each skip connection, so any size will do. Some timm encoders are strict about
    every stage. DPT halves the patch grid once more; PAN halves the encoder's last map three times.
    """
    multiple = max(stride, 32) if encoder.startswith(_TIMM) else stride
    if architecture == "unet" and not encoder.startswith(_TIMM):
        multiple = 1
    if architecture == "dpt":
        multiple = 2 * stride
    least = max(_MINIMUM, 8 * stride) if architecture == "pan" else _MINIMUM
    return {"multiple": multiple, "minimum": -(-least // multiple) * multiple}


def _drop_before_last(head: nn.Module, dropout: float) -> None:
    """Put dropout before the last convolution; names of weights stay, so dropout may change between runs."""
    if isinstance(head, nn.Sequential):
        layers = dict(head.named_children())
        for name in layers:
            delattr(head, name)
        head.add_module("dropout", nn.Dropout2d(dropout))
        for name, layer in layers.items():
            head.add_module(name, layer)
    else:
        # DPT's head has a dropout of its own there.
        inner = head.get_submodule("head")
        inner.register_module("3", nn.Dropout2d(dropout))


def _try_sizes(network: AnySize, architecture: str, encoder: str) -> None:
    """Run a timm encoder once at an unusual size: some are tied to the size of their training."""
    side = network.minimum
    with torch.no_grad(), _as_config_error(architecture, encoder):
        network.eval()(torch.zeros(1, 3, side, side + network.multiple))
    network.train()


@contextlib.contextmanager
def _as_config_error(architecture: str, encoder: str) -> Iterator[None]:
    try:
        yield
    except _BUILD_ERRORS as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"generator.encoder {encoder}: does not work in {architecture} ({reason}), expected one that "
            "works there with images of any size. Choose another encoder, or change generator.options."
        ) from error
