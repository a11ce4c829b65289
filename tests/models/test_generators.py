"""Every generator of the table builds, takes any size and trains on one image."""

import re
from typing import Any

import pytest
import torch
from torch import nn

from segan.errors import ConfigError
from segan.models import GENERATORS, build_generator, count_parameters

ENCODERS = {"dpt": "tu-vit_tiny_patch16_224", "segformer": "mit_b0", "fcn": "resnet50"}
OPTIONS: dict[str, dict[str, Any]] = {
    "segnet": {"channels": [4, 8, 8, 8, 8]},
    "plain_unet": {"channels": [4, 8, 8]},
    "dpt": {"decoder_intermediate_channels": (8, 8, 8, 8), "decoder_fusion_channels": 8},
}
SLOW = {"fcn", "dpt", "upernet", "unetplusplus", "manet"}


def _build(architecture: str, **changes: Any) -> nn.Module:
    arguments = {"num_classes": 3, "options": OPTIONS.get(architecture, {}), **changes}
    return build_generator(architecture, ENCODERS.get(architecture, "resnet18"), **arguments)


@pytest.mark.parametrize(
    "architecture",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in GENERATORS],
)
def test_any_size_and_a_batch_of_one(architecture: str) -> None:
    network = _build(architecture, dropout=0.1).train()
    logits = network(torch.randn(1, 3, 65, 97))
    assert logits.shape == (1, 3, 65, 97)
    assert logits.dtype == torch.float32
    logits.square().mean().backward()
    moved = [weight.grad for weight in network.parameters() if weight.grad is not None]
    assert moved
    assert all(torch.isfinite(gradient).all() for gradient in moved)
    network.eval()
    with torch.no_grad():
        for size in ((1, 7), (64, 33), (1, 1)):
            assert network(torch.randn(1, 3, *size)).shape == (1, 3, *size)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "encoder"),
    [
        *(("unet", name) for name in (
            "vgg11_bn", "densenet121", "mobilenet_v2", "efficientnet-b0", "mit_b0", "mobileone_s0", "se_resnet50",
            "xception", "inceptionv4", "tu-convnext_atto", "tu-hrnet_w18_small", "tu-mobilenetv3_small_050",
            "tu-swin_tiny_patch4_window7_224",
        )),
        ("fpn", "tu-swin_tiny_patch4_window7_224"),
        ("pan", "tu-resnet10t"),
        ("deeplabv3plus", "mit_b0"),
    ],
)  # fmt: skip
def test_encoders_take_any_size(architecture: str, encoder: str) -> None:
    network = build_generator(architecture, encoder, num_classes=2)
    assert network(torch.randn(1, 3, 33, 70)).shape == (1, 2, 33, 70)
    assert network(torch.randn(1, 3, 101, 47)).shape == (1, 2, 101, 47)


@pytest.mark.parametrize(
    "architecture", ["unet", "fpn", "pspnet", "segnet", "plain_unet", pytest.param("dpt", marks=pytest.mark.slow)]
)
def test_dropout_stands_before_the_last_convolution(architecture: str) -> None:
    torch.manual_seed(0)
    network = _build(architecture, dropout=1.0)
    logits = network.train()(torch.randn(2, 3, 64, 64))
    # With all channels dropped only the bias of the last convolution is left.
    flat = logits - logits[:1, :, :1, :1]
    assert flat.abs().max() < 1e-5
    assert network.eval()(torch.randn(2, 3, 64, 64)).std() > 1e-3


def test_dropout_does_not_change_the_names_of_weights() -> None:
    with_dropout, without = _build("unet", dropout=0.5), _build("unet")
    assert with_dropout.state_dict().keys() == without.state_dict().keys()
    assert "network.encoder.conv1.weight" in without.state_dict()
    assert "network.segmentation_head.0.weight" in without.state_dict()


def test_weights_from_scratch_follow_the_seed() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(_build("unet").state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_options_reach_smp() -> None:
    small = _build("unet", options={"encoder_depth": 3, "decoder_channels": (32, 16, 8)})
    assert count_parameters(small) < count_parameters(_build("unet"))
    assert small(torch.randn(1, 3, 50, 50)).shape == (1, 3, 50, 50)


def test_an_option_that_changes_the_output_size_still_gives_logits_at_input_size() -> None:
    network = _build("pspnet", options={"upsampling": 4})
    assert network(torch.randn(1, 3, 65, 70)).shape == (1, 3, 65, 70)


def test_channels_last_gives_the_same_logits() -> None:
    torch.manual_seed(0)
    network = _build("unet").eval()
    image = torch.randn(2, 3, 61, 64)
    with torch.no_grad():
        expected = network(image)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        torch.testing.assert_close(
            network(image.contiguous(memory_format=torch.channels_last)), expected, rtol=1e-3, atol=1e-4
        )


def test_backward_is_deterministic() -> None:
    torch.manual_seed(0)
    network = _build("segnet")
    image = torch.randn(1, 3, 50, 70, requires_grad=True)
    gradients = []
    torch.use_deterministic_algorithms(True)
    try:
        for _ in range(2):
            image.grad = None
            network(image).square().sum().backward()
            gradients.append(image.grad.clone())
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(*gradients)


@pytest.mark.parametrize(
    ("architecture", "encoder", "options", "message"),
    [
        ("unett", "resnet18", {}, "generator.architecture unett: unknown.*Did you mean unet"),
        ("unet", "resnet81", {}, "generator.encoder resnet81: unknown.*Did you mean resnet18"),
        ("unet", "tu-convnext_atoo", {}, "tu-convnext_atoo: unknown.*Did you mean tu-convnext_atto"),
        ("fcn", "resnet18", {}, "generator.encoder resnet18: unknown, expected one of 2 names"),
        ("unet", "resnet18", {"decoder_chanels": (1,)}, "generator.options decoder_chanels: .*decoder_channels"),
        ("unet", "resnet18", {"activation": "softmax"}, "generator.options activation: unknown"),
        ("unet", "tu-resnet10t", {"aux_params": {}}, "generator.options aux_params: unknown"),
        ("unet", "tu-resnet10t", {"no_such_thing": 1}, "tu-resnet10t: does not work in unet"),
        ("unet", "resnet18", {"encoder_depth": 9}, "resnet18: does not work in unet"),
        ("fcn", "resnet50", {"depth": 3}, "generator.options depth: unknown"),
        ("segnet", "resnet18", {"chanels": (1,)}, "generator.options chanels: .*Did you mean channels"),
        ("segnet", "resnet18", {"channels": (8, 8)}, "generator.options channels: seen 2 widths, expected 5"),
        ("plain_unet", "resnet18", {"widths": (8, 8)}, "generator.options widths: unknown"),
        ("plain_unet", "resnet18", {"channels": (8,)}, "generator.options channels: seen 1 widths, expected two"),
        ("deeplabv3", "vgg11_bn", {}, "vgg11_bn: does not work in deeplabv3"),
        ("dpt", "resnet18", {}, "resnet18: does not work in dpt"),
        ("unet", "tu-hiera_tiny_224", {}, "tu-hiera_tiny_224: does not work in unet .*images of any size"),
    ],
)
def test_what_cannot_be_built_is_told(architecture: str, encoder: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_generator(architecture, encoder, num_classes=2, options=options)


def test_every_name_of_the_table_is_told_where_none_is_close() -> None:
    with pytest.raises(ConfigError, match=re.escape("Known: deeplabv3, deeplabv3plus, dpt, fcn, fpn")):
        build_generator("xyz", "resnet18", num_classes=2)
