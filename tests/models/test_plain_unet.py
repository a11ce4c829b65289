"""The U-Net of the paper: its layers, and that it sees single pixels."""

import torch
from torch import nn

from segan.models.plain_unet import PlainUNet


def test_layers_are_those_of_the_paper() -> None:
    network = PlainUNet(num_classes=2)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 23  # "In total the network has 23 convolutional layers."
    levels = [level[0].in_channels for level in network.encoder], [level[0].in_channels for level in network.decoder]
    assert levels == ([3, 64, 128, 256, 512], [1024, 512, 256, 128])


def test_the_first_skip_is_at_full_size() -> None:
    torch.manual_seed(0)
    network = PlainUNet(num_classes=2, channels=(4, 8, 8)).eval()
    sizes = []
    for level in [*network.encoder, *network.decoder]:
        level.register_forward_hook(lambda _, __, values: sizes.append(tuple(values.shape[-2:])))
    network(torch.randn(1, 3, 16, 24))
    assert sizes == [(16, 24), (8, 12), (4, 6), (8, 12), (16, 24)]


def test_every_weight_learns() -> None:
    network = PlainUNet(num_classes=3, channels=(4, 8))
    network(torch.randn(2, 3, 8, 8)).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())
