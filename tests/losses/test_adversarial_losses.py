"""Adversarial losses against values worked by hand and second formulas."""

import math

import pytest
import torch

from segan.losses import ADVERSARIAL_LOSSES

REAL = torch.tensor([[0.5], [-1.0]]).view(2, 1, 1, 1)
FAKE = torch.tensor([[2.0], [-0.5]]).view(2, 1, 1, 1)


def _log_sigmoid(x: float) -> float:
    return -math.log(1 + math.exp(-x))


# -log D(real) - log(1 - D(fake)), each a mean of two
CROSS_ENTROPY = -(_log_sigmoid(0.5) + _log_sigmoid(-1.0)) / 2 - (_log_sigmoid(-2.0) + _log_sigmoid(0.5)) / 2


@pytest.mark.parametrize(
    ("name", "d_expected", "g_expected"),
    [
        ("minimax", CROSS_ENTROPY, (_log_sigmoid(-2.0) + _log_sigmoid(0.5)) / 2),
        ("nonsaturating", CROSS_ENTROPY, -(_log_sigmoid(2.0) + _log_sigmoid(-0.5)) / 2),
        ("lsgan", 0.5 * ((0.25 + 4.0) / 2 + (4.0 + 0.25) / 2), 0.5 * (1.0 + 2.25) / 2),
        ("hinge", (0.5 + 2.0) / 2 + (3.0 + 0.5) / 2, -0.75),
        ("wgan-gp", 0.75 + 0.25, -0.75),
    ],
)
def test_value_worked_by_hand(name: str, d_expected: float, g_expected: float) -> None:
    d_loss, g_loss = ADVERSARIAL_LOSSES[name]
    assert d_loss(REAL, FAKE, None).item() == pytest.approx(d_expected, rel=1e-6)
    assert g_loss(FAKE, None).item() == pytest.approx(g_expected, rel=1e-6)


def test_cross_entropy_is_torchs() -> None:
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    d_loss, g_loss = ADVERSARIAL_LOSSES["nonsaturating"]
    expected = bce(REAL, torch.ones_like(REAL)) + bce(FAKE, torch.zeros_like(FAKE))
    torch.testing.assert_close(d_loss(REAL, FAKE, None), expected)
    torch.testing.assert_close(g_loss(FAKE, None), bce(FAKE, torch.ones_like(FAKE)))


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_both_sides_pull_the_fake_logit_apart(name: str) -> None:
    d_loss, g_loss = ADVERSARIAL_LOSSES[name]
    real, fake = torch.zeros(1, 1, 2, 2, requires_grad=True), torch.zeros(1, 1, 2, 2, requires_grad=True)
    d_real, d_fake = torch.autograd.grad(d_loss(real, fake, None), [real, fake])
    (g_fake,) = torch.autograd.grad(g_loss(fake, None), [fake])
    # At chance: the discriminator raises real logits; the generator raises the fake ones, against the discriminator.
    assert (d_real < 0).all()
    assert (g_fake < 0).all()
    assert (d_fake > 0).all() or name == "lsgan"


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_weights_leave_cells_out(name: str) -> None:
    d_loss, g_loss = ADVERSARIAL_LOSSES[name]
    real, fake = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    weight = torch.zeros(2, 1, 3, 3)
    weight[:, :, :2] = 0.5
    torch.testing.assert_close(d_loss(real, fake, weight), d_loss(real[:, :, :2], fake[:, :, :2], None))
    torch.testing.assert_close(g_loss(fake, weight), g_loss(fake[:, :, :2], None))
    torch.testing.assert_close(g_loss(fake, torch.ones_like(fake)), g_loss(fake, None))


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_a_batch_without_labels_gives_zero_with_a_graph(name: str) -> None:
    d_loss, g_loss = ADVERSARIAL_LOSSES[name]
    real, fake = torch.randn(1, 1, 3, 3, requires_grad=True), torch.randn(1, 1, 3, 3, requires_grad=True)
    nothing = torch.zeros(1, 1, 3, 3)
    loss = d_loss(real, fake, nothing) + g_loss(fake, nothing)
    loss.backward()
    assert loss.item() == 0.0
    assert (real.grad == 0).all()
    assert (fake.grad == 0).all()


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_logits_far_out_stay_finite(name: str) -> None:
    d_loss, g_loss = ADVERSARIAL_LOSSES[name]
    far = torch.tensor([1e4, -1e4]).view(2, 1, 1, 1)
    assert torch.isfinite(d_loss(-far, far, None))
    assert torch.isfinite(g_loss(far, None))
