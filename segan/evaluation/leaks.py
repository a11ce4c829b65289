"""Do the masks a discriminator gets tell real from fake before it looks at any shape? A short probe, no network.

For each group of pixels and each feature the ratio of the two densities is read from bins of rank, on one half of the
images, and judged on the other half, both ways round. A ratio finds what a threshold cannot: a value that is fixed in
one and on both sides of it in the other. A discriminator sees patches, so log ratios are averaged over squares of 16
px: a difference of few pixels, or a small one of all, then shows as it would to a discriminator.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segan.evaluation.discriminator_counts import Side, rank_counts
from segan.evaluation.intervals import Ends, plain_ends
from segan.evaluation.leak_pixels import GROUPS, PATCH_PX, Levels, Seen, observe
from segan.evaluation.ranking import auroc, auroc_of_counts
from segan.evaluation.uncertainty import LEVEL, bootstrap_interval
from segan.losses.real_masks import Treatment

BINS = 64
LIMIT = 0.6
# Two or three samples differ by chance alone nearly as much as by a leak.
FEW = 4
LIMIT_OF_FEW = 0.9

Ratios = NDArray[np.float64]
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


def score_patches(seen: Sequence[Seen]) -> list[tuple[Ratios, Ratios]]:
    """Compute the mean log ratio of each patch, with ratios from the samples of the other half.

    Args:
        seen: Two samples at least; every second one makes a half.

    Returns:
        For each sample the scores of real and of fake, `[F, T]` each, for F features and T patches.
    """
    fitted = [
        [fit_log_ratio(*_join(seen[half::2], feature)) for feature in range(len(seen[0].real))] for half in (0, 1)
    ]
    scores = []
    for index, sample in enumerate(seen):
        ratios = fitted[1 - index % 2]
        size = np.bincount(sample.patch)
        sides = [
            np.stack(
                [
                    np.bincount(sample.patch, values[np.searchsorted(borders, levels, side="right")]) / size
                    for levels, (borders, values) in zip(side, ratios, strict=True)
                ]
            )
            for side in (sample.real, sample.fake)
        ]
        scores.append((sides[0], sides[1]))
    return scores


def fit_log_ratio(real: Levels, fake: Levels) -> tuple[Levels, Ratios]:
    """Estimate the log of the ratio of two densities, real over fake, in bins of rank.

    Args:
        real: `[P]`.
        fake: `[Q]`.

    Returns:
        Rising borders for `np.searchsorted(borders, values, side="right")`, and the log ratio in each bin. A value
        that many share has a bin of its own.

    >>> borders, ratios = fit_log_ratio(np.full(99, 5, np.int32), np.repeat(np.array([4, 6], np.int32), (49, 50)))
    >>> np.sign(ratios[np.searchsorted(borders, [4, 5, 6], side="right")]).tolist()
    [-1.0, 1.0, -1.0]
    """
    levels = np.concatenate([real, fake])
    quantiles = np.quantile(levels, np.arange(1, BINS) / BINS, method="nearest").astype(np.int32)
    shared = quantiles[1:][np.diff(quantiles) == 0]
    borders = np.unique(np.concatenate([quantiles, shared + 1]))
    places = (np.searchsorted(borders, side, side="right") for side in (real, fake))
    # One more in each bin: what was never seen is not impossible.
    counts = [np.bincount(place, minlength=len(borders) + 1) + 1.0 for place in places]
    shares = [count / count.sum() for count in counts]
    return borders, np.log(shares[0] / shares[1])


def _join(seen: Sequence[Seen], feature: int) -> tuple[Levels, Levels]:
    real, fake = (np.concatenate([getattr(sample, side)[feature] for sample in seen]) for side in ("real", "fake"))
    return real, fake


def _as_side(real: Ratios, fake: Ratios) -> Side:
    return real, fake, np.ones(len(real), np.int64)


def _area(sides: Sequence[Side]) -> float:
    real, fake, weight = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    return auroc(real, fake, weight, weight)
