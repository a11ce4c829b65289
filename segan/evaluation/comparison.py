"""Compare two evaluations of the same images: the difference of each figure, its interval, and a test."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from segan.errors import DataError
from segan.evaluation.family_figures import Column, nest_columns
from segan.evaluation.intervals import Ends, figures, margins, name_figures, plain_ends
from segan.evaluation.result import Evaluation, ImageCounts
from segan.evaluation.sums import Sums, iterate_fields
from segan.evaluation.uncertainty import LEVEL, Compute, Counts, difference_interval, permutation_p_values

SIGNIFICANT = 1.0 - LEVEL


@dataclass(frozen=True)
class Difference:
    """One figure of both evaluations; NaN where something does not exist.

    Args:
        a: The figure of the first.
        b: The figure of the second.
        interval: Ends of the 95 % interval of `b - a` over images.
        p_value: Two-sided, of the paired permutation test.
    """

    a: float
    b: float
    interval: Ends
    p_value: float

    @property
    def difference(self) -> float:
        """The second minus the first."""
        return self.b - self.a

    @property
    def is_shown(self) -> bool:
        """Whether both the interval and the test speak against chance."""
        low, high = self.interval
        return self.p_value < SIGNIFICANT and (low > 0.0 or high < 0.0)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, `None` where something does not exist."""
        values = {"a": self.a, "b": self.b, "difference": self.difference}
        plain = {key: None if math.isnan(value) else value for key, value in values.items()}
        p_value = None if math.isnan(self.p_value) else self.p_value
        return {**plain, "interval": plain_ends(self.interval), "p_value": p_value}


