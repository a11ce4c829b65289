"""Do the masks a discriminator gets tell real from fake before it looks at any shape? A short probe, no network."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from segan.evaluation.discriminator_counts import Side, rank_counts
from segan.evaluation.intervals import Ends, plain_ends
from segan.evaluation.leak_pixels import GROUPS, PATCH_PX, Seen, observe
from segan.evaluation.leak_ratios import Ratios, score_patches
from segan.evaluation.ranking import auroc, auroc_of_counts
from segan.evaluation.uncertainty import LEVEL, bootstrap_interval
from segan.losses.real_masks import Treatment

LIMIT = 0.6
# Two or three samples differ by chance alone nearly as much as by a leak.
FEW = 4
LIMIT_OF_FEW = 0.9

Pairs = Iterable[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Finding:
    """How well one group of pixels tells real from fake masks.

    Args:
        group: Key of `GROUPS`.
        samples: Samples that have such pixels.
        auroc: Of patches, 0.5 is chance; NaN where fewer than two samples have such pixels.
        interval: 95 % over samples; NaN likewise.
        told_by: The feature that tells best by itself, which means something in a leak only; empty likewise.
    """

    group: str
    samples: int
    auroc: float = math.nan
    interval: Ends = (math.nan, math.nan)
    told_by: str = ""

    @property
    def verdict(self) -> str:
        """`absent`, `leak` where the whole interval lies above `LIMIT` (`LIMIT_OF_FEW`, of few samples), else `ok`."""
        if math.isnan(self.auroc):
            return "absent"
        return "leak" if self.interval[0] > (LIMIT if self.samples >= FEW else LIMIT_OF_FEW) else "ok"

    @property
    def cure(self) -> str:
        """What to do about a leak."""
        return GROUPS[self.group].cure

    def sentence(self) -> str:
        """Tell a leak in one line."""
        low, high = self.interval
        return f"leak in {self.group}, AUROC {self.auroc:.2f} ({low:.2f} to {high:.2f}) by {self.told_by}: {self.cure}"


@dataclass(frozen=True)
class LeakAudit:
    """What the probe found of one treatment of masks.

    Args:
        treatment: Its name.
        source: Where the fake masks come from, for people.
        samples: How many were shown.
        findings: One for each of `GROUPS`.
    """

    treatment: str
    source: str
    samples: int
    findings: tuple[Finding, ...]

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The groups that leak."""
        return tuple(finding for finding in self.findings if finding.verdict == "leak")

    def sentence(self) -> str:
        """Sum up in one line."""
        seen = [finding.group for finding in self.findings if finding.verdict == "ok"]
        found = ", ".join(finding.group for finding in self.leaks)
        result = f"leak in {found}" if found else f"no leak in {', '.join(seen) or 'any pixel'}"
        return f"audit of real masks ({self.treatment}): {result}; {self.samples} samples, {self.source}"

    def to_json(self) -> dict[str, Any]:
        """Return the content of `audit.json`; what does not exist is `None`."""
        groups = {
            finding.group: {
                "verdict": finding.verdict,
                "auroc": None if math.isnan(finding.auroc) else finding.auroc,
                "interval": plain_ends(finding.interval),
                "told_by": finding.told_by if finding.verdict == "leak" else None,
                "samples": finding.samples,
                "cure": finding.cure if finding.verdict == "leak" else None,
            }
            for finding in self.findings
        }
        facts = {"real_masks": self.treatment, "source": self.source, "samples": self.samples}
        return {**facts, "passed": not self.leaks, "patch_px": PATCH_PX, "limit": LIMIT, "level": LEVEL, **groups}


def audit_treatment(name: str, treat: Treatment, pairs: Pairs, *, source: str, seed: int = 0) -> LeakAudit:
    """Show samples through a treatment and probe what comes out.

    Args:
        name: Of the treatment.
        treat: How masks reach the discriminator.
        pairs: True labels int64 `[1, H, W]` and a prediction's probabilities float `[1, K, H, W]`, on the CPU.
        source: Where the predictions come from, for people.
        seed: Of the choice of pixels in large samples.
    """
    random = np.random.default_rng(seed)
    observed = [observe(target, probs, treat, random) for target, probs in pairs]
    findings = tuple(judge_group(group, [seen[group] for seen in observed if group in seen]) for group in GROUPS)
    return LeakAudit(name, source, len(observed), findings)


def judge_group(group: str, seen: Sequence[Seen]) -> Finding:
    """Measure how well one group tells real from fake.

    Args:
        group: Key of `GROUPS`.
        seen: The samples that have such pixels.
    """
    if len(seen) < 2:
        return Finding(group, len(seen))
    scores = score_patches(seen)
    # The sum over features is the log of the ratio, as if each told something of its own.
    whole = [_as_side(real.sum(axis=0), fake.sum(axis=0)) for real, fake in scores]
    alone = [
        _area([_as_side(real[index], fake[index]) for real, fake in scores])
        for index in range(len(GROUPS[group].features))
    ]
    ends = bootstrap_interval(rank_counts(whole), lambda pooled: auroc_of_counts(pooled)[..., None])
    told_by = GROUPS[group].features[int(np.argmax(alone))]
    return Finding(group, len(seen), _area(whole), (float(ends[0, 0]), float(ends[1, 0])), told_by)


def _as_side(real: Ratios, fake: Ratios) -> Side:
    return real, fake, np.ones(len(real), np.int64)


def _area(sides: Sequence[Side]) -> float:
    real, fake, weight = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    return auroc(real, fake, weight, weight)
