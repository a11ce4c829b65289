"""Stacks of convolutions: shapes, receptive field, small inputs, exact resume; of every kind where it is the same."""

import copy

import pytest
import torch
from torch import Tensor, nn

from segan.errors import ConfigError
from segan.models import DISCRIMINATORS, build_discriminator, receptive_field_px
from segan.models.discriminator_layers import NORMS


def _pair(height: int, width: int, num_classes: int = 2, batch: int = 1) -> tuple[Tensor, Tensor]:
    return torch.randn(batch, 3, height, width), torch.rand(batch, num_classes, height, width)


@pytest.mark.parametrize("kind", ["patch", "pixel", "image"])
@pytest.mark.parametrize("norm", NORMS)
def test_shapes_of_logits_and_features(kind: str, norm: str) -> None:
    discriminator = build_discriminator(kind, num_classes=2, depth=2, channels=4, norm=norm, input_scale=0.5)
    logits, features = discriminator(*_pair(48, 64, batch=2))
    sizes = {"patch": (4, 6), "pixel": (24, 32), "image": (1, 1)}
    assert logits.shape == (2, 1, *sizes[kind])
    assert len(features) == {"patch": 3, "pixel": 2, "image": 3}[kind]
    assert features[0].shape[1] == 4
    assert features[-1].shape[1] == {"patch": 16, "pixel": 8, "image": 16}[kind]
    logits.mean().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in discriminator.parameters() if weight.grad is not None)


def test_depth_three_is_the_patch_of_70_pixels() -> None:
    assert receptive_field_px(build_discriminator("patch", num_classes=2)) == 70
    assert receptive_field_px(build_discriminator("patch", num_classes=2, input_scale=0.5)) == 140
    assert receptive_field_px(build_discriminator("pixel", num_classes=2)) == 1
    assert receptive_field_px(build_discriminator("image", num_classes=2)) is None


def _footprint(discriminator: nn.Module, side: int) -> tuple[int, int]:
    """Measure height and width of the input that moves the logit in the middle."""
    image, mask = _pair(side, side)
    image, mask = image.double().requires_grad_(), mask.double().requires_grad_()
    logits, _ = discriminator.double()(image, mask)
    middle = logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2]
    gradients = torch.autograd.grad(middle, [image, mask])
    for gradient in gradients:
        touched = (gradient != 0).any(dim=1)[0]
        rows, columns = touched.any(dim=1).nonzero(), touched.any(dim=0).nonzero()
    return int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1


@pytest.mark.parametrize(("depth", "scale"), [(1, 1.0), (2, 1.0), (3, 1.0), (2, 0.5), (1, 0.25)])
def test_receptive_field_is_the_footprint_of_the_gradient(depth: int, scale: float) -> None:
    torch.manual_seed(0)
    discriminator = build_discriminator("patch", num_classes=2, depth=depth, channels=2, norm="none", input_scale=scale)
    field = receptive_field_px(discriminator)
    assert _footprint(discriminator, 160) == (field, field)


def test_receptive_field_at_a_broken_scale_is_right_within_a_cell() -> None:
    torch.manual_seed(0)
    discriminator = build_discriminator("patch", num_classes=2, depth=2, channels=2, norm="none", input_scale=0.75)
    field = receptive_field_px(discriminator)
    assert field is not None
    assert abs(_footprint(discriminator, 160)[0] - field) <= 2


@pytest.mark.parametrize("kind", DISCRIMINATORS)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("size", [(1, 1), (5, 40)])
def test_small_inputs_are_judged_too(kind: str, norm: str, size: tuple[int, int]) -> None:
    discriminator = build_discriminator(kind, num_classes=2, depth=3, channels=2, norm=norm, input_scale=0.5)
    logits, _ = discriminator(*_pair(*size))
    assert logits.numel() >= 1
    assert torch.isfinite(logits).all()


def test_spectral_norm_bounds_every_layer() -> None:
    torch.manual_seed(0)
    discriminator = build_discriminator("patch", num_classes=2, channels=4)
    for _ in range(30):
        discriminator(*_pair(32, 32))
    for module in discriminator.modules():
        if isinstance(module, nn.Conv2d):
            assert torch.linalg.matrix_norm(module.weight.flatten(1), ord=2).item() == pytest.approx(1.0, abs=0.05)


def test_there_is_no_batch_norm() -> None:
    for kind in DISCRIMINATORS:
        for norm in NORMS:
            modules = build_discriminator(kind, num_classes=2, norm=norm).modules()
            assert not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in modules)


def test_a_saved_state_goes_on_bit_for_bit() -> None:
    torch.manual_seed(0)
    discriminator = build_discriminator("patch", num_classes=2, depth=2, channels=4)
    discriminator(*_pair(32, 32))
    state = copy.deepcopy(discriminator.state_dict())
    pairs = [_pair(32, 32) for _ in range(3)]
    straight = [discriminator(*pair)[0] for pair in pairs]
    torch.manual_seed(1)
    resumed = build_discriminator("patch", num_classes=2, depth=2, channels=4)
    resumed.load_state_dict(state)
    assert all(torch.equal(resumed(*pair)[0], logits) for pair, logits in zip(pairs, straight, strict=True))


def test_gradient_of_a_gradient_exists() -> None:
    discriminator = build_discriminator("patch", num_classes=2, depth=2, channels=4, input_scale=0.5)
    image, mask = _pair(32, 32)
    mask.requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(image, mask)[0].sum(), mask, create_graph=True)
    gradient.square().sum().backward()
    assert any(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in discriminator.parameters())


def test_unknown_names_are_told() -> None:
    with pytest.raises(ConfigError, match=r"discriminator\.kind path: unknown.*Did you mean patch"):
        build_discriminator("path", num_classes=2)
    with pytest.raises(ConfigError, match=r"discriminator\.norm batch: unknown, expected one of 3 names"):
        build_discriminator("patch", num_classes=2, norm="batch")
