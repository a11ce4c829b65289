"""The error for a name that no table has."""

import difflib
from collections.abc import Iterable

from segan.errors import ConfigError


def unknown_name(key: str, name: str, known: Iterable[str]) -> ConfigError:
    """Word the error for an unknown name, with the closest known one.

    Args:
        key: What the user set, as `generator.architecture`.
        name: The value seen.
        known: Every value that would do.

    >>> print(unknown_name("generator.architecture", "unett", ["fpn", "unet"]))
    generator.architecture unett: unknown, expected one of 2 names. Did you mean unet?
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    advice = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(names[:40])}."
    return ConfigError(f"{key} {name}: unknown, expected one of {len(names)} names. {advice}")
