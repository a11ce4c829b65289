"""Each pixel loss against a value worked by hand and a second formula, and what all of them have in common."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchmetrics.functional.segmentation import dice_score

from segan.losses import PIXEL_LOSSES, pixel_loss
from segan.losses.ignore import IGNORE
from segan.losses.pixelwise import cross_entropy, focal, l1
from segan.losses.regions import dice, lovasz, tversky


def _logits_of(probs: list[list[float]]) -> Tensor:
    """Turn the probabilities of each pixel into logits `[1, K, 1, P]`."""
    return torch.tensor(probs, dtype=torch.float64).T[None, :, None, :].log()


def _target_of(classes: list[int]) -> Tensor:
    return torch.tensor(classes)[None, None, :]


def _draw(seed: int = 0, K: int = 4, ignored: float = 0.2) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, K, 5, 7, generator=rng, dtype=torch.float64)
    target = torch.randint(0, K, (2, 5, 7), generator=rng)
    target[torch.rand(2, 5, 7, generator=rng) < ignored] = IGNORE
    return logits, target


# Two pixels: the first of class 0 with p = (0.8, 0.2), the second of class 1 with p = (0.4, 0.6).
HAND_LOGITS = _logits_of([[0.8, 0.2], [0.4, 0.6]])
HAND_TARGET = _target_of([0, 1])


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (cross_entropy, -(math.log(0.8) + math.log(0.6)) / 2),
        (focal, -(0.2**2 * math.log(0.8) + 0.4**2 * math.log(0.6)) / 2),
        # Class 0 overlaps 0.8 of predicted 1.2 and true 1; class 1 overlaps 0.6 of 0.8 and 1.
        (dice, 1 - (2 * 0.8 / 2.2 + 2 * 0.6 / 1.8) / 2),
        # False positives 0.4 and 0.2 at 0.3, false negatives 0.2 and 0.4 at 0.7.
        (tversky, 1 - (0.8 / (0.8 + 0.12 + 0.14) + 0.6 / (0.6 + 0.06 + 0.28)) / 2),
        # |0.8 - 1| + |0.2 - 0| and |0.4 - 0| + |0.6 - 1| over 2 pixels and 2 classes.
        (l1, (0.4 + 0.8) / 4),
        # Errors 0.4, 0.2 for both classes. Class 0: the larger is a false positive, 1 - IoU goes 0, 1/2, 1.
        # Class 1: the larger is a miss, 1 - IoU goes 0, 1, 1.
        (lovasz, ((0.4 * 0.5 + 0.2 * 0.5) + 0.4) / 2),
    ],
)
def test_value_worked_by_hand(loss: Callable[..., Tensor], expected: float) -> None:
    assert loss(HAND_LOGITS, HAND_TARGET).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_is_torchs(smoothing: float, weighted: bool) -> None:
    logits, target = _draw()
    weights = torch.tensor([1.0, 0.5, 3.0, 0.0], dtype=torch.float64) if weighted else None
    expected = F.cross_entropy(logits, target, weights, ignore_index=IGNORE, label_smoothing=smoothing)
    torch.testing.assert_close(cross_entropy(logits, target, weights, smoothing), expected)


def test_focal_is_cross_entropy_at_gamma_0_and_a_loop_elsewhere() -> None:
    logits, target = _draw()
    torch.testing.assert_close(focal(logits, target, 0.0), cross_entropy(logits, target))
    probs = logits.softmax(dim=1)
    terms = []
    for n, y, x in np.ndindex(*target.shape):
        if target[n, y, x] != IGNORE:
            true = probs[n, target[n, y, x], y, x]
            terms.append(-((1 - true) ** 1.5) * true.log())
    torch.testing.assert_close(focal(logits, target, 1.5), torch.stack(terms).mean())


def test_focal_has_a_finite_gradient_where_the_prediction_is_certain() -> None:
    logits = torch.tensor([200.0, 0.0])[None, :, None, None].requires_grad_()
    focal(logits, torch.zeros(1, 1, 1, dtype=torch.long), 0.5).backward()
    assert torch.isfinite(logits.grad).all()


def test_dice_of_a_hard_prediction_is_torchmetrics() -> None:
    _, target = _draw(ignored=0.0)
    hard = _draw(seed=1)[0].argmax(dim=1)
    logits = 1000.0 * F.one_hot(hard, 4).permute(0, 3, 1, 2).double()
    # One sample that holds the whole batch: our regions span it.
    outside = dice_score(
        hard.reshape(1, -1), target.reshape(1, -1), num_classes=4, average="macro", input_format="index"
    )
    assert dice(logits, target).item() == pytest.approx(1 - outside.item(), rel=1e-5)


def test_dice_and_tversky_leave_absent_classes_out() -> None:
    logits, target = _draw()
    target[target == 3] = IGNORE
    probs = logits.softmax(dim=1)
    valid = (target != IGNORE).double()
    for alpha, loss in ((0.5, dice(logits, target)), (0.2, tversky(logits, target, 0.2))):
        indices = []
        for k in range(3):
            truth = (target == k).double()
            tp = (probs[:, k] * truth).sum()
            fp, fn = (probs[:, k] * (valid - truth)).sum(), ((1 - probs[:, k]) * truth).sum()
            indices.append(tp / (tp + alpha * fp + (1 - alpha) * fn))
        torch.testing.assert_close(loss, 1 - torch.stack(indices).mean())


def test_l1_is_torchs_over_one_hot() -> None:
    logits, target = _draw(ignored=0.0)
    one_hot = F.one_hot(target, 4).permute(0, 3, 1, 2).double()
    torch.testing.assert_close(l1(logits, target), F.l1_loss(logits.softmax(dim=1), one_hot))


def _lovasz_by_definition(logits: Tensor, target: Tensor) -> float:
    """Sum errors times the growth of the set function 1 - IoU, class by class and pixel by pixel."""
    probs = logits.softmax(dim=1)
    labelled = [place for place in np.ndindex(*target.shape) if target[place] != IGNORE]
    classes = sorted({int(target[place]) for place in labelled})
    total = 0.0
    for k in classes:
        truth = {place for place in labelled if target[place] == k}
        errors = {(n, y, x): abs(float((n, y, x) in truth) - probs[n, k, y, x].item()) for n, y, x in labelled}
        wrong: set[tuple[int, ...]] = set()
        before = 0.0
        for place in sorted(labelled, key=lambda place: -errors[place]):
            wrong.add(place)
            jaccard_loss = len(wrong) / len(truth | wrong)
            total += errors[place] * (jaccard_loss - before)
            before = jaccard_loss
    return total / len(classes)


@pytest.mark.parametrize("seed", range(3))
def test_lovasz_is_the_extension_of_the_set_function(seed: int) -> None:
    logits, target = _draw(seed)
    assert lovasz(logits, target).item() == pytest.approx(_lovasz_by_definition(logits, target), rel=1e-9)


def test_lovasz_of_a_hard_prediction_is_one_minus_iou() -> None:
    _, target = _draw(ignored=0.0)
    hard = _draw(seed=1)[0].argmax(dim=1)
    logits = 1000.0 * F.one_hot(hard, 4).permute(0, 3, 1, 2).double()
    ious = [((hard == k) & (target == k)).sum() / ((hard == k) | (target == k)).sum() for k in range(4)]
    assert lovasz(logits, target).item() == pytest.approx(1 - np.mean(ious), rel=1e-6)


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_gradient_is_the_derivative(name: str) -> None:
    logits, target = _draw()
    assert torch.autograd.gradcheck(lambda values: PIXEL_LOSSES[name](values, target), logits.requires_grad_())


@pytest.mark.parametrize("name", PIXEL_LOSSES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), column=st.integers(1, 6))
def test_ignored_pixels_count_nowhere(name: str, seed: int, column: int) -> None:
    logits, target = _draw(seed)
    target[:, 0, 0] = torch.tensor([0, 1])
    cut = PIXEL_LOSSES[name](logits[..., :column], target[..., :column])
    target[..., column:] = IGNORE
    logits[..., column:] += 100.0
    logits.requires_grad_()
    loss = PIXEL_LOSSES[name](logits, target)
    torch.testing.assert_close(loss, cut)
    loss.backward()
    assert (logits.grad.movedim(1, -1)[target == IGNORE] == 0).all()


@pytest.mark.parametrize("name", PIXEL_LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_batch_without_labels_gives_zero_with_a_graph(name: str, dtype: torch.dtype) -> None:
    logits = torch.randn(2, 3, 4, 4, dtype=dtype, requires_grad=True)
    loss = PIXEL_LOSSES[name](logits, torch.full((2, 4, 4), IGNORE))
    assert loss.item() == 0.0
    loss.backward()
    assert (logits.grad == 0).all()


def test_weighted_cross_entropy_of_pixels_of_weight_zero_is_zero() -> None:
    logits = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = cross_entropy(logits, torch.zeros(1, 3, 3, dtype=torch.long), torch.tensor([0.0, 1.0]), 0.0)
    loss.backward()
    assert loss.item() == 0.0
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_known_log_probabilities_change_nothing(name: str) -> None:
    logits, target = _draw()
    shared = PIXEL_LOSSES[name](logits, target, log_probs=logits.log_softmax(dim=1))
    torch.testing.assert_close(shared, PIXEL_LOSSES[name](logits, target))


def test_pixel_loss_is_the_weighted_sum_of_its_parts() -> None:
    logits, target = _draw()
    logits.requires_grad_()
    weights = {"cross_entropy": 1.0, "dice": 0.5, "focal": 2.0, "lovasz": 0.0, "tversky": 0.25, "l1": 3.0}
    class_weights = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    total, parts = pixel_loss(
        logits, target, weights=weights, class_weights=class_weights, focal_gamma=1.0, tversky_alpha=0.7,
        label_smoothing=0.05,
    )  # fmt: skip
    expected = {
        "cross_entropy": cross_entropy(logits, target, class_weights, 0.05),
        "dice": dice(logits, target),
        "focal": focal(logits, target, 1.0),
        "tversky": tversky(logits, target, 0.7),
        "l1": l1(logits, target),
    }
    assert parts.keys() == expected.keys()
    for name, part in parts.items():
        assert not part.requires_grad
        torch.testing.assert_close(part, expected[name].detach())
    torch.testing.assert_close(total, sum(weights[name] * value for name, value in expected.items()))
    total.backward()
    assert torch.isfinite(logits.grad).all()


def test_half_precision_logits_are_summed_in_float32() -> None:
    logits, target = _draw()
    total, parts = pixel_loss(logits.bfloat16(), target, weights={"cross_entropy": 1.0, "dice": 1.0})
    assert total.dtype == torch.float32
    assert parts["dice"].item() == pytest.approx(dice(logits, target).item(), abs=0.01)
