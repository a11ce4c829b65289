"""Every kind of discriminator with every input: shapes, sizes, fields, and one map of what it says."""

import pytest
import torch
from torch import Tensor, nn

from segan.errors import ConfigError
from segan.models import DISCRIMINATORS, build_discriminator, receptive_field_px
from segan.models.discriminator_base import INPUTS, Discriminator, concat, mask_only, product
from segan.models.discriminator_layers import NORMS

NEW = ("multiscale", "confidence", "pixel_class")
DENSE = ("pixel", "confidence", "pixel_class")


def make(kind: str, **options: object) -> Discriminator:
    torch.manual_seed(0)
    return build_discriminator(kind, **{"num_classes": 2, "depth": 2, "channels": 2, **options})  # type: ignore[arg-type]


def pair(height: int, width: int, num_classes: int = 2, batch: int = 1) -> tuple[Tensor, Tensor]:
    return torch.randn(batch, 3, height, width), torch.rand(batch, num_classes, height, width)


@pytest.mark.parametrize("kind", DISCRIMINATORS)
@pytest.mark.parametrize("shown", INPUTS)
@pytest.mark.parametrize("size", [(48, 64), (37, 51), (5, 40), (1, 1)])
@pytest.mark.parametrize("scale", [1.0, 0.5, 0.75])
def test_any_size_is_judged(kind: str, shown: str, size: tuple[int, int], scale: float) -> None:
    discriminator = make(kind, num_classes=3, input=shown, input_scale=scale)
    logits, features = discriminator(*pair(*size, num_classes=3))
    assert logits.shape[1] == {"multiscale": 2, "pixel_class": 4}.get(kind, 1)
    if kind in DENSE:
        seen = [max(1, round(side * scale)) if scale == 0.75 else -(-side // round(1 / scale)) for side in size]
        assert list(logits.shape[2:]) == seen or (kind == "pixel" and min(seen) < 2)
    assert all(torch.isfinite(values).all() for values in [logits, *features])
    realness = discriminator.realness(logits)
    assert realness.shape == (1, 1, *logits.shape[2:])
    realness.sum().backward()
    assert any(weight.grad is not None and weight.grad.any() for weight in discriminator.parameters())


@pytest.mark.parametrize("kind", NEW)
@pytest.mark.parametrize("norm", NORMS)
def test_norms_and_batches(kind: str, norm: str) -> None:
    logits, features = make(kind, norm=norm)(*pair(24, 40, batch=2))
    assert len(logits) == 2
    assert all(torch.isfinite(values).all() for values in [logits, *features])


def test_features_of_the_new_kinds() -> None:
    sizes = {kind: [tuple(feature.shape[1:]) for feature in make(kind)(*pair(22, 32))[1]] for kind in NEW}
    # Two scales of 22x32 and 11x16, both of which the patches enlarge where they are below 12 pixels.
    assert sizes["multiscale"] == [(2, 11, 16), (4, 5, 8), (8, 4, 7), (2, 6, 8), (4, 3, 4), (8, 2, 3)]
    # 22 rows go on to 24, whose cells over the last two rows alone are dropped.
    assert sizes["confidence"] == [(2, 11, 16), (4, 6, 8)]
    assert sizes["pixel_class"] == [(2, 22, 32), (4, 11, 16), (8, 6, 8), (4, 11, 16), (2, 22, 32)]


def test_what_is_shown_by_hand() -> None:
    image = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)
    probs = torch.tensor([0.25, 0.75]).view(1, 2, 1, 1)
    assert concat(image, probs).flatten().tolist() == [1.0, 2.0, 3.0, 0.25, 0.75]
    assert product(image, probs).flatten().tolist() == [0.25, 0.5, 0.75, 0.75, 1.5, 2.25]
    assert mask_only(image, probs).flatten().tolist() == [0.25, 0.75]


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_a_judge_of_masks_does_not_look_at_the_image(kind: str) -> None:
    discriminator = make(kind, input="mask", norm="none")
    image, mask = pair(24, 24)
    assert torch.equal(discriminator(image, mask)[0], discriminator(image + 1.0, mask)[0])
    discriminator = make(kind, norm="none")
    assert not torch.equal(discriminator(image, mask)[0], discriminator(image + 1.0, mask)[0])


@pytest.mark.parametrize(("kind", "scale"), [("multiscale", 1.0), ("multiscale", 0.5), ("confidence", 1.0)])
def test_the_field_is_the_footprint_of_the_gradient(kind: str, scale: float) -> None:
    discriminator = make(kind, depth=1, norm="none", input_scale=scale).double()
    image, mask = pair(128, 128)
    mask = mask.double().requires_grad_()
    logits = discriminator(image.double(), mask)[0][0, -1]  # Of scales the coarsest.
    (gradient,) = torch.autograd.grad(logits[logits.shape[0] // 2, logits.shape[1] // 2], [mask])
    rows = (gradient != 0).any(dim=1)[0].any(dim=1).nonzero()
    assert int(rows.max() - rows.min()) + 1 == receptive_field_px(discriminator)


@pytest.mark.parametrize(("depth", "field"), [(1, 18), (2, 44), (3, 100)])
def test_the_field_of_pixel_class_is_its_largest_footprint(depth: int, field: int) -> None:
    discriminator = make("pixel_class", depth=depth, channels=1, norm="none").double()
    assert receptive_field_px(discriminator) == field
    mask = torch.rand(1, 2, 160, 16, dtype=torch.float64, requires_grad=True)
    logits = discriminator(torch.randn(1, 3, 160, 16, dtype=torch.float64), mask)[0]
    sides = []
    for row in range(72, 80):
        (gradient,) = torch.autograd.grad(logits[0, 0, row, 8], [mask], retain_graph=True)
        rows = (gradient != 0).any(dim=1)[0].any(dim=1).nonzero()
        assert int(rows.min()) <= row <= int(rows.max())
        sides.append(int(rows.max() - rows.min()) + 1)
    assert max(sides) == field


def test_each_scale_is_a_discriminator_of_its_own_on_a_smaller_picture() -> None:
    discriminator = make("multiscale", depth=3, norm="none")
    image, mask = pair(64, 64)
    seen = concat(image, mask)
    logits, _ = discriminator(image, mask)
    fine, coarse = (part.judge(values)[0] for part, values in zip(
        discriminator.parts, (seen, nn.functional.avg_pool2d(seen, 2)), strict=True
    ))  # fmt: skip
    assert (fine.shape[2:], coarse.shape[2:]) == ((6, 6), (2, 2))
    torch.testing.assert_close(logits[:, :1], fine)
    torch.testing.assert_close(logits[:, 1:], coarse.repeat_interleave(3, dim=2).repeat_interleave(3, dim=3))
    torch.testing.assert_close(discriminator.realness(logits).mean(), 0.5 * (fine.mean() + coarse.mean()))


def test_one_scale_is_a_patchgan() -> None:
    image, mask = pair(40, 40)
    one, patch = make("multiscale", scales=1, norm="none"), make("patch", norm="none")
    assert torch.equal(one(image, mask)[0], patch(image, mask)[0])


def test_a_confidence_is_centred_on_its_pixel() -> None:
    """With equal weights everywhere the gradient is a hill, whose centre is that of the pixel."""
    discriminator = make("confidence", norm="none", input="mask").double()
    with torch.no_grad():
        for name, weight in discriminator.named_parameters():
            weight.fill_(0.0 if name.endswith("bias") else 0.1)
    # 90 rows go on to 96; a centre that moved with that would be off.
    mask = torch.rand(1, 2, 90, 96, dtype=torch.float64, requires_grad=True)
    logits = discriminator(torch.zeros(1, 3, 90, 96, dtype=torch.float64), mask)[0]
    for row in (40, 43, 46):
        (gradient,) = torch.autograd.grad(logits[0, 0, row, 48], [mask], retain_graph=True)
        hill = gradient.sum(dim=(0, 1, 3))
        assert float((hill * torch.arange(90)).sum() / hill.sum()) == pytest.approx(row, abs=1e-9)


def test_log_odds_against_fake() -> None:
    logits = torch.randn(2, 4, 3, 3)
    realness = make("pixel_class", num_classes=3).realness(logits)
    torch.testing.assert_close(realness.sigmoid()[:, 0], 1.0 - logits.softmax(dim=1)[:, -1])


@pytest.mark.parametrize("kind", NEW)
def test_gradients_of_gradients_exist(kind: str) -> None:
    discriminator = make(kind, input_scale=0.5)
    image, mask = pair(30, 32)
    mask.requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(image, mask)[0].sum(), [mask], create_graph=True)
    gradient.square().sum().backward()
    assert any(weight.grad is not None and weight.grad.any() for weight in discriminator.parameters())


def test_an_unknown_input_is_told() -> None:
    with pytest.raises(ConfigError, match=r"discriminator\.input produkt: unknown.*Did you mean product"):
        build_discriminator("patch", num_classes=2, input="produkt")
