"""SegNet's pooling indices and its start from VGG16."""

import pytest
import torch
import torch.nn.functional as F
from segmentation_models_pytorch.encoders import get_encoder
from torch import nn

from segan.models.segnet import SegNet, unpool


@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_unpool_is_torchs(size: tuple[int, int]) -> None:
    values = torch.randn(2, 3, *size)
    pooled, places = F.max_pool2d(values, 2, return_indices=True)
    expected = F.max_unpool2d(pooled, places, 2, output_size=size)
    assert torch.equal(unpool(pooled, places, values.shape), expected)


def test_layers_are_those_of_the_paper() -> None:
    network = SegNet(num_classes=11)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    # 13 in the encoder, 13 in the decoder, and the classifier.
    assert len(convolutions) == 27
    assert [module.out_channels for module in convolutions[13:]] == [
        64, 64, 128, 64, 256, 256, 128, 512, 512, 256, 512, 512, 512, 11
    ]  # fmt: skip


@pytest.mark.slow
def test_encoder_starts_from_vgg16() -> None:
    vgg = get_encoder("vgg16_bn", weights=None).eval()
    network = SegNet(num_classes=2).eval()
    network.load_vgg16(vgg.state_dict())
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        values = image
        for stage in network.encoder:
            values = F.max_pool2d(stage(values), 2)
        torch.testing.assert_close(values, vgg(image)[-1])


def test_other_layers_than_vggs_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        SegNet(num_classes=2, channels=(4, 4, 4, 4, 4)).load_vgg16({"features.0.weight": torch.zeros(4, 3, 3, 3)})
