"""The probe names what leaks, and nothing where real and fake masks are alike."""

import json
import math
import zlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from toy_leaks import PADDING_PX, draw_pairs

from segan.evaluation.leak_pixels import GROUPS, Seen
from segan.evaluation.leaks import LIMIT, LeakAudit, Pairs, audit_treatment, judge_group
from segan.evaluation.ranking import auroc
from segan.evaluation.surrogates import surrogate_probs
from segan.losses import REAL_MASKS
from segan.losses.ignore import IGNORE
from segan.losses.real_masks import Treatment

LABELLED = {"values", "edges", "border"}


def _audit(treat: str | Treatment, pairs: Pairs) -> LeakAudit:
    name, function = (treat, REAL_MASKS[treat]) if isinstance(treat, str) else (treat.__name__, treat)
    return audit_treatment(name, function, pairs, source="a test")


def _names(audit: LeakAudit) -> set[str]:
    return {finding.group for finding in audit.leaks}


def scaled_down(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    real, fake = REAL_MASKS["matched"](target, probs)
    return 0.9 * real, fake


def moved_to_minus_one(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    real, fake = REAL_MASKS["straight_through"](target, probs)
    return 2.0 * real - 1.0, fake


def padded(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    real, fake = REAL_MASKS["matched"](target, probs)
    real[..., :PADDING_PX, :] = 1.0 / probs.shape[1]
    return real, fake


def filled(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    real, fake = REAL_MASKS["matched"](target, probs)
    unlabelled = (target == IGNORE).unsqueeze(1)
    unlabelled[..., :PADDING_PX, :] = False
    return real.masked_fill(unlabelled, 1.0 / probs.shape[1]), fake


def soft_at_edges(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    """Blur the real mask where a class meets another, as a resized mask is."""
    real, fake = REAL_MASKS["straight_through"](target, probs)
    blurred = F.avg_pool2d(real, 3, 1, 1, count_include_pad=False)
    return blurred, fake


def as_if_drawn_anew(target: Tensor, probs: Tensor) -> tuple[Tensor, Tensor]:
    """Show a real mask that is right and of the same distribution, but independent of the fake one."""
    generator = torch.Generator().manual_seed(zlib.crc32(probs.numpy().tobytes()))
    other = surrogate_probs(target, probs.shape[1], generator)
    return REAL_MASKS["matched"](target, other)[0], REAL_MASKS["matched"](target, probs)[0]


def _right_everywhere(pairs: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    return [(target, REAL_MASKS["matched"](target, probs)[0]) for target, probs in pairs]


@pytest.mark.parametrize("name", ["matched", "straight_through"])
@pytest.mark.parametrize("K", [2, 4, 11])
def test_treatments_that_show_both_alike_pass(name: str, K: int) -> None:
    audit = _audit(name, draw_pairs(0, K=K))
    assert not audit.leaks
    assert [finding.auroc for finding in audit.findings] == [0.5] * len(GROUPS)
    assert "no leak in values, edges, border, padding, ignored, scale" in audit.sentence()


@pytest.mark.parametrize("name", ["onehot", "smooth", "scaled"])
@pytest.mark.parametrize("K", [2, 4, 11])
def test_treatments_of_other_values_leak_there_and_only_there(name: str, K: int) -> None:
    assert _names(_audit(name, draw_pairs(0, K=K))) == LABELLED


def test_values_of_another_scale() -> None:
    leaks = _names(_audit(scaled_down, draw_pairs(0)))
    assert "scale" in leaks
    assert not leaks & {"padding", "ignored"}


def test_values_of_another_range() -> None:
    leaks = _audit(moved_to_minus_one, draw_pairs(0, padding=False, ignored=False)).leaks
    assert "scale" in {finding.group for finding in leaks}
    assert all(finding.auroc == pytest.approx(1.0) for finding in leaks)


def test_padding_that_is_not_blank_in_real_masks() -> None:
    leaks = _names(_audit(padded, draw_pairs(0)))
    assert "padding" in leaks
    assert not leaks & {"values", "ignored"}


def test_unlabelled_pixels_that_are_filled_in_real_masks() -> None:
    leaks = _names(_audit(filled, draw_pairs(0)))
    assert "ignored" in leaks
    assert not leaks & {"values", "padding", "border"}


def test_interpolated_edges() -> None:
    audit = _audit(soft_at_edges, draw_pairs(0, padding=False, ignored=False))
    assert _names(audit) == {"edges"}
    assert audit.findings[1].auroc > 0.95


def test_a_fixed_value_that_the_other_straddles_is_found() -> None:
    random = np.random.default_rng(0)
    patch = np.repeat(np.arange(8), 32)
    seen = []
    for _ in range(6):
        fake = np.where(random.random((1, 256)) < 0.5, 600, 800).astype(np.int32)
        seen.append(Seen(np.full((1, 256), 700, np.int32).repeat(2, axis=0), fake.repeat(2, axis=0), patch))
    one = np.ones(256)
    assert auroc(seen[0].real[0], seen[0].fake[0], one, one) == pytest.approx(0.5, abs=0.05)
    assert judge_group("scale", seen).auroc == 1.0


def test_a_few_odd_pixels_show_in_a_patch() -> None:
    """A tenth of the pixels gives each patch away, though hardly any single pixel."""
    random = np.random.default_rng(0)
    patch = np.repeat(np.arange(8), 64)
    seen = []
    for _ in range(6):
        fake = random.integers(0, 1000, (2, 512)).astype(np.int32)
        real = np.where(random.random((2, 512)) < 0.1, 1000, random.integers(0, 1000, (2, 512))).astype(np.int32)
        seen.append(Seen(real, fake, patch))
    assert judge_group("scale", seen).auroc > 0.95


def test_no_false_alarm_where_the_distributions_are_the_same() -> None:
    areas = []
    for seed in range(20):
        audit = _audit(as_if_drawn_anew, _right_everywhere(draw_pairs(seed)))
        assert not audit.leaks, f"seed {seed}: {audit.sentence()}"
        areas.append([finding.auroc for finding in audit.findings])
    assert np.abs(np.mean(areas, axis=0) - 0.5).max() < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 4, 8])
def test_false_alarms_are_rare_with_few_samples_too(count: int) -> None:
    """Each of 60 draws has three groups in which chance could raise an alarm."""
    audits = [_audit(as_if_drawn_anew, _right_everywhere(draw_pairs(seed, count=count))) for seed in range(60)]
    assert sum(len(audit.leaks) for audit in audits) <= 1


@pytest.mark.parametrize("count", [2, 3])
def test_a_plain_leak_is_seen_in_very_few_samples(count: int) -> None:
    assert _names(_audit("onehot", draw_pairs(0, count=count))) == LABELLED


@pytest.mark.parametrize("seed", range(5))
def test_few_samples(seed: int) -> None:
    pairs = draw_pairs(seed, count=4)
    assert _names(_audit("onehot", pairs)) == LABELLED
    assert not _audit("matched", pairs).leaks
    assert not _audit(as_if_drawn_anew, _right_everywhere(pairs)).leaks


def test_one_sample_is_too_few_for_a_verdict() -> None:
    audit = _audit("onehot", draw_pairs(0, count=1))
    assert {finding.verdict for finding in audit.findings} == {"absent"}
    assert "no leak in any pixel; 1 samples" in audit.sentence()


def test_a_class_that_never_occurs() -> None:
    pairs = [(target.masked_fill(target == 2, 0), probs) for target, probs in draw_pairs(0)]
    assert not _audit("matched", pairs).leaks
    assert _names(_audit("onehot", pairs)) == LABELLED


def test_samples_without_any_label() -> None:
    pairs = [(torch.full_like(target, IGNORE), probs) for target, probs in draw_pairs(0)]
    audit = _audit("onehot", pairs)
    assert {finding.group: finding.verdict for finding in audit.findings if finding.verdict != "absent"} == {
        "ignored": "ok"
    }
    assert _names(_audit(filled, pairs)) == {"ignored"}


def test_groups_without_pixels_are_absent() -> None:
    audit = _audit("matched", draw_pairs(0, padding=False, ignored=False))
    absent = [finding for finding in audit.findings if finding.verdict == "absent"]
    assert [(finding.group, finding.samples) for finding in absent] == [("padding", 0), ("ignored", 0)]
    assert all(math.isnan(finding.auroc) for finding in absent)


def test_what_is_written() -> None:
    audit = _audit("onehot", draw_pairs(0, padding=False))
    facts = json.loads(json.dumps(audit.to_json(), allow_nan=False))
    assert facts["real_masks"] == "onehot"
    assert facts["passed"] is False
    assert facts["values"]["verdict"] == "leak"
    assert facts["values"]["interval"][0] > facts["limit"] == LIMIT
    assert "loss.real_masks=matched" in facts["values"]["cure"]
    assert facts["padding"] == {
        "verdict": "absent", "auroc": None, "interval": None, "told_by": None, "samples": 0, "cure": None
    }  # fmt: skip
    assert facts["scale"]["verdict"] == "ok"
    assert facts["scale"]["cure"] is None
