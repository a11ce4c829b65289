"""Stand-ins for predictions: right nearly everywhere, of varying confidence, soft at edges."""

import pytest
import torch
from toy_leaks import draw_target

from segan.evaluation.leak_pixels import pixel_groups
from segan.evaluation.surrogates import surrogate_probs
from segan.losses.ignore import IGNORE


@pytest.mark.parametrize("K", [2, 4, 11])
def test_right_nearly_everywhere_and_wrong_at_some_pixels(K: int) -> None:
    target = draw_target(0, K)
    probs = surrogate_probs(target, K, torch.Generator().manual_seed(0))
    assert probs.shape == (1, K, 64, 64)
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(1, 64, 64))
    wrong = (probs.argmax(dim=1) != target)[target != IGNORE].float().mean().item()
    assert 0.0 < wrong < 0.25


def test_confidence_varies_and_edges_are_softer() -> None:
    target = draw_target(1)
    probs = surrogate_probs(target, 4, torch.Generator().manual_seed(0))
    top = probs.amax(dim=1)
    groups = pixel_groups(target, probs)
    inside, edges = top[groups["values"]], top[groups["edges"]]
    assert inside.min() < 0.8
    assert inside.max() > 0.99
    assert edges.mean() < inside.mean() - 0.02


def test_depends_on_the_generator_alone() -> None:
    target = draw_target(2)
    state = torch.get_rng_state()
    first, again, other = (surrogate_probs(target, 4, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_sample_without_labels_gets_a_prediction_too() -> None:
    target = torch.full((1, 5, 7), IGNORE)
    probs = surrogate_probs(target, 3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(probs.sum(dim=1), torch.ones(1, 5, 7))
