"""Gradient penalties on discriminators whose gradient is known."""

import pytest
import torch
from torch import Tensor, nn

from segan.losses.ignore import IGNORE
from segan.losses.penalties import gradient_penalty, r1_penalty


class _Linear(nn.Module):
    """One logit: a weighted sum of the mask."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, list[Tensor]]:
        return (mask * self.weight).sum(dim=(1, 2, 3)).view(-1, 1, 1, 1), []


IMAGE = torch.zeros(3, 3, 2, 2)
TARGET = torch.zeros(3, 2, 2, dtype=torch.long)


def test_r1_of_a_linear_discriminator_is_half_the_square_of_its_weight() -> None:
    # The gradient is the weight everywhere: 4 values of 3, squared norm 36.
    discriminator = _Linear(torch.full((1, 2, 2), 3.0))
    mask = torch.rand(3, 1, 2, 2, requires_grad=True)
    penalty = r1_penalty(discriminator(IMAGE, mask)[0], mask, TARGET)
    assert penalty.item() == pytest.approx(18.0)
    penalty.backward()
    torch.testing.assert_close(discriminator.weight.grad, discriminator.weight.detach())


def test_r1_takes_the_mean_of_several_logits() -> None:
    mask = torch.rand(2, 1, 2, 2, requires_grad=True)
    # Logit 5 m at each of four cells: the mean moves by 5/4 with each value of the mask.
    assert r1_penalty(5.0 * mask, mask, TARGET[:2]).item() == pytest.approx(0.5 * 4 * (5 / 4) ** 2)


def test_penalties_take_the_mean_of_scales() -> None:
    mask = torch.rand(3, 1, 2, 2, requires_grad=True)

    def critic(image: Tensor, shown: Tensor) -> tuple[Tensor, list[Tensor]]:
        return torch.cat([2.0 * shown, 4.0 * shown], dim=1), []

    # The mean over four cells and two scales moves by 3/4 with each value of the mask.
    assert r1_penalty(critic(IMAGE, mask)[0], mask, TARGET).item() == pytest.approx(0.5 * 4 * (3 / 4) ** 2)
    assert gradient_penalty(critic, IMAGE, mask, mask, TARGET).item() == pytest.approx((2 * 3 / 4 - 1.0) ** 2)


def test_r1_is_a_finite_difference() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Conv2d(4, 1, 2)).double()
    mask = torch.rand(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    step = 1e-6
    slopes = []
    for index in range(mask.numel()):
        moved = mask.detach().clone().flatten()
        moved[index] += step
        slopes.append((network(moved.view_as(mask)).mean() - network(mask).mean()).item() / step)
    expected = 0.5 * sum(slope**2 for slope in slopes)
    # The logits of the penalty are taken in float32.
    assert r1_penalty(network(mask), mask, torch.zeros(1, 4, 4, dtype=torch.long)).item() == pytest.approx(
        expected, rel=1e-4
    )


def test_gradient_penalty_of_a_linear_critic() -> None:
    # Norm of four values of 3 is 6; its distance from 1 squared is 25.
    critic = _Linear(torch.full((1, 2, 2), 3.0))
    penalty = gradient_penalty(critic, IMAGE, torch.rand(3, 1, 2, 2), torch.rand(3, 1, 2, 2), TARGET)
    assert penalty.item() == pytest.approx(25.0)
    penalty.backward()
    # d (|w| - 1)^2 / dw = 2 (|w| - 1) w / |w| = 2 * 5 * 3 / 6
    torch.testing.assert_close(critic.weight.grad, torch.full((1, 2, 2), 5.0))


def test_gradient_penalty_looks_between_the_two_masks() -> None:
    seen = []

    def critic(image: Tensor, mask: Tensor) -> tuple[Tensor, list[Tensor]]:
        seen.append(mask.detach())
        return mask.sum(dim=(1, 2, 3), keepdim=True), []

    real, fake = torch.ones(3, 1, 2, 2), torch.zeros(3, 1, 2, 2)
    gradient_penalty(critic, IMAGE, real, fake, TARGET, torch.Generator().manual_seed(1))
    gradient_penalty(critic, IMAGE, real, fake, TARGET, torch.Generator().manual_seed(1))
    places = seen[0][:, 0, 0, 0]
    assert ((places > 0) & (places < 1)).all()
    assert len(places.unique()) == 3
    torch.testing.assert_close(seen[0], seen[1])


def test_gradient_penalty_of_a_critic_that_ignores_the_mask_is_finite() -> None:
    critic = _Linear(torch.zeros(1, 2, 2))
    penalty = gradient_penalty(critic, IMAGE, torch.rand(3, 1, 2, 2), torch.rand(3, 1, 2, 2), TARGET)
    penalty.backward()
    assert penalty.item() == pytest.approx(1.0, abs=1e-5)
    assert torch.isfinite(critic.weight.grad).all()


def test_unlabelled_pixels_have_no_part_in_a_penalty() -> None:
    weight = torch.tensor([[[3.0, 3.0], [100.0, 100.0]]])
    target = TARGET.clone()
    target[:, 1] = IGNORE
    mask = torch.rand(3, 1, 2, 2, requires_grad=True)
    # Two labelled values of slope 3: half of 9 + 9, and a norm of sqrt(18).
    assert r1_penalty(_Linear(weight)(IMAGE, mask)[0], mask, target).item() == pytest.approx(9.0)
    slope = gradient_penalty(_Linear(weight), IMAGE, mask, mask, target)
    assert slope.item() == pytest.approx((18**0.5 - 1.0) ** 2)


def test_an_image_without_labels_has_no_part_in_a_penalty() -> None:
    discriminator = _Linear(torch.full((1, 2, 2), 3.0))
    mask = torch.rand(3, 1, 2, 2, requires_grad=True)
    target = TARGET.clone()
    target[0] = IGNORE
    assert r1_penalty(discriminator(IMAGE, mask)[0], mask, target).item() == pytest.approx(18.0)
    assert gradient_penalty(discriminator, IMAGE, mask, mask, target).item() == pytest.approx(25.0)
    target[:] = IGNORE
    nothing = r1_penalty(discriminator(IMAGE, mask)[0], mask, target)
    nothing = nothing + gradient_penalty(discriminator, IMAGE, mask, mask, target)
    nothing.backward()
    assert nothing.item() == 0.0
    assert not discriminator.weight.grad.any()
