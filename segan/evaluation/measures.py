"""Choose what is measured of each image."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from segan.errors import UsageError
from segan.evaluation.families import FAMILIES

ALL = "all"
_DIVIDER_NAME = "membrane"

# What a family needs beside masks: how it is called, and what to do where it is missing.
_NEEDS = {
    "probs": ("probabilities", "Name MODEL instead of --predictions, or run segan predict again with --probabilities."),
    "divider": ("a class that divides cells", "Add --membrane NAME."),
    "foreground": ("two classes", "Leave it out."),
}


@dataclass(frozen=True)
class Measures:
    """What is measured of each image.

    Args:
        families: Names in `FAMILIES` beyond `confusion`, which is always measured.
        background: Index of the class left out of the figures without background; `None`: these do not exist.
        divider: Index of the class that divides cells.
        foreground: Index of the class that thresholds are about.
        left_out: What `all` does not hold and why, a sentence each.
    """

    families: tuple[str, ...] = ()
    background: int | None = None
    divider: int | None = None
    foreground: int | None = None
    left_out: tuple[str, ...] = ()

    @property
    def needs_probabilities(self) -> bool:
        """Whether a family is computed from probabilities."""
        return any("probs" in FAMILIES[name].needs for name in self.families)


def choose_measures(
    names: Sequence[str],
    classes: Sequence[str],
    *,
    background: str | None = None,
    membrane: str | None = None,
    has_probabilities: bool = True,
) -> Measures:
    """Turn what the user asked for into what is measured.

    Args:
        names: Families, also several in one with commas; `all` for those that the data allow.
        classes: K names.
        background: Name of the class to leave out of the figures without background.
        membrane: Name of the class that divides cells; `None`: the one named membrane.
        has_probabilities: Whether probabilities are at hand.

    Raises:
        UsageError: There is no such family or class, or a family needs what is not there.
    """
    wanted = parse_families(names)
    roles = Measures(
        background=None if background is None else _find_class("--background", background, classes),
        divider=_find_divider(membrane, classes),
        foreground=_find_foreground(background, classes),
    )
    has = {"probs": has_probabilities, "divider": roles.divider is not None, "foreground": roles.foreground is not None}
    missing = {
        name: next(need for need in FAMILIES[name].needs if not has[need])
        for name in wanted
        if not all(has[need] for need in FAMILIES[name].needs)
    }
    named = parse_families([part for part in _split(names) if part != ALL])
    _refuse_missing({name: need for name, need in missing.items() if name in named})
    families = tuple(name for name in wanted if name != "confusion" and name not in missing)
    left_out = tuple(f"{name} is left out: it needs {_NEEDS[need][0]}" for name, need in missing.items())
    return replace(roles, families=families, left_out=left_out)


def parse_families(names: Sequence[str]) -> list[str]:
    """List families in the order of the table, each once.

    Raises:
        UsageError: There is no such family.

    >>> parse_families(["sizes,boundary", "confusion"])
    ['confusion', 'boundary', 'sizes']
    """
    chosen = set(_split(names))
    unknown = sorted(chosen - {*FAMILIES, ALL})
    if unknown:
        raise UsageError(
            f"--metrics: {', '.join(unknown)} seen, expected {', '.join([*FAMILIES, ALL])}. Choose from these."
        )
    return [name for name in FAMILIES if name in chosen or ALL in chosen]


def _split(names: Sequence[str]) -> list[str]:
    return [part.strip() for name in names for part in name.split(",") if part.strip()]


def _find_class(option: str, name: str, classes: Sequence[str]) -> int:
    if name not in classes:
        raise UsageError(f"{option}: {name} seen, expected one of {', '.join(classes)}. Write it as in dataset.yaml.")
    return classes.index(name)


def _find_divider(membrane: str | None, classes: Sequence[str]) -> int | None:
    if membrane is not None:
        return _find_class("--membrane", membrane, classes)
    return classes.index(_DIVIDER_NAME) if _DIVIDER_NAME in classes else None


def _find_foreground(background: str | None, classes: Sequence[str]) -> int | None:
    """Of two classes, the one that is not background; the second where none is named."""
    if len(classes) != 2:
        return None
    return 0 if background == classes[1] else 1


def _refuse_missing(missing: dict[str, str]) -> None:
    for name, need in missing.items():
        what, advice = _NEEDS[need]
        raise UsageError(f"--metrics {name}: no {what.removeprefix('a ')} seen, expected {what}. {advice}")
