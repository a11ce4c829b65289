"""What the values in mask files mean: classes, their colours, and the way from a file's value to a class index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from segan.data.colors import Color, default_colors, show_color
from segan.errors import DataError

IGNORE = 255
MAX_CLASSES = 254  # 255 is IGNORE, and look-up tables mark unknown values with 254.

FileValue = int | Color


@dataclass(frozen=True)
class Labels:
    """The meaning of a dataset's masks; build it with `build_labels`, `Labels.from_dict` or `find_labels`.

    Args:
        classes: Names; the index is the class index.
        colors: RGB, one a class.
        ignore_index: Value in the files where the label counts nowhere; inside the program it is `IGNORE`.
        mapping: Every value a file may hold, a grey or index value or a colour, to a class index or `IGNORE`.
        understood: One sentence for people: how masks are read and why.
    """

    classes: tuple[str, ...]
    colors: tuple[Color, ...]
    ignore_index: int | None
    mapping: Mapping[FileValue, int]
    understood: str = field(default="", compare=False)

    @property
    def uses_colors(self) -> bool:
        """Whether files are read as colours, not as grey or index values."""
        return isinstance(next(iter(self.mapping)), tuple)

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any], where: str = "labels") -> "Labels":
        """Undo `dump_labels`; see `parse_labels` for the keys.

        Raises:
            DataError: A key or value is wrong.
        """
        from segan.data.label_files import parse_labels  # It builds on this module.

        return parse_labels(tree, where)

    def to_yaml(self) -> str:
        """Write a `dataset.yaml`, with what was understood as its first line."""
        text = yaml.safe_dump(
            dump_labels(self), sort_keys=False, default_flow_style=None, allow_unicode=True, width=120
        )
        return f"# {' '.join(self.understood.split())}\n{text}" if self.understood else text


def build_labels(
    classes: Sequence[str],
    *,
    colors: Sequence[Color] | None = None,
    ignore_index: int | None = None,
    mapping: Mapping[FileValue, int] | None = None,
    understood: str = "",
    where: str = "labels",
) -> Labels:
    """Build labels from what is known and check that the parts fit together.

    Args:
        classes: Names; at least 2.
        colors: RGB, one a class; `None`: chosen.
        ignore_index: Value in the files that is ignored.
        mapping: File value to class index or `IGNORE`; `None`: the value is the index.
        understood: Sentence for people; empty: the mapping in words.
        where: File or key, for messages.

    Raises:
        DataError: Names repeat, numbers do not match, or the mapping leads nowhere.
    """
    names = tuple(classes)
    identity: dict[FileValue, int] = {index: index for index in range(len(names))}
    full = identity if mapping is None else dict(mapping)
    if ignore_index is not None:
        _add_ignore(full, ignore_index, given=mapping is not None, where=where)
    chosen = tuple(colors) if colors is not None else default_colors(len(names))
    problem = _find_problem(names, chosen, full)
    if problem:
        raise DataError(f"{where}: {problem}")
    labels = Labels(names, chosen, ignore_index, full)
    return Labels(names, chosen, ignore_index, full, understood or f"{where}: {describe(labels)}")


def describe(labels: Labels, order: str = "") -> str:
    """Tell in one sentence which value means what.

    Args:
        labels: Any.
        order: Words on how the classes got their order.

    >>> describe(build_labels(["cell", "wall"], ignore_index=9))
    '2 classes: cell = 0, wall = 1; 9 is ignored'
    """
    shown = {value: show_value(value) for value in labels.mapping}
    parts = []
    for index, name in enumerate(labels.classes):
        values = [shown[value] for value, target in labels.mapping.items() if target == index]
        parts.append(f"{name} = {' or '.join(values) or 'no value'}")
    ignored = [shown[value] for value, target in labels.mapping.items() if target == IGNORE]
    end = f"; {', '.join(ignored)} {'is' if len(ignored) == 1 else 'are'} ignored" if ignored else ""
    return f"{len(labels.classes)} classes{order}: {', '.join(parts)}{end}"


def foreground_classes(classes: Sequence[str]) -> tuple[int, ...]:
    """List the classes that things are made of: all, but for a first one that is called background.

    >>> foreground_classes(["Background", "cell"]), foreground_classes(["sky", "background"])
    ((1,), (0, 1))
    """
    return tuple(range(1 if classes[0].lower() == "background" else 0, len(classes)))


def dump_labels(labels: Labels) -> dict[str, Any]:
    """Return the keys of a `dataset.yaml` as plain values, fit for YAML and JSON, for `Labels.from_dict`."""
    keys = {value: show_color(value) if isinstance(value, tuple) else value for value in labels.mapping}
    return {
        "classes": list(labels.classes),
        "ignore_index": labels.ignore_index,
        "colors": [show_color(color) for color in labels.colors],
        "mapping": {keys[value]: target for value, target in labels.mapping.items()},
    }


def show_value(value: FileValue) -> str:
    """Write a file's value for people: a number, or a colour as `#rrggbb`."""
    return show_color(value) if isinstance(value, tuple) else str(value)


def _add_ignore(mapping: dict[FileValue, int], ignore_index: int, *, given: bool, where: str) -> None:
    if any(isinstance(value, tuple) for value in mapping):
        advice = "Write the colour into mapping instead, as '#rrggbb': ignore."
        raise DataError(
            f"{where}: ignore_index {ignore_index} seen, expected none beside a mapping of colours. {advice}"
        )
    known = mapping.get(ignore_index)
    if known not in {None, IGNORE}:
        origin = "in mapping" if given else "by its position in classes"
        advice = "Remove one of the two."
        raise DataError(f"{where}: ignore_index {ignore_index} is also class {known} {origin}, expected one. {advice}")
    mapping[ignore_index] = IGNORE


def _find_problem(classes: tuple[str, ...], colors: tuple[Color, ...], mapping: Mapping[FileValue, int]) -> str | None:
    count = len(classes)
    if not 2 <= count <= MAX_CLASSES:
        return f"{count} classes seen, expected 2 to {MAX_CLASSES}. Name the background as a class too."
    repeated = sorted({name for name in classes if classes.count(name) > 1})
    if repeated:
        return f"classes: {', '.join(repeated)} seen twice, expected different names. Rename one."
    if len(colors) != count:
        return f"colors: {len(colors)} seen, expected {count}, one a class. Add or remove some."
    if len({isinstance(value, tuple) for value in mapping}) > 1:
        return "mapping: numbers and colours seen, expected one kind. Write grey 128 as '#808080'."
    wrong = sorted({target for target in mapping.values() if target != IGNORE and not 0 <= target < count})
    if wrong:
        return f"mapping: class {wrong[0]} seen, expected 0 to {count - 1} or ignore. Correct the mapping."
    if not set(mapping.values()) - {IGNORE}:
        return "mapping: no value leads to a class, expected at least one. Correct the mapping."
    return None
