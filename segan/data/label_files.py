"""Read `dataset.yaml` and the dataset cards: the same keys, with a few more that describe where data come from."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from segan.data.colors import Color, parse_color
from segan.data.formats import show_path
from segan.data.labels import IGNORE, FileValue, Labels, build_labels, describe
from segan.errors import DataError

_LABEL_KEYS = ("classes", "ignore_index", "colors", "mapping")
_CARD_KEYS = ("name", "description", "origin", "terms", "splits", "split")
_SPLIT_KEYS = ("val", "test", "seed")


@dataclass(frozen=True)
class SplitRule:
    """How a dataset without ready splits is divided."""

    val: float
    test: float
    seed: int


@dataclass(frozen=True)
class Card:
    """What a `dataset.yaml` or a dataset card says.

    Args:
        name: For people.
        labels: What the masks mean.
        split: Overrides the division of the config; `None`: it does not.
        colors_decide: No mapping was given, but colours were: colour masks are read by them.
    """

    name: str
    labels: Labels
    split: SplitRule | None
    colors_decide: bool


def load_labels(path: Path) -> Labels:
    """Read what the masks of a dataset mean from its `dataset.yaml`.

    Raises:
        DataError: The file cannot be read, or a key or value is wrong.
    """
    return load_card(path).labels


def load_card(path: Path) -> Card:
    """Read a `dataset.yaml` or a dataset card.

    Raises:
        DataError: The file cannot be read, or a key or value is wrong.
    """
    where = show_path(path)
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{where}: cannot be read ({reason}), expected a YAML file. Check the file.") from error
    if not isinstance(tree, dict):
        raise DataError(f"{where}: {type(tree).__name__} seen, expected keys and values. Start with `classes: [...]`.")
    _check_keys(tree, (*_LABEL_KEYS, *_CARD_KEYS), where)
    labels = parse_labels({key: tree[key] for key in _LABEL_KEYS if key in tree}, where)
    split = _parse_split(tree["split"], where) if tree.get("split") is not None else None
    colors_decide = tree.get("mapping") is None and tree.get("colors") is not None
    return Card(str(tree.get("name", path.stem)), labels, split, colors_decide)


def parse_labels(tree: Mapping[str, Any], where: str) -> Labels:
    """Read labels from plain values.

    Args:
        tree: `classes`, a list of names whose position is the class index; optionally `ignore_index`, a value in the
            files; `colors`, one a class; `mapping`, from a file's value or colour to an index, a name or `ignore`.
        where: File or key, for messages.

    Raises:
        DataError: A key is unknown or missing, or a value is wrong.
    """
    _check_keys(tree, _LABEL_KEYS, where)
    classes = _parse_classes(tree.get("classes"), where)
    ignore_index = tree.get("ignore_index")
    if ignore_index is not None and (type(ignore_index) is not int or not 0 <= ignore_index <= 65535):
        raise DataError(
            f"{where}: ignore_index {ignore_index!r} seen, expected a whole number from 0 to 65535. Correct it."
        )
    colors = None if tree.get("colors") is None else _parse_colors(tree["colors"], where)
    mapping = None if tree.get("mapping") is None else _parse_mapping(tree["mapping"], classes, where)
    return build_labels(classes, colors=colors, ignore_index=ignore_index, mapping=mapping, where=where)


def map_by_colors(labels: Labels, where: str) -> Labels:
    """Read masks by the colours of the classes, for colour masks with a `dataset.yaml` that has no mapping.

    Raises:
        DataError: Two classes have the same colour.
    """
    mapping: dict[FileValue, int] = {color: index for index, color in enumerate(labels.colors)}
    if len(mapping) != len(labels.classes):
        raise DataError(
            f"{where}: colors repeat, expected one a class for colour masks. Give each class its own colour."
        )
    changed = Labels(labels.classes, labels.colors, None, mapping)
    return Labels(
        labels.classes, labels.colors, None, mapping, f"{where}: masks are read by colors: {describe(changed)}"
    )


def _check_keys(tree: Mapping[Any, Any], known: Sequence[str], where: str) -> None:
    for key in tree:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            advice = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}."
            raise DataError(f"{where}: unknown key {key}. {advice}")


def _parse_classes(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not value:
        raise DataError(
            f"{where}: classes {value!r} seen, expected a list of names. Write `classes: [background, cell]`."
        )
    for name in value:
        if not isinstance(name, str) or not name.strip():
            advice = "Put the name in quotes."  # YAML reads `no` as false and `1` as a number.
            raise DataError(f"{where}: class {name!r} seen, expected a name as text. {advice}")
    return value


def _parse_colors(value: Any, where: str) -> list[Color]:
    colors = [parse_color(item) for item in value] if isinstance(value, list) else [None]
    if None in colors:
        raise DataError(f"{where}: colors {value!r} seen, expected a list of [r, g, b] or '#rrggbb'. Correct it.")
    return [color for color in colors if color is not None]


def _parse_mapping(value: Any, classes: list[str], where: str) -> dict[FileValue, int]:
    if not isinstance(value, dict) or not value:
        raise DataError(
            f"{where}: mapping {value!r} seen, expected `file value: class`. Write `mapping: {{0: 0, 255: 1}}`."
        )
    mapping: dict[FileValue, int] = {}
    for key, target in value.items():
        source = _parse_source(key)
        if source is None:
            advice = "Correct it."
            expected = "a number from 0 to 65535, '#rrggbb' or '[r, g, b]'"
            raise DataError(f"{where}: mapping key {key!r} seen, expected {expected}. {advice}")
        mapping[source] = _parse_target(target, classes, where)
    return mapping


def _parse_source(key: Any) -> FileValue | None:
    if isinstance(key, str) and key.isdecimal():  # JSON has no other keys than text.
        key = int(key)
    if type(key) is int:
        return key if 0 <= key <= 65535 else None
    return parse_color(key)


def _parse_target(target: Any, classes: list[str], where: str) -> int:
    if isinstance(target, str) and target in classes:
        return classes.index(target)
    if target == "ignore":
        return IGNORE
    if type(target) is int and (0 <= target < len(classes) or target == IGNORE):
        return target
    expected = f"0 to {len(classes) - 1}, a name in classes or ignore"
    raise DataError(f"{where}: mapping leads to class {target!r}, expected {expected}. Correct the mapping.")


def _parse_split(value: Any, where: str) -> SplitRule:
    if not isinstance(value, dict):
        raise DataError(
            f"{where}: split {value!r} seen, expected val, test and seed. Write `split: {{val: 0.1, test: 0.2}}`."
        )
    _check_keys(value, _SPLIT_KEYS, f"{where}: split")
    val, test, seed = (value.get(key, 0) for key in _SPLIT_KEYS)
    fractions = all(isinstance(share, int | float) and 0 <= share < 1 for share in (val, test))
    if not fractions or type(seed) is not int or val + test >= 1:
        advice = "Correct the split."
        raise DataError(f"{where}: split {value!r} seen, expected shares below 1 in all and a whole seed. {advice}")
    return SplitRule(float(val), float(test), seed)
