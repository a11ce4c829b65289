"""Generators: from an image to one logit per class and pixel."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import nn

from segan.errors import ConfigError
from segan.models.batchnorm import allow_single_values
from segan.models.fcn import ENCODERS as FCN_ENCODERS
from segan.models.fcn import FCN
from segan.models.names import unknown_name
from segan.models.plain_unet import WIDTHS as UNET_WIDTHS
from segan.models.plain_unet import PlainUNet
from segan.models.segnet import WIDTHS as SEGNET_WIDTHS
from segan.models.segnet import SegNet
from segan.models.sizes import AnySize
from segan.models.smp_networks import SMP_ARCHITECTURES, build_smp, check_smp
from segan.models.weights import POLICIES, find_imagenet_weights, load_file_weights

# (encoder, number of classes, dropout, options, policy of ImageNet weights) to a network
Builder = Callable[[str, int, float, Mapping[str, Any], str], AnySize]


def build_generator(
    architecture: str,
    encoder: str,
    *,
    num_classes: int,
    dropout: float = 0.0,
    weights: str = "none",
    options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Build a network from `[N, 3, H, W]`, any H and W, to logits `[N, K, H, W]`.

    Every one can be trained with a batch of one image.

    Args:
        architecture: Key of `GENERATORS`.
        encoder: SMP's name, or `tu-` and timm's; `resnet50` or `resnet101` for `fcn`; not used by `ENCODERLESS`.
        num_classes: Channels K of the logits.
        dropout: Share of channels dropped before the last convolution, in 0..1.
        weights: `none`: from scratch. `auto`: the encoder's ImageNet weights from the local cache or a download, else
            from scratch with a warning. `imagenet`: those or an error. Else a run folder or a `model.safetensors`.
        options: Passed on to the SMP class; `channels`, the width of each level, for `segnet` and `plain_unet`.

    Raises:
        ConfigError: Unknown architecture, encoder, option or file of weights, or a pair that does not fit.
        CheckpointError: The file of weights is damaged or fits nothing.
        SeganError: ImageNet weights are required and cannot be had.
    """
    if architecture not in GENERATORS:
        raise unknown_name("generator.architecture", architecture, GENERATORS)
    policy = weights if weights in POLICIES else "none"
    network = GENERATORS[architecture](encoder, num_classes, dropout, options or {}, policy)
    allow_single_values(network)
    if weights not in POLICIES:
        load_file_weights(network, weights)
    return network


def name_generator(architecture: str, encoder: str) -> str:
    """Name a network: its architecture, and its encoder where it has one to choose.

    >>> name_generator("unet", "resnet18"), name_generator("segnet", "resnet18")
    ('unet resnet18', 'segnet')
    """
    return architecture if architecture in ENCODERLESS else f"{architecture} {encoder}"


def count_parameters(module: nn.Module) -> int:
    """Count the numbers that training changes.

    >>> count_parameters(nn.Linear(2, 3))
    9
    """
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def _smp(
    encoder: str, num_classes: int, dropout: float, options: Mapping[str, Any], policy: str, *, architecture: str
) -> AnySize:
    check_smp(architecture, encoder, options)
    pretrained = find_imagenet_weights(policy, encoder)
    return build_smp(architecture, encoder, num_classes, dropout, options, pretrained)


def _fcn(encoder: str, num_classes: int, dropout: float, options: Mapping[str, Any], policy: str) -> AnySize:
    if encoder not in FCN_ENCODERS:
        raise unknown_name("generator.encoder", encoder, FCN_ENCODERS)
    _refuse_options(options, known=())
    network = FCN(encoder, num_classes, dropout)
    pretrained = find_imagenet_weights(policy, encoder)
    if pretrained is not None:
        # SMP's ResNet is torchvision's: the same names, with the classifier of ImageNet on top.
        _load_encoder(network.encoder, pretrained)
    return AnySize(network, multiple=8, minimum=64)


def _segnet(encoder: str, num_classes: int, dropout: float, options: Mapping[str, Any], policy: str) -> AnySize:
    _refuse_options(options, known=("channels",))
    channels = tuple(options.get("channels", SEGNET_WIDTHS))
    if len(channels) != len(SEGNET_WIDTHS):
        raise ConfigError(
            f"generator.options channels: seen {len(channels)} widths, expected {len(SEGNET_WIDTHS)}. "
            f"Write for example channels: {list(SEGNET_WIDTHS)}."
        )
    network = SegNet(num_classes, dropout, channels)
    pretrained = find_imagenet_weights(policy if channels == SEGNET_WIDTHS else "none", "vgg16_bn")
    if pretrained is not None:
        network.load_vgg16(load_file(pretrained))
    return AnySize(network, multiple=32, minimum=64)


def _plain_unet(encoder: str, num_classes: int, dropout: float, options: Mapping[str, Any], policy: str) -> AnySize:
    _refuse_options(options, known=("channels",))
    channels = tuple(options.get("channels", UNET_WIDTHS))
    if len(channels) < 2:
        raise ConfigError(
            f"generator.options channels: seen {len(channels)} widths, expected two or more, one for each level. "
            f"Write for example channels: {list(UNET_WIDTHS)}."
        )
    multiple = 2 ** (len(channels) - 1)
    return AnySize(PlainUNet(num_classes, dropout, channels), multiple=multiple, minimum=2 * multiple)


def _refuse_options(options: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in options:
        if name not in known:
            raise unknown_name("generator.options", name, known)


def _load_encoder(encoder: nn.Module, pretrained: Path) -> None:
    tensors = load_file(pretrained)
    encoder.load_state_dict({name: value for name, value in tensors.items() if not name.startswith("fc.")})


GENERATORS: dict[str, Builder] = {
    **{architecture: partial(_smp, architecture=architecture) for architecture in SMP_ARCHITECTURES},
    "fcn": _fcn,
    "segnet": _segnet,
    "plain_unet": _plain_unet,
}

# All of one piece: `generator.encoder` says nothing about them.
ENCODERLESS = ("segnet", "plain_unet")
