"""The loss of K classes and "fake", against values worked by hand, torch's own cross entropy and a plain loop."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from segan.losses.ignore import IGNORE
from segan.losses.per_class import accuracy_per_class, balanced, d_per_class, g_per_class, majority


def logits_of(probabilities: list[list[float]]) -> Tensor:
    """Lay probabilities of three channels side by side, `[1, 3, 1, pixels]`."""
    return torch.tensor(probabilities).log().T[None, :, None]


# Three pixels of class 0 and one of class 1; the last channel is "fake".
TARGET = torch.tensor([[[0, 0, 0, 1]]])
REAL = logits_of([[0.5, 0.25, 0.25]] * 3 + [[0.25, 0.125, 0.625]])
FAKE = logits_of([[0.5, 0.25, 0.25]] * 2 + [[0.25, 0.25, 0.5]] * 2)


def test_values_worked_by_hand() -> None:
    # Real: the mean of log 2 of class 0 and log 8 of class 1. Fake: two pixels of log 4, two of log 2.
    assert d_per_class(REAL, FAKE, TARGET).item() == pytest.approx(2.0 * math.log(2) + 1.5 * math.log(2))
    # Class 0: log 2, log 2, log 4; class 1: log 4.
    assert g_per_class(FAKE, TARGET).item() == pytest.approx(0.5 * (4 / 3 + 2) * math.log(2))
    # Real ones: three right, the last calls the true class fake. Fake ones: two right.
    assert accuracy_per_class(REAL, FAKE, TARGET).item() == pytest.approx(0.5 * (3 / 4 + 2 / 4))


def random_case(num_classes: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    target = torch.randint(0, num_classes - 1, (2, 12, 8))  # One class is not in the batch.
    target[0, :3] = IGNORE
    return torch.randn(2, num_classes + 1, 12, 8), torch.randn(2, num_classes + 1, 12, 8), target


def test_the_classes_are_those_of_torch_with_inverse_frequencies() -> None:
    real, fake, target = random_case()
    valid = target != IGNORE
    count = torch.bincount(target[valid], minlength=4).float()
    alpha = torch.where(count > 0, valid.numel() / count.clamp_min(1.0), torch.zeros(4))
    weights = torch.cat([alpha, torch.zeros(1)])
    everywhere = torch.where(valid, 4, IGNORE)
    expected = F.cross_entropy(real, target, weights, ignore_index=IGNORE)
    expected = expected + F.cross_entropy(fake, everywhere, ignore_index=IGNORE)
    torch.testing.assert_close(d_per_class(real, fake, target), expected)
    torch.testing.assert_close(g_per_class(fake, target), F.cross_entropy(fake, target, weights, ignore_index=IGNORE))


def test_coarse_cells_are_those_of_a_plain_loop() -> None:
    real, fake, target = random_case()
    real, fake = real[..., :6, :4].double(), fake[..., :6, :4].double()
    of_class: dict[int, list[tuple[float, float]]] = {}
    on_fake = []
    for image in range(2):
        for row in range(6):
            for column in range(4):
                block = target[image, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].flatten().tolist()
                labels = [value for value in block if value != IGNORE]
                if not labels:
                    continue
                share, first = len(labels) / 4, max(sorted(set(labels)), key=labels.count)
                of_class.setdefault(first, []).append(
                    (share, -float(real[image, :, row, column].log_softmax(0)[first]))
                )
                on_fake.append((share, -float(fake[image, :, row, column].log_softmax(0)[4])))

    def mean(pairs: list[tuple[float, float]]) -> float:
        return sum(share * value for share, value in pairs) / sum(share for share, _ in pairs)

    expected = sum(map(mean, of_class.values())) / len(of_class) + mean(on_fake)
    assert d_per_class(real, fake, target).item() == pytest.approx(expected, rel=1e-6)


def test_the_majority_of_labelled_pixels_is_the_class_of_a_cell() -> None:
    target = torch.tensor([[[0, 1, 2, IGNORE], [1, 1, IGNORE, IGNORE], [0, 1, IGNORE, IGNORE], [0, 1, IGNORE, IGNORE]]])
    classes, share = majority(target, torch.zeros(1, 4, 2, 2))
    assert classes.tolist() == [[[1, 2], [0, 0]]]
    assert share.tolist() == [[[1.0, 0.25], [1.0, 0.0]]]


def test_rare_classes_weigh_as_much_as_others() -> None:
    classes, share = torch.tensor([[[0, 0, 0, 1, 1]]]), torch.tensor([[[1.0, 1.0, 0.5, 0.5, 0.0]]])
    weight = balanced(classes, share, 3)
    assert weight[0, 0, :3].sum().item() == pytest.approx(1.0)
    assert weight[0, 0, 3:].tolist() == [1.0, 0.0]


def test_logits_over_ignored_pixels_change_nothing() -> None:
    real, fake, target = random_case()
    real, fake = real[..., :6, :4].requires_grad_(), fake[..., :6, :4].requires_grad_()
    moved = torch.zeros_like(real)
    moved[0, :, 0] = 50.0 * torch.randn(5, 4)  # The cells of the two topmost rows, which have no label.
    for loss in (d_per_class, accuracy_per_class):
        assert torch.equal(loss(real + moved, fake - moved, target), loss(real, fake, target))
    assert torch.equal(g_per_class(fake - moved, target), g_per_class(fake, target))
    (d_per_class(real, fake, target) + g_per_class(fake, target)).backward()
    for logits in (real, fake):
        assert not logits.grad[0, :, 0].any()
        assert logits.grad[0, :, 1:].all()


def test_no_label_at_all_gives_zero() -> None:
    real, fake, target = random_case()
    fake.requires_grad_()
    nothing = torch.full_like(target, IGNORE)
    loss = d_per_class(real, fake, nothing) + g_per_class(fake, nothing)
    loss.backward()
    assert loss.item() == 0.0
    assert not fake.grad.any()
    assert accuracy_per_class(real, fake, nothing).item() == 0.0
