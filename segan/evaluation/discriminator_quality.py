"""The figures of a discriminator, each with its interval over images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.evaluation.calibration import BINS
from segan.evaluation.discriminator_counts import (
    SHARES,
    Counts,
    Judgement,
    Side,
    calibration_counts,
    calibration_error,
    patch_counts,
    rank_counts,
    share_figures,
)
from segan.evaluation.intervals import METHOD, Ends, plain_ends
from segan.evaluation.ranking import auroc, auroc_of_counts
from segan.evaluation.sums import divide
from segan.evaluation.uncertainty import LEVEL, RESAMPLES, Compute, bootstrap_interval
from segan.inference.discriminator_file import DiscriminatorMeta

CONVENTION = (
    "real: image with true mask, fake: image with prediction, both shown as in training; patches weigh as much as "
    "their share of labelled pixels; intervals over images"
)
WORST = 10


@dataclass(frozen=True)
class Figure:
    """A figure with its interval over images; NaN where there is none."""

    value: float
    interval: Ends


@dataclass(frozen=True)
class DiscriminatorQuality:
    """How well a discriminator tells true masks from predictions.

    Args:
        classes: Names, in order of the index.
        per_image: Judgement of each image.
        meta: How the discriminator was trained.
        border: The logit above which it says "real"; `None`: the middle of the two means, for a critic.
        split: Name of the split; empty where there is none.
    """

    classes: tuple[str, ...]
    per_image: tuple[Judgement, ...]
    meta: DiscriminatorMeta
    border: float | None = 0.0
    split: str = ""

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.per_image)

    @property
    def patches(self) -> int:
        """Number of patches with a labelled pixel, each judged twice."""
        return sum(len(image.real) for image in self.per_image)

    @cached_property
    def decision(self) -> float:
        """The logit above which a pair counts as called real; NaN without a patch."""
        if self.border is not None:
            return self.border
        weight = self._joined("weight")
        return float(divide((self._joined("real") + self._joined("fake")) @ weight, 2 * weight.sum()))

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """All figures by name.

        `accuracy`, `accuracy_real`, `accuracy_fake`: share of patches called rightly. `preferred`: share of patches
        where the true mask has the higher logit of the two, ties half. `identical`: share where both are equal, so
        that nobody could tell. `auroc_patch`, `auroc_image`: area under the ROC curve of logits of patches, and of
        their means over images. `ece`: calibration error of the probability of real; none for a critic.
        """
        patches = [(image.real, image.fake, image.weight) for image in self.per_image]
        whole = [_as_one_patch(image) for image in self.per_image]
        return {
            **_name_shares(self._counts.sum(axis=1)),
            "auroc_patch": _area_figure(patches),
            "auroc_image": _area_figure(whole),
            "ece": self._calibration_figure(),
        }

    @cached_property
    def per_class(self) -> dict[str, dict[str, Figure]]:
        """By true class that holds most of a patch: `share` of all patches, the shares of `figures`, and `auroc`."""
        weights = self._counts[..., 0]  # [N, K]
        shares = _figures(weights, _class_shares)
        return {
            name: {
                "share": shares[index],
                **_name_shares(self._counts[:, index]),
                "auroc": _area_figure([_of_class(image, index) for image in self.per_image]),
            }
            for index, name in enumerate(self.classes)
        }

    @cached_property
    def reliability(self) -> list[dict[str, float]]:
        """For a diagram: bins of the probability of real, from `low` to `high`; empty for a critic.

        Each has the mean `probability`, the share of pairs that are `real`, and the share of all `patches` in it.
        """
        if self.border is None:
            return []
        weight, real, probability = self._calibration_counts.sum(axis=0).astype(np.float64)
        columns = (divide(probability, weight), divide(real, weight), weight / max(1.0, weight.sum()))
        return [
            {"low": index / BINS, "high": (index + 1) / BINS, "probability": mean, "real": share, "patches": part}
            for index, (mean, share, part) in enumerate(zip(*(column.tolist() for column in columns), strict=True))
        ]

    @cached_property
    def ranked_images(self) -> list[dict[str, Any]]:
        """Images, first the one it is most wrong about: `margin` is the mean logit of real minus that of fake."""
        accuracy = share_figures(self._counts.sum(axis=1))[:, 0]
        rows = []
        for image, share in zip(self.per_image, accuracy.tolist(), strict=True):
            real, fake = image.means
            rows.append({"name": image.name, "margin": real - fake, "accuracy": share, "real": real, "fake": fake})
        return sorted(rows, key=lambda row: (math.isnan(row["margin"]), row["margin"], row["name"]))

    def to_json(self) -> dict[str, Any]:
        """Return the content of `discriminator.json`; what does not exist is `None`.

        A figure is a number, and `[low, high]` under the same name in `intervals`.
        """
        names = ("kind", "adversarial", "real_masks", "updates", "step", "model")
        tables = {name: {key: figure.value for key, figure in row.items()} for name, row in self.per_class.items()}
        intervals = {key: plain_ends(figure.interval) for key, figure in self.figures.items()}
        facts: dict[str, Any] = {
            "convention": CONVENTION,
            "split": self.split,
            "images": self.images,
            "patches": self.patches,
            "discriminator": {name: getattr(self.meta, name) for name in names},
            "decision_logit": self.decision,
            **{name: figure.value for name, figure in self.figures.items()},
            "intervals": {"level": LEVEL, "method": METHOD, "resamples": RESAMPLES, "seed": 0, **intervals},
            "per_class": tables,
            "reliability": self.reliability,
            "most_wrong": self.ranked_images[:WORST],
        }
        return {name: _plain(value) for name, value in facts.items()}

    def sentence(self) -> str:
        """Sum up in one line: accuracy and area with their intervals."""
        accuracy, area = self.figures["accuracy"], self.figures["auroc_patch"]
        return f"accuracy {_in_words(accuracy)}, AUROC {_in_words(area)}; 0.5 is chance"

    @cached_property
    def _counts(self) -> Counts:
        """Counts of `patch_counts`, `[N, K, 5]`."""
        return np.stack([patch_counts(image, self.decision, len(self.classes)) for image in self.per_image])

    @cached_property
    def _calibration_counts(self) -> Counts:
        return np.stack([calibration_counts(image, self.meta.adversarial) for image in self.per_image])

    def _calibration_figure(self) -> Figure:
        if self.border is None:
            return Figure(math.nan, (math.nan, math.nan))
        return _figures(self._calibration_counts, calibration_error)[0]

    def _joined(self, field: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(image, field) for image in self.per_image]).astype(np.float64)


def _figures(counts: Counts, compute: Compute) -> list[Figure]:
    """Compute figures of the pooled counts of images `[N, ...]`, with their intervals."""
    values, ends = compute(counts.sum(axis=0).astype(np.float64)), bootstrap_interval(counts, compute)
    return [Figure(value, (low, high)) for value, low, high in zip(values.tolist(), *ends.tolist(), strict=True)]


def _name_shares(counts: Counts) -> dict[str, Figure]:
    return dict(zip(SHARES, _figures(counts, share_figures), strict=True))


def _area_figure(sides: Sequence[Side]) -> Figure:
    """Compute the exact area, and its interval from bins of rank."""
    real, fake, weight = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    if not len(weight):
        return Figure(math.nan, (math.nan, math.nan))
    (binned,) = _figures(rank_counts(sides), lambda pooled: auroc_of_counts(pooled)[..., None])
    return Figure(auroc(real, fake, weight, weight), binned.interval)


def _class_shares(pooled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide the weight of each class `[..., K]` by that of all."""
    total = np.broadcast_to(pooled.sum(axis=-1, keepdims=True), pooled.shape)
    return divide(pooled, total)


def _as_one_patch(image: Judgement) -> Side:
    """Stand for an image by its mean logits, if it has any."""
    real, fake = (np.array([mean]) for mean in image.means)
    seen = ~np.isnan(real)
    return real[seen], fake[seen], np.ones(int(seen.sum()), np.int64)


def _of_class(image: Judgement, index: int) -> Side:
    mine = image.true_class == index
    return image.real[mine], image.fake[mine], image.weight[mine]


def _in_words(figure: Figure) -> str:
    low, high = figure.interval
    interval = "no interval" if math.isnan(low) else f"95 % interval {low:.3f} to {high:.3f}"
    return f"{figure.value:.3f} ({interval})"


def _plain(value: Any) -> Any:
    """Turn numbers that are none into `None`, which JSON has."""
    if isinstance(value, dict):
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(child) for child in value]
    return None if isinstance(value, float) and math.isnan(value) else value
