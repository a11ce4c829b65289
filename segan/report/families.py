"""Further families of figures that an evaluation wrote into `metrics.json`."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segan.errors import DataError, UsageError
from segan.evaluation.result import Evaluation, read_evaluation
from segan.report.model import Ends, Figure, Section

# Shown elsewhere on the page, from the counts themselves.
_KNOWN = {"iou", "dice", "precision", "recall", "intervals"}
_NO_INTERVAL: Ends = (math.nan, math.nan)


def read_families(place: Path, evaluation: Evaluation) -> tuple[Section, ...]:
    """Read the figures that an evaluation of the same images has beside its scores.

    Args:
        place: Folder that `segan evaluate --out` wrote.
        evaluation: Of the page.

    Raises:
        UsageError: There is no evaluation, or it is one of other images or another model.
        DataError: A file is damaged.
    """
    theirs = read_evaluation(place)
    if not _has_same_counts(theirs, evaluation):
        raise UsageError(
            f"--scores {place}: scores of {theirs.images} images seen that are not those of this report, expected the "
            f"same {evaluation.images} images and model. Evaluate the run on the same split with --out."
        )
    path = (place if place.is_dir() else place.parent) / "metrics.json"
    try:
        tree = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error}), expected JSON. Evaluate again with --out.") from error
    families = {name: value for name, value in tree.items() if isinstance(value, dict) and name not in _KNOWN}
    return tuple(section for name, value in families.items() if (section := _list_family(name, value)).figures)


def _has_same_counts(first: Evaluation, second: Evaluation) -> bool:
    counts = [sorted((image.name, image.matrix.tobytes()) for image in one.per_image) for one in (first, second)]
    return first.classes == second.classes and counts[0] == counts[1]


def _list_family(name: str, tree: Mapping[str, Any]) -> Section:
    about = str(tree.get("convention", ""))
    intervals = tree.get("intervals")
    ends = dict(_walk(intervals, "")) if isinstance(intervals, Mapping) else {}
    figures = tuple(
        Figure(key, float(value), _read_ends(ends.get(key)))
        for key, value in _walk({key: value for key, value in tree.items() if key != "intervals"}, "")
        if isinstance(value, int | float) and not isinstance(value, bool)
    )
    return Section(name.replace("_", " ").capitalize(), about, figures)


def _walk(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _walk(value, f"{prefix}{key}, ")
        else:
            yield f"{prefix}{key}", value


def _read_ends(value: Any) -> Ends:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(end, int | float) for end in value):
        return float(value[0]), float(value[1])
    return _NO_INTERVAL
