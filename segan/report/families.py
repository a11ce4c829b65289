"""Further families of figures that an evaluation wrote into `metrics.json`."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segan.errors import DataError, UsageError
from segan.evaluation.result import Evaluation, read_evaluation
from segan.report.judge import read_ends, read_number
from segan.report.model import Figure, Section

# Shown elsewhere on the page, from the counts themselves.
_KNOWN = {"iou", "dice", "precision", "recall", "intervals", "families", "discriminator"}


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
    loose = {name: value for name, value in tree.items() if isinstance(value, dict) and name not in _KNOWN}
    families = {**loose, **_table(tree.get("families"))}
    return tuple(section for name, value in families.items() if (section := _list_family(name, value)).figures)


def _has_same_counts(first: Evaluation, second: Evaluation) -> bool:
    counts = [sorted((image.name, image.matrix.tobytes()) for image in one.per_image) for one in (first, second)]
    return first.classes == second.classes and counts[0] == counts[1]


def _list_family(name: str, tree: Mapping[str, Any]) -> Section:
    """List the figures of a family: each has a value, or a table of them, and `intervals` of the same form."""
    figures = [
        figure for key, value in _table(tree.get("figures", tree)).items() for figure in _read_figure(key, value)
    ]
    about = tree.get("rules") or tree.get("convention") or ""
    return Section(name.replace("_", " ").capitalize(), str(about), tuple(figures))


def _read_figure(name: str, value: Any) -> Iterator[Figure]:
    if not isinstance(value, Mapping):
        if not math.isnan(number := read_number(value)):
            yield Figure(_show_name(name), number, (math.nan, math.nan))
        return
    ends = dict(_walk(_table(value.get("intervals"))))
    about = str(value.get("convention", ""))
    for part, number in _walk({key: child for key, child in value.items() if key not in {"intervals", "convention"}}):
        if not math.isnan(found := read_number(number)):
            yield Figure(", ".join([_show_name(name), *map(_show_name, part)]), found, read_ends(ends.get(part)), about)


def _walk(tree: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give the leaves of a tree with the keys that lead to them."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _walk(value, (*prefix, key))
        else:
            yield (*prefix, key), value


def _show_name(key: str) -> str:
    return key.replace("_", " ")


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
