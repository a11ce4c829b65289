"""Find out what the masks of a dataset mean from the values they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.data.colors import Color, show_color, unpack_color
from segan.data.formats import show_path
from segan.data.label_values import RawLabels, read_label_values
from segan.data.labels import IGNORE, FileValue, Labels, build_labels, describe, show_value
from segan.data.statistics import count_values
from segan.data.threads import map_in_threads
from segan.errors import DataError

MAX_FOUND_VALUES = 64
_DESCRIBE = "describe them in dataset.yaml (classes, mapping)"


@dataclass(frozen=True)
class _Survey:
    """The distinct values of one mask, or why it says nothing."""

    path: Path
    problem: str = ""
    raw: RawLabels | None = None


def find_labels(mask_paths: Sequence[Path], *, workers: int | None = None) -> Labels:
    """Read all masks and find what their values mean.

    Grey or index values 0, 1, 2, ... are class indices, and 255 beside them is ignored; two values are background and
    foreground; other values and colours become classes in ascending order. Unreadable masks are passed over, for
    `check_dataset` reports them.

    Args:
        mask_paths: All masks, not a sample: a rare class may be in one mask alone.
        workers: Threads; `None`: one a core.

    Raises:
        DataError: No mask can be read, or the values look like no set of classes.
    """
    surveys = map_in_threads(_survey, mask_paths, workers)
    usable = [survey for survey in surveys if survey.raw is not None]
    if not usable:
        problems = [survey.problem for survey in surveys]
        raise DataError("masks: none can be used, expected at least one. Repair them:", problems)
    if any(survey.raw.is_color for survey in usable if survey.raw):
        return _from_colors(usable)
    return _from_numbers(usable)


def list_values(values: NDArray[Any]) -> NDArray[Any]:
    """List the distinct values of a mask in ascending order."""
    if values.dtype == np.uint8:
        return np.flatnonzero(count_values(values))
    return np.unique(values)


def show_values(values: Sequence[FileValue]) -> str:
    """Name the first few of many values.

    >>> show_values(list(range(12)))
    '0, 1, 2, 3, 4, 5, 6, 7 and 4 more'
    """
    shown = ", ".join(show_value(value) for value in values[:8])
    return f"{shown} and {len(values) - 8} more" if len(values) > 8 else shown


def _survey(path: Path) -> _Survey:
    try:
        raw = read_label_values(path)
    except DataError as error:
        return _Survey(path, str(error))
    values = list_values(raw.values)
    if values.size > MAX_FOUND_VALUES:
        what = "colours" if raw.is_color else "values"
        return _Survey(path, f"{show_path(path)}: {_too_many(values.size, what)}")
    return _Survey(path, raw=RawLabels(values, raw.is_color, raw.is_bit, raw.palette))


def _too_many(count: int, what: str) -> str:
    return (
        f"{count} different {what} seen, expected at most {MAX_FOUND_VALUES} in a mask. If it was ever saved as JPEG "
        f"or resized with smoothing, export it again as PNG; if these are classes, {_DESCRIBE}."
    )


def _from_numbers(surveys: Sequence[_Survey]) -> Labels:
    palette = _join_palettes(surveys)
    whole = {int(value) for survey in surveys if survey.raw and not survey.raw.is_bit for value in survey.raw.values}
    bits = {int(value) for survey in surveys if survey.raw and survey.raw.is_bit for value in survey.raw.values}
    # The 1 of a 1-bit mask means white where other masks of the set hold 255.
    white = 255 if 255 in whole and 1 not in whole else 1
    values = sorted(whole | {value * white for value in bits})
    _refuse_noise(values)
    mapping, ignore_index, order = _interpret(values)
    count = max(mapping.values()) + 1
    names = ["background", "foreground"] if count == 2 else [f"class_{index}" for index in range(count)]
    colors = _palette_colors(mapping, palette, count)
    labels = build_labels(names, colors=colors, ignore_index=ignore_index, mapping=mapping)
    return _with_sentence(labels, f"masks hold {_show_run(values)}: read as {describe(labels, order)}")


def _interpret(values: Sequence[int]) -> tuple[dict[FileValue, int], int | None, str]:
    """Choose mapping, ignored value and words for the grey or index values of a dataset."""
    small = [value for value in values if value != IGNORE]
    ignore_index = IGNORE if len(small) < len(values) and len(small) > 1 and _is_run(small) else None
    classes = small if ignore_index is not None else list(values)
    if classes[0] == 0 and len(classes) > 1 and _is_run(classes):
        return {value: value for value in range(classes[-1] + 1)}, ignore_index, ""
    order = "" if len(classes) == 2 else " in ascending order"
    return {value: index for index, value in enumerate(classes)}, ignore_index, order


def _is_run(values: Sequence[int]) -> bool:
    """Tell whether values count up, with at most a quarter as many holes: classes that happen to be absent."""
    holes = values[-1] - values[0] + 1 - len(values)
    return values[-1] < MAX_FOUND_VALUES and 4 * holes <= len(values)


def _from_colors(surveys: Sequence[_Survey]) -> Labels:
    packed = {int(value) for survey in surveys if survey.raw for value in survey.raw.as_colors()}
    if len(packed) > MAX_FOUND_VALUES:
        raise DataError(f"masks: {_too_many(len(packed), 'colours')}")
    colors = [unpack_color(number) for number in sorted(packed)]
    if len(colors) < 2:
        raise _single_value(show_color(colors[0]))
    two = len(colors) == 2 and colors[0] == (0, 0, 0)
    names = ["background", "foreground"] if two else [f"class_{index}" for index in range(len(colors))]
    labels = build_labels(names, colors=colors, mapping={color: index for index, color in enumerate(colors)})
    return _with_sentence(labels, f"masks hold {len(colors)} colours: read as {describe(labels, ' in their order')}")


def _refuse_noise(values: Sequence[int]) -> None:
    """Refuse what is no set of classes."""
    if len(values) == 1:
        raise _single_value(str(values[0]))
    if len(values) > MAX_FOUND_VALUES:
        raise DataError(f"masks: {_too_many(len(values), 'values')}")
    if {0, 1, 254, 255} <= set(values):
        raise DataError(
            f"masks: values {show_values(list(values))} seen, expected clearly separate ones: near black and near "
            "white are mixed as JPEG compression and smoothing do. Export the masks again as PNG without smoothing; "
            f"if these are classes, {_DESCRIBE}."
        )


def _single_value(value: str) -> DataError:
    advice = f"Check that these are the masks, or {_DESCRIBE}."
    return DataError(f"masks: the one value {value} seen everywhere, expected at least two. {advice}")


def _join_palettes(surveys: Sequence[_Survey]) -> dict[int, Color]:
    """Gather the colours of used index values, and refuse palettes that contradict each other."""
    joined: dict[int, tuple[Color, Path]] = {}
    for survey in surveys:
        if survey.raw is None or survey.raw.palette is None:
            continue
        for value in survey.raw.values:
            color = unpack_color(int(survey.raw.palette[value]))
            known, first = joined.setdefault(int(value), (color, survey.path))
            if known != color:
                raise DataError(
                    f"masks: index {value} is {show_color(known)} in {show_path(first)} and {show_color(color)} in "
                    f"{show_path(survey.path)}, expected one palette. Name the classes in dataset.yaml: with "
                    "`mapping` from colours, or with `classes` alone where the index counts."
                )
    return {value: color for value, (color, _) in joined.items()}


def _palette_colors(mapping: dict[FileValue, int], palette: dict[int, Color], count: int) -> list[Color] | None:
    """Take the palette's colours where they tell all classes apart; a ramp of greys is no choice of colours."""
    colors = {mapping[value]: color for value, color in palette.items() if value in mapping}
    chosen = [colors[index] for index in range(count) if index in colors]
    grey = all(len(set(color)) == 1 for color in chosen)
    return chosen if len(set(chosen)) == count and not grey else None


def _show_run(values: Sequence[int]) -> str:
    steps = len(values) - 1
    if steps > 2 and values[-1] - values[0] == steps:
        return f"{values[0]} to {values[-1]}"
    if steps > 2 and values[-2] - values[0] == steps - 1:
        return f"{values[0]} to {values[-2]} and {values[-1]}"
    if len(values) > 8:
        return show_values(list(values))
    return f"{', '.join(str(value) for value in values[:-1])} and {values[-1]}"


def _with_sentence(labels: Labels, sentence: str) -> Labels:
    return Labels(labels.classes, labels.colors, labels.ignore_index, labels.mapping, sentence)
