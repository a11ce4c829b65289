"""The table of what both networks learn: the signals that look at more than one channel of logits."""

import pytest
import torch
from torch import Tensor

from segan.losses.feature_matching import multiscale_l1
from segan.losses.ignore import IGNORE
from segan.losses.signals import SIGNALS, Judged

TARGET = torch.zeros(1, 4, 4, dtype=torch.long)


def judged(*features: Tensor, logits: Tensor | None = None) -> Judged:
    return Judged(torch.zeros(1, 1, 1, 1) if logits is None else logits, features)


def test_multiscale_l1_worked_by_hand() -> None:
    real = judged(torch.zeros(1, 2, 2, 2), torch.full((1, 1, 1, 1), 5.0))
    fake = judged(torch.stack([torch.ones(1, 2, 2), -3.0 * torch.ones(1, 2, 2)], dim=1), torch.ones(1, 1, 1, 1))
    signal = SIGNALS["multiscale_l1"]
    # First layer: channels differ by 1 and 3. Second: by 4.
    assert signal.g_loss(real, fake, TARGET).item() == pytest.approx(0.5 * (2.0 + 4.0))
    assert signal.d_loss(real, fake, TARGET).item() == pytest.approx(-3.0)


def test_multiscale_l1_is_the_mean_of_torch_l1_losses() -> None:
    torch.manual_seed(0)
    real, fake = ([torch.randn(2, 3, 4, 4), torch.randn(2, 5, 2, 2)] for _ in range(2))
    expected = sum(torch.nn.functional.l1_loss(one, other) for one, other in zip(real, fake, strict=True)) / 2
    torch.testing.assert_close(multiscale_l1(real, fake), expected)


def test_the_critic_learns_from_both_sides_and_the_generator_from_its_own() -> None:
    real, fake = torch.randn(1, 3, 4, 4, requires_grad=True), torch.randn(1, 3, 4, 4, requires_grad=True)
    signal = SIGNALS["multiscale_l1"]
    signal.d_loss(judged(real), judged(fake), TARGET).backward()
    sign = (fake - real).detach().sign() / fake.numel()
    torch.testing.assert_close(fake.grad, -sign)
    torch.testing.assert_close(real.grad, sign)
    real.grad = fake.grad = None
    signal.g_loss(judged(real), judged(fake), TARGET).backward()
    torch.testing.assert_close(fake.grad, sign)
    assert real.grad is None


def test_features_over_ignored_pixels_change_nothing() -> None:
    target = TARGET.clone()
    target[:, :, 2:] = IGNORE
    real, fake = torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 3.0)
    fake[..., 1] = 100.0
    signal = SIGNALS["multiscale_l1"]
    assert signal.g_loss(judged(real), judged(fake), target).item() == pytest.approx(3.0)
    assert signal.d_loss(judged(real), judged(fake), target).item() == pytest.approx(-3.0)
    nothing = torch.full_like(target, IGNORE)
    assert signal.d_loss(judged(real), judged(fake), nothing).item() == 0.0


def test_a_comparison_of_features_has_no_accuracy() -> None:
    assert SIGNALS["multiscale_l1"].accuracy(judged(), judged(), TARGET).isnan()
    assert [name for name, signal in SIGNALS.items() if not signal.has_logits] == ["multiscale_l1"]


@pytest.mark.parametrize("name", ["nonsaturating", "hinge", "lsgan", "wgan-gp"])
def test_each_scale_weighs_the_same(name: str) -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(1, 2, 4, 4), torch.randn(1, 2, 4, 4)
    whole = SIGNALS[name].d_loss(judged(logits=real), judged(logits=fake), TARGET)
    parts = [
        SIGNALS[name].d_loss(judged(logits=real[:, [index]]), judged(logits=fake[:, [index]]), TARGET)
        for index in range(2)
    ]
    torch.testing.assert_close(whole, 0.5 * (parts[0] + parts[1]))


def test_each_scale_of_a_critic_has_a_zero_of_its_own() -> None:
    real = torch.tensor([1.0, 101.0]).view(1, 2, 1, 1)
    accuracy = SIGNALS["wgan-gp"].accuracy(judged(logits=real), judged(logits=real - 1.0), TARGET)
    assert accuracy.item() == 1.0


def test_per_class_looks_at_the_classes() -> None:
    # Channels: class 0, class 1, fake. The real pair is called class 0, the fake one fake.
    logits = torch.tensor([[20.0, 0.0, 0.0], [0.0, 0.0, 20.0]]).view(2, 1, 3, 1, 1)
    signal = SIGNALS["per_class"]
    real, fake = judged(logits=logits[0]), judged(logits=logits[1])
    assert signal.d_loss(real, fake, TARGET).item() == pytest.approx(0.0, abs=1e-6)
    assert signal.g_loss(real, fake, TARGET).item() == pytest.approx(20.0, abs=1e-6)
    assert signal.accuracy(real, fake, TARGET).item() == 1.0
