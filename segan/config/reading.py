"""Read a config from YAML, the configs it extends and the words of `--set`; write it back."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from segan.config.problems import describe_problems
from segan.config.whole import Config
from segan.errors import ConfigError
from segan.resources import config_path


def read_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """Read the words of `--set` to dotted keys, the last one last; `load_config` checks the keys.

    Raises:
        ConfigError: A word has another form, or its value is no YAML.

    >>> read_overrides(["training.steps=10", "loss.adversarial=hinge"])
    {'training.steps': 10, 'loss.adversarial': 'hinge'}
    """
    keys: dict[str, Any] = {}
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator or not key.strip():
            raise ConfigError(
                f"--set {override!r}: no '=' found, expected key=value. Write for example --set training.steps=100."
            )
        if key.strip() == "extends":
            raise ConfigError(f"--set {override}: cannot be set here, expected in a file. Give that config as CONFIG.")
        keys.pop(key.strip(), None)
        try:
            keys[key.strip()] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(
                f"--set {override!r}: the value is not valid YAML. Quote it or check brackets."
            ) from error
    return keys


def load_config(
    name: str | Path | None,
    overrides: Sequence[str] = (),
    *,
    extra: Mapping[str, Any] | None = None,
    base: str | None = None,
) -> Config:
    """Load a config, apply `extends` and overrides, and check every key.

    Args:
        name: A name in `configs/` (`camvid_cpu`), a path to a YAML file, or `None` for the defaults.
        overrides: `key.sub=value` strings, as given to `--set`; the value is read as YAML.
        extra: Dotted keys set by other command line options; they win over `overrides`.
        base: Another config that `name` changes, as if it extended it.

    Raises:
        ConfigError: An unknown key (with a suggestion), a wrong value, an unreadable file or a circle of `extends`.
    """
    tree = _load_tree(base, ()) if base is not None else {}
    tree = _merge(tree, _load_tree(str(name), ())) if name is not None else tree
    for key, value in (*read_overrides(overrides).items(), *(extra or {}).items()):
        _set_key(tree, key, value)
    return parse_config(tree)


def parse_config(tree: Mapping[str, Any]) -> Config:
    """Check a tree of plain values and return the config.

    Raises:
        ConfigError: All wrong keys and values, one line each.
    """
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        lines = describe_problems(error, Config)
        raise ConfigError("\n".join(["The configuration has problems:", *(f"  - {line}" for line in lines)])) from error


def dump_config(config: Config) -> str:
    """Write a config as YAML that `load_config` reads back to an equal one."""
    return yaml.safe_dump(config.model_dump(mode="json", exclude={"extends"}), sort_keys=False)


def _load_tree(name: str, parents: tuple[Path, ...]) -> dict[str, Any]:
    path = config_path(name)
    if path in parents:
        raise ConfigError(
            f"config {name}: extends itself through {' -> '.join(p.name for p in parents)}. Remove one `extends`."
        )
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"config {name}: cannot be read ({error}), expected a YAML file. Check the file.") from error
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise ConfigError(f"config {name}: seen a {type(tree).__name__}, expected keys and values. Check the file.")
    base = tree.pop("extends", None)
    return _merge(_load_tree(str(base), (*parents, path)), tree) if base else tree


def _merge(base: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _set_key(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        child = tree.setdefault(parent, {})
        if not isinstance(child, dict):
            raise ConfigError(f"key {key}: `{parent}` holds a value, expected a section. Check the key.")
        tree = child
    tree[last] = copy.deepcopy(value)  # Later keys below it must not reach the caller's own.
