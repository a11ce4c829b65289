"""What is wrong with a config, in one line for each key."""

import difflib
from collections.abc import Sequence
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError


def describe_problems(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Tell each key with all that is wrong with it in one line; an unknown key with the closest known one."""
    lines: dict[str, str] = {}
    for problem in error.errors():
        section, location = _locate(problem["loc"], model)
        key = ".".join(location)
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            lines[key] = f"{key}: unknown key. {_suggest(section, location)}"
        elif key in lines:  # A key of several forms: one problem for each form that the value does not have.
            lines[key] += f", or: {message}"
        else:
            lines[key] = f"{key}: seen {problem['input']!r}; {message}" if key else message
    return [line if line.endswith((".", "?")) else f"{line}." for line in lines.values()]


def _locate(parts: Sequence[int | str], model: type[BaseModel]) -> tuple[type[BaseModel], list[str]]:
    """Follow the parts of a key down the sections; what lies below a key, as an index, is left out."""
    section: Any = model
    for depth, part in enumerate(parts):
        below = section[1] if isinstance(section, tuple) else _below(section, part)
        if below is None:
            return section, [str(name) for name in parts[: depth + 1]]
        section = below
    return section, [str(name) for name in parts]


def _below(section: type[BaseModel], part: int | str) -> Any:
    """Find the section that a key holds; for a table of named sections, a pair of `dict` and the section."""
    field = section.model_fields.get(str(part))
    annotation = None if field is None else field.annotation
    is_table = get_origin(annotation) is dict
    inner = [option for option in get_args(annotation)[is_table:] if option is not NoneType] or [annotation]
    if len(inner) > 1 or not (isinstance(inner[0], type) and issubclass(inner[0], BaseModel)):
        return None
    return (dict, inner[0]) if is_table else inner[0]


def _suggest(section: type[BaseModel], location: Sequence[str]) -> str:
    known = list(section.model_fields)
    close = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
    return f"Did you mean {'.'.join([*location[:-1], close[0]])}?" if close else f"Known here: {', '.join(known)}."
