"""Feature matching against a value worked by hand."""

import pytest
import torch

from segan.losses.feature_matching import feature_matching
from segan.losses.ignore import IGNORE


def test_value_worked_by_hand() -> None:
    real = [torch.zeros(1, 2, 2, 2), torch.zeros(1, 1, 1, 1)]
    fake = [torch.ones(1, 2, 2, 2), torch.full((1, 1, 1, 1), -4.0)]
    assert feature_matching(real, fake).item() == pytest.approx((1.0 + 4.0) / 2)


def test_only_the_fake_side_learns() -> None:
    real, fake = torch.randn(2, 3, 4, 4, requires_grad=True), torch.randn(2, 3, 4, 4, requires_grad=True)
    feature_matching([real], [fake]).backward()
    assert real.grad is None
    torch.testing.assert_close(fake.grad, (fake - real).detach().sign() / fake.numel())


def test_cells_without_labels_do_not_count() -> None:
    target = torch.zeros(1, 8, 8, dtype=torch.long)
    target[:, :, 4:] = IGNORE
    real, fake = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4, requires_grad=True)
    with torch.no_grad():
        fake[..., :2] = 3.0
        fake[..., 2:] = 100.0
    loss = feature_matching([real], [fake], target)
    loss.backward()
    assert loss.item() == pytest.approx(3.0)
    assert (fake.grad[..., 2:] == 0).all()


def test_no_label_at_all_gives_zero() -> None:
    nothing = torch.full((1, 4, 4), IGNORE)
    assert feature_matching([torch.zeros(1, 1, 2, 2)], [torch.ones(1, 1, 2, 2)], nothing).item() == 0.0


def test_layers_must_pair_up() -> None:
    with pytest.raises(ValueError, match="zip"):
        feature_matching([torch.zeros(1, 1, 2, 2)], [])
