"""Which pixels the probe of leaks looks at, and what it sees of them."""

import numpy as np
import pytest
import torch
from torch import Tensor
from toy_leaks import PADDING_PX, draw_pairs

from segan.evaluation.leak_pixels import FEATURES, GROUPS, PIXELS, observe, pixel_features, pixel_groups
from segan.losses import REAL_MASKS
from segan.losses.ignore import IGNORE


def _certain(target: Tensor, K: int = 2) -> Tensor:
    """Predict the truth with 0.9, and class 0 where there is none."""
    classes = target.masked_fill(target == IGNORE, 0)
    return torch.full((1, K, *target.shape[1:]), 0.1 / (K - 1)).scatter(1, classes.unsqueeze(1), 0.9)


def test_groups_share_out_the_pixels_that_agree() -> None:
    target, probs = draw_pairs(0, 1)[0]
    groups = pixel_groups(target, probs)
    assert list(groups) == list(GROUPS)
    parts = torch.stack([groups[name] for name in ("values", "edges", "border", "padding", "ignored")]).sum(dim=0)
    assert parts.max() == 1
    wrong = (target != IGNORE) & (probs.argmax(dim=1) != target)
    assert not parts.bool()[wrong].any()
    labelled = groups["values"] | groups["edges"] | groups["border"]
    assert torch.equal(groups["scale"], labelled)
    assert all(groups[name].any() for name in GROUPS)


def test_padding_is_a_band_at_the_side_and_the_rest_is_unlabelled() -> None:
    target, probs = draw_pairs(0, 1)[0]
    groups = pixel_groups(target, probs)
    assert not groups["padding"][:, PADDING_PX:].any()
    assert groups["padding"][:, : PADDING_PX - 1].all()
    assert groups["ignored"].nonzero().amin(dim=0).tolist() == [0, 30, 20]


def test_a_sample_without_labels_is_unlabelled_not_padding() -> None:
    target = torch.full((1, 6, 6), IGNORE)
    groups = pixel_groups(target, _certain(target))
    assert {name: int(chosen.sum()) for name, chosen in groups.items() if chosen.any()} == {"ignored": 36}


def test_a_wrong_pixel_takes_its_four_neighbours_with_it() -> None:
    target = torch.zeros(1, 9, 9, dtype=torch.long)
    probs = _certain(target)
    probs[:, :, 4, 4] = torch.tensor([0.1, 0.9])
    missing = ~pixel_groups(target, probs)["scale"]
    assert missing.nonzero()[:, 1:].tolist() == [[3, 4], [4, 3], [4, 4], [4, 5], [5, 4]]


def test_edges_lie_within_two_pixels_of_another_label() -> None:
    target = torch.zeros(1, 12, 12, dtype=torch.long)
    target[:, :, 6:] = 1
    groups = pixel_groups(target, _certain(target))
    assert groups["edges"][0, 0].nonzero().flatten().tolist() == [4, 5, 6, 7]
    assert groups["border"][0, 5].nonzero().flatten().tolist() == [0, 1, 10, 11]
    assert groups["values"][0, 5].nonzero().flatten().tolist() == [2, 3, 8, 9]


def test_features_worked_by_hand() -> None:
    mask = torch.tensor([[0.7, 0.3, 0.0], [0.5, 0.5, 0.0]]).T.reshape(1, 3, 1, 2)
    features = dict(zip(FEATURES, pixel_features(mask)[:, 0, 0].tolist(), strict=True))
    entropy = -(0.7 * np.log(0.7) + 0.3 * np.log(0.3)) / np.log(3)
    expected = {
        "largest": 0.7, "second": 0.3, "smallest": 0.0, "entropy": entropy, "empty": 1.0,
        # Of the four neighbours three lie outside, where the pixel itself stands.
        "contrast": 0.2 / 4, "sum": 1.0, "outside": 0.0,
    }  # fmt: skip
    assert features == pytest.approx(expected, abs=1e-6)


def test_values_beyond_0_and_1_are_seen() -> None:
    mask = torch.tensor([1.5, -0.25]).reshape(1, 2, 1, 1)
    features = dict(zip(FEATURES, pixel_features(mask).flatten().tolist(), strict=True))
    assert features["outside"] == pytest.approx(0.5)
    assert features["sum"] == pytest.approx(1.25)
    assert features["smallest"] == pytest.approx(-0.25)


def test_large_samples_are_thinned_and_patches_stay_whole() -> None:
    target = torch.zeros(1, 128, 128, dtype=torch.long)
    seen = observe(target, _certain(target), REAL_MASKS["matched"], np.random.default_rng(0))
    values = seen["values"]
    assert set(seen) == {"values", "border", "scale"}
    assert values.real.shape == values.fake.shape == (len(GROUPS["values"].features), PIXELS)
    assert np.unique(values.patch).tolist() == list(range(64))
    assert np.array_equal(values.real, values.fake)
    # In steps of a thousandth.
    assert set(values.real[0].tolist()) == {900}
