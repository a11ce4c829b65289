"""Find the configs, benchmarks and cards that travel with the package, in a checkout and in a wheel alike."""

import difflib
from pathlib import Path

from segan.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent

# What a checkout calls a folder, where that is not its name.
_IN_CHECKOUT = {"benchmarks": "benchmarks/configs"}


def _folder(name: str) -> Path:
    """A wheel carries `segan/_configs`; a checkout has `configs` beside the package."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / _IN_CHECKOUT.get(name, name)


def config_names() -> list[str]:
    """List the shipped configs by name."""
    return sorted(path.stem for path in _folder("configs").glob("*.yaml"))


def card_names() -> list[str]:
    """List the shipped dataset cards by name."""
    return sorted(path.stem for path in _folder("datasets").glob("*.yaml"))


def benchmark_names() -> list[str]:
    """List the shipped benchmark files by name."""
    return sorted(path.stem for path in _folder("benchmarks").glob("*.yaml"))


def config_path(name: str) -> Path:
    """Find a config by its shipped name or its path.

    Raises:
        ConfigError: Nothing has that name; the message suggests the closest one.
    """
    return _find(name, "configs", config_names(), "config")


def card_path(name: str) -> Path:
    """Find a dataset card by its shipped name or its path.

    Raises:
        ConfigError: Nothing has that name; the message suggests the closest one.
    """
    return _find(name, "datasets", card_names(), "dataset card")


def benchmark_path(name: str) -> Path:
    """Find a benchmark file by its shipped name or its path.

    Raises:
        ConfigError: Nothing has that name; the message suggests the closest one.
    """
    return _find(name, "benchmarks", benchmark_names(), "benchmark")


def _find(name: str, folder: str, known: list[str], what: str) -> Path:
    if name in known:
        return _folder(folder) / f"{name}.yaml"
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} and path.is_file():
        return path.resolve()
    close = difflib.get_close_matches(name, known, n=1)
    advice = f"Did you mean {close[0]}?" if close else f"Shipped: {', '.join(known)}."
    raise ConfigError(f"{what} {name}: not found, expected a shipped name or a path to a .yaml file. {advice}")