@dataclass(frozen=True)
class Comparison:
    """Two evaluations, figure by figure.

    Args:
        name_a: The first, as the user named it.
        name_b: The second.
        images: How many images both scored.
        classes: Names, in order of the index.
        figures: By figure and class; the class is empty for `mean_iou` and `pixel_accuracy`.
        families: All figures of the families that both evaluations measured.
    """

    name_a: str
    name_b: str
    images: int
    classes: tuple[str, ...]
    figures: dict[tuple[str, str], Difference]
    families: dict[str, dict[Column, Difference]] = field(default_factory=dict)

    @property
    def mean_iou(self) -> Difference:
        """The figure that the verdict is about."""
        return self.figures["mean_iou", ""]

    @property
    def verdict(self) -> str:
        """`better` or `worse`: B than A; `not shown`: chance may explain it; `none`: it cannot be judged."""
        if math.isnan(self.mean_iou.p_value) or math.isnan(self.mean_iou.interval[0]):
            return "none"
        if not self.mean_iou.is_shown:
            return "not shown"
        return "better" if self.mean_iou.difference > 0 else "worse"

    def sentence(self) -> str:
        """Say the verdict in plain words."""
        found = self.mean_iou
        if self.verdict == "none":
            seen = "1 image" if self.images == 1 else "no mean IoU that exists without one of the images"
            return f"no verdict: mean IoU {found.difference:+.4f}, but {seen} seen, expected more to judge chance by"
        low, high = found.interval
        facts = f"mean IoU {found.difference:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}, p = {found.p_value:.4f}"
        if self.verdict == "not shown":
            return f"no difference shown: {self.name_b} minus {self.name_a}: {facts}, over {self.images} images"
        return f"{self.name_b} is {self.verdict} than {self.name_a}: {facts}, over {self.images} images"

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values; figures are nested as in `metrics.json`."""
        nested: dict[str, Any] = {}
        for (figure, name), difference in self.figures.items():
            if name:
                nested.setdefault(figure, {})[name] = difference.to_json()
            else:
                nested[figure] = difference.to_json()
        return {
            "a": self.name_a,
            "b": self.name_b,
            "images": self.images,
            "classes": list(self.classes),
            "level": LEVEL,
            "figures": nested,
            "families": {
                name: nest_columns({column: difference.to_json() for column, difference in found.items()})
                for name, found in self.families.items()
            },
            "verdict": self.verdict,
            "sentence": self.sentence(),
        }


def compare_evaluations(
    a: Evaluation, b: Evaluation, *, name_a: str = "A", name_b: str = "B", resamples: int = 10_000, seed: int = 0
) -> Comparison:
    """Compare two evaluations, image by image.

    Args:
        a: The first, such as a baseline.
        b: The second; differences are its figures minus those of the first.
        name_a: What to call the first.
        name_b: What to call the second.
        resamples: Drawings of the interval and tosses of the test, each.
        seed: Of both.

    Raises:
        DataError: Classes, images or true masks differ.
    """
    counts_a, counts_b = pair_counts(a, b, name_a, name_b)
    rows = _compare_counts(counts_a, counts_b, figures, resamples, seed)
    families = _compare_families(a, b, name_a, name_b, resamples, seed)
    return Comparison(name_a, name_b, a.images, a.classes, name_figures(rows, a.classes), families)


def _compare_counts(first: Counts, second: Counts, compute: Compute, resamples: int, seed: int) -> list[Difference]:
    """Compare all figures of paired counts."""
    ends = difference_interval(first, second, compute, resamples=resamples, seed=seed)
    p_values = permutation_p_values(first, second, compute, resamples=resamples, seed=seed)
    columns = (compute(counts.sum(axis=0).astype(np.float64)) for counts in (first, second))
    return [
        Difference(own, other, (low, high), p_value)
        for own, other, low, high, p_value in zip(*(c.tolist() for c in (*columns, *ends, p_values)), strict=True)
    ]


def _compare_families(
    a: Evaluation, b: Evaluation, name_a: str, name_b: str, resamples: int, seed: int
) -> dict[str, dict[Column, Difference]]:
    """Compare what both evaluations measured; figures without background where both leave out the same one."""
    background = a.background if a.background == b.background else None
    a, b = replace(a, background=background), replace(b, background=background)
    found = {}
    for name, table in a.tables.items():
        if name in b.tables:
            _refuse_other_settings(name, a.stacked[name], b.stacked[name], name_a, name_b)
            rows = _compare_counts(table.counts, b.tables[name].counts, table.compute, resamples, seed)
            found[name] = dict(zip(table.columns, rows, strict=True))
    return found


def _refuse_other_settings(family: str, first: Sums, second: Sums, name_a: str, name_b: str) -> None:
    theirs = dict(iterate_fields(second))
    for path, value in iterate_fields(first):
        if isinstance(value, tuple) and value != theirs[path]:
            raise DataError(
                f"{name_b}: {family} measured with {path} {theirs[path]}, expected {value} as in {name_a}. "
                "Evaluate both with the same options and version."
            )


def pair_counts(a: Evaluation, b: Evaluation, name_a: str, name_b: str) -> tuple[Counts, Counts]:
    """Pair the images of two evaluations by name and return the margins of each, sorted by name.

    Raises:
        DataError: Classes, images or true masks differ; masks are told apart by size and by pixels of each class.
    """
    if a.classes != b.classes:
        raise DataError(
            f"{name_b}: classes {', '.join(b.classes)} seen, expected {', '.join(a.classes)} as in {name_a}. "
            "Compare evaluations on one dataset, with one dataset.yaml or card."
        )
    images_a, images_b = _by_name(a, name_a), _by_name(b, name_b)
    missing, extra = sorted(images_a.keys() - images_b.keys()), sorted(images_b.keys() - images_a.keys())
    if missing or extra:
        seen = [
            f"{len(names)} {what} ({_list(names)})" for what, names in (("missing", missing), ("more", extra)) if names
        ]
        raise DataError(
            f"{name_b}: {b.images} images, {' and '.join(seen)} seen, expected the {a.images} images of {name_a}. "
            "Evaluate both on the same split."
        )
    names = sorted(images_a)
    other = [name for name in names if _truth(images_a[name]) != _truth(images_b[name])]
    if other:
        raise DataError(
            f"{name_b}: other true masks seen for {len(other)} of {len(names)} images ({_list(other)}), expected those "
            f"of {name_a}, with the same pixels of each class. Evaluate both against the same masks."
        )
    first, second = (np.stack([images[name].matrix for name in names]) for images in (images_a, images_b))
    return margins(first), margins(second)


def _by_name(evaluation: Evaluation, shown: str) -> dict[str, ImageCounts]:
    images = {image.name: image for image in evaluation.per_image}
    if len(images) < evaluation.images:
        names = [image.name for image in evaluation.per_image]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DataError(
            f"{shown}: {len(twice)} names of images seen twice ({_list(twice)}), expected each once. "
            "Evaluate each split by itself."
        )
    return images


def _truth(image: ImageCounts) -> tuple[tuple[int, int], list[int]]:
    """Tell what the true mask is known by: its size and the pixels of each class."""
    return image.size, image.matrix.sum(axis=1).tolist()


def _list(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
