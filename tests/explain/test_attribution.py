import builtins

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch import nn
from toy_models import OnePixel, Red, make_segmenter

from segan.errors import SeganError
from segan.explain.attribution import check_gradcam, gradcam_map, last_layer, occlusion_map
from segan.models import build_generator


def test_occlusion_finds_the_one_pixel_that_is_looked_at():
    image = np.full((24, 32, 3), 255, np.uint8)
    drops = occlusion_map(make_segmenter(OnePixel(5, 20)), image, 1, window_px=4)
    # Windows begin at every second pixel. Those over the pixel turn its 4 into 0: sigmoid(4) falls to 1/2.
    fall = expit(4.0) - 0.5
    covering = {(top, left) for top in range(0, 21, 2) for left in range(0, 29, 2)}
    expected = np.zeros((24, 32))
    visits = np.zeros((24, 32))
    for top, left in covering:
        visits[top : top + 4, left : left + 4] += 1
        if top <= 5 < top + 4 and left <= 20 < left + 4:
            expected[top : top + 4, left : left + 4] += fall
    np.testing.assert_allclose(drops, expected / visits, atol=1e-6)
    assert drops.argmax() == np.ravel_multi_index((4, 20), drops.shape)


def test_occlusion_of_the_other_class_is_negative_there():
    image = np.full((16, 16, 3), 255, np.uint8)
    drops = occlusion_map(make_segmenter(OnePixel(8, 8)), image, 0, window_px=4)
    assert drops.min() == pytest.approx(0.5 - expit(4.0), abs=0.01)
    assert drops.max() == pytest.approx(0.0, abs=1e-6)


def test_occlusion_takes_windows_larger_than_the_image_and_default_ones():
    image = np.full((6, 9, 3), 255, np.uint8)
    whole = occlusion_map(make_segmenter(Red()), image, 1, window_px=100)
    assert whole.shape == (6, 9)
    assert occlusion_map(make_segmenter(Red()), image, 1).shape == (6, 9)


def test_gradcam_by_hand():
    pytest.importorskip("pytorch_grad_cam")
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    network = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.Conv2d(2, 2, 1, bias=False))
    first, second = (torch.tensor(random.normal(size=shape), dtype=torch.float32) for shape in ((2, 3), (2, 2)))
    network[0].weight = nn.Parameter(first[:, :, None, None])
    network[1].weight = nn.Parameter(second[:, :, None, None])
    segmenter = make_segmenter(network)
    features = np.einsum("cd,hwd->chw", first.numpy(), image / 127.5 - 1.0)
    region = np.einsum("kc,chw->khw", second.numpy(), features).argmax(axis=0) == 1
    assert 0 < region.sum() < region.size
    # The gradient of the summed logits by feature c is its weight inside the region: the mean is weight times share.
    heat = np.maximum(np.einsum("c,chw->hw", second.numpy()[1] * region.mean(), features), 0.0)
    found = gradcam_map(segmenter, image, 1, layer=network[0])
    np.testing.assert_allclose(found, (heat - heat.min()) / (heat.max() - heat.min()), atol=1e-5)


def test_gradcam_leaves_the_network_as_it_was():
    pytest.importorskip("pytorch_grad_cam")
    network = Red().train()
    network.encoder[0].weight.requires_grad_(False)
    image = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    heat = gradcam_map(make_segmenter(network), image, 1)
    assert heat.shape == (12, 16)
    assert heat.max() == pytest.approx(1.0, abs=1e-5)
    assert network.training
    assert not network.encoder[0].weight.requires_grad
    assert network.encoder[0].weight.grad is None
    assert not network.encoder[0]._forward_hooks


def test_a_missing_package_is_told_with_its_command(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest, **named):
        if name.startswith("pytorch_grad_cam"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(SeganError, match=r"grad-cam was not found, expected .* Run pip install 'segan\[explain\]'"):
        check_gradcam()


@pytest.mark.parametrize(
    ("architecture", "encoder", "options", "part", "expected"),
    [
        ("unet", "resnet18", {}, "encoder", "network.encoder.layer4"),
        ("unet", "resnet18", {}, "decoder", "network.decoder.blocks.4"),
        # With a depth of 3 the later stages run, and nobody looks at them.
        (
            "unet",
            "mobilenet_v2",
            {"encoder_depth": 3, "decoder_channels": [8, 8, 8]},
            "encoder",
            "network.encoder.features.6",
        ),
        ("segnet", "none", {"channels": [2, 2, 2, 2, 2]}, "encoder", "network.encoder.4"),
        ("segnet", "none", {"channels": [2, 2, 2, 2, 2]}, "decoder", "network.decoder.0"),
        ("plain_unet", "none", {"channels": [2, 2, 2]}, "encoder", "network.encoder.2"),
        ("plain_unet", "none", {"channels": [2, 2, 2]}, "decoder", "network.decoder.1"),
    ],
)
def test_the_last_layer_is_the_end_of_a_part(architecture, encoder, options, part, expected):
    network = build_generator(architecture, encoder, num_classes=2, options=options).eval()
    layer = last_layer(network, torch.randn(1, 3, 64, 64), part)
    assert {module: name for name, module in network.named_modules()}[layer] == expected


def test_a_network_without_features_is_told():
    with pytest.raises(SeganError, match="no layer of OnePixel gives features"):
        last_layer(OnePixel(0, 0), torch.zeros(1, 3, 4, 4, requires_grad=True), "decoder")
