"""How true and predicted masks reach the discriminator: nothing but the labels may tell them apart."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from segan.losses import REAL_MASKS
from segan.losses.ignore import IGNORE
from segan.losses.real_masks import validity_map
from segan.models import build_discriminator


def _draw(seed: int = 0, K: int = 4) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    target = torch.randint(0, K, (2, 8, 8), generator=rng)
    target[torch.rand(2, 8, 8, generator=rng) < 0.2] = IGNORE
    return target, (3 * torch.randn(2, K, 8, 8, generator=rng)).softmax(dim=1)


def _at_one_pixel(name: str, true_class: int, probs: list[float]) -> tuple[list[float], list[float]]:
    real, fake = REAL_MASKS[name](torch.tensor([[[true_class]]]), torch.tensor(probs).view(1, -1, 1, 1))
    return real.flatten().tolist(), fake.flatten().tolist()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("onehot", [0.0, 1.0, 0.0]),
        ("smooth", [0.05, 0.9, 0.05]),
        # The true class rises from 0.3 to 0.9; 0.6 and 0.1 shrink by 0.1 / 0.7.
        ("scaled", [0.6 / 7, 0.9, 0.1 / 7]),
        # The predicted class 0 and the true class 1 exchange their values.
        ("matched", [0.3, 0.6, 0.1]),
        ("straight_through", [0.0, 1.0, 0.0]),
    ],
)
def test_real_mask_worked_by_hand(name: str, expected: list[float]) -> None:
    real, fake = _at_one_pixel(name, 1, [0.6, 0.3, 0.1])
    assert real == pytest.approx(expected)
    assert fake == pytest.approx([1.0, 0.0, 0.0] if name == "straight_through" else [0.6, 0.3, 0.1])


def test_scaled_keeps_a_true_class_above_tau_and_survives_certainty() -> None:
    assert _at_one_pixel("scaled", 0, [0.95, 0.04, 0.01])[0] == pytest.approx([0.95, 0.04, 0.01])
    assert _at_one_pixel("scaled", 0, [1.0, 0.0, 0.0])[0] == [1.0, 0.0, 0.0]
    # Certain and wrong: nothing to share among the others but the wrong class itself.
    assert _at_one_pixel("scaled", 1, [1.0, 0.0, 0.0])[0] == pytest.approx([0.1, 0.9, 0.0])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), K=st.integers(2, 6))
def test_matched_masks_hold_the_very_same_values_with_the_true_class_first(seed: int, K: int) -> None:
    target, probs = _draw(seed, K)
    real, fake = REAL_MASKS["matched"](target, probs)
    assert torch.equal(real.sort(dim=1).values, fake.sort(dim=1).values)
    valid = target != IGNORE
    assert torch.equal(real.argmax(dim=1)[valid], target[valid])
    right = valid & (probs.argmax(dim=1) == target)
    assert torch.equal(real.movedim(1, -1)[right], fake.movedim(1, -1)[right])


@pytest.mark.parametrize("name", REAL_MASKS)
def test_masks_are_distributions_where_there_is_a_label_and_zero_elsewhere(name: str) -> None:
    target, probs = _draw()
    valid = (target != IGNORE).float()
    for mask in REAL_MASKS[name](target, probs):
        torch.testing.assert_close(mask.sum(dim=1), valid)
        assert (mask >= 0).all()


@pytest.mark.parametrize("name", REAL_MASKS)
def test_only_the_fake_mask_has_a_graph(name: str) -> None:
    target, probs = _draw()
    probs.requires_grad_()
    real, fake = REAL_MASKS[name](target, probs)
    assert not real.requires_grad
    assert fake.requires_grad


def test_straight_through_passes_the_gradient_of_the_probabilities() -> None:
    target, probs = _draw()
    probs.requires_grad_()
    _, fake = REAL_MASKS["straight_through"](target, probs)
    assert set(fake.unique().tolist()) == {0.0, 1.0}
    weight = torch.randn_like(fake)
    (gradient,) = torch.autograd.grad((fake * weight).sum(), probs)
    torch.testing.assert_close(gradient, weight * (target != IGNORE).unsqueeze(1))


@pytest.mark.parametrize("name", REAL_MASKS)
def test_ignored_pixels_reach_no_logit_and_get_no_gradient(name: str) -> None:
    target, probs = _draw()
    ignored = (target == IGNORE).unsqueeze(1)
    changed = torch.where(ignored, probs.roll(1, dims=1), probs)
    discriminator = build_discriminator("patch", num_classes=4, depth=1, channels=4, norm="none").eval()
    image = torch.randn(2, 3, 8, 8)
    outputs = []
    for prediction in (probs.requires_grad_(), changed):
        real, fake = REAL_MASKS[name](target, prediction)
        outputs.append(torch.cat([discriminator(image, real)[0], discriminator(image, fake)[0]]))
    assert torch.equal(outputs[0], outputs[1])
    (gradient,) = torch.autograd.grad(outputs[0].sum(), probs)
    assert (gradient[ignored.expand_as(gradient)] == 0).all()
    assert (gradient != 0).any()


def test_validity_map_is_the_share_of_labelled_pixels() -> None:
    target = torch.zeros(1, 4, 6, dtype=torch.long)
    target[0, :2, :3] = IGNORE
    target[0, 3, 5] = IGNORE
    expected = torch.tensor([[[[0.0, 1.0], [1.0, 5 / 6]]]])
    torch.testing.assert_close(validity_map(target, (2, 2)), expected)
    assert validity_map(target, (1, 1)).item() == pytest.approx(17 / 24)
