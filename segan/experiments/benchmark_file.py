"""The benchmark file: data sets, methods and seeds; every combination is one cell of the benchmark."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from segan.config import Section, describe_problems
from segan.errors import ConfigError, UsageError
from segan.models.names import unknown_name
from segan.resources import benchmark_path

# They name folders.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
Mode = Literal["pixel", "adversarial"]
Modes = Annotated[list[Mode], Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]


class DrawnEntry(Section):
    """A data set that is drawn by code, as in `segan demo`; for trying things out."""

    train: Count = 24
    val: Annotated[int, Field(ge=0)] = 4
    test: Count = 8
    size: tuple[Count, Count] = (96, 96)
    seed: Annotated[int, Field(ge=0)] = 0


class DatasetEntry(Section):
    """A data set, and what every network needs on it."""

    root: str | None = Field(None, description="Dataset folder; `--data NAME=DIR` sets it.")
    drawn: DrawnEntry | None = Field(None, description="Draw the data into OUT/data instead of taking a folder.")
    card: str | None = Field(None, description="Dataset card, as `data.card`.")
    config: str | None = Field(None, description="Config that methods change: a shipped name or a path.")
    set: dict[str, Any] = Field(default_factory=dict, description="Keys of the config for every network on this data.")

    @model_validator(mode="after")
    def _check_one_source(self) -> "DatasetEntry":
        if self.root is not None and self.drawn is not None:
            raise ValueError("root and drawn are both given: expected one of them")
        return self


class MethodEntry(Section):
    """A network, run once a mode and seed, or a classical baseline."""

    baseline: str | None = Field(None, description="Name in `segan baseline`, or `all` for each of them.")
    max_images: Count | None = Field(
        None, description="Training images that a baseline sees at most; `null`: as many as the method takes."
    )
    config: str | None = Field(None, description="Config over that of the data set: a shipped name or a path.")
    set: dict[str, Any] = Field(default_factory=dict, description="Keys of the config; they win over all others.")
    seeds: Seeds | None = Field(None, description="`null`: those of the file for a network, 0 for a baseline.")
    modes: Modes | None = Field(
        None, description="`null`: those of the file. `pixel` sets the adversarial weights to 0."
    )

    @model_validator(mode="after")
    def _check_kind(self) -> "MethodEntry":
        if self.baseline is None and self.max_images is not None:
            raise ValueError("max_images is given without baseline: networks take the keys of a config, under set")
        if self.baseline is not None and (self.config or self.set or self.modes):
            raise ValueError("config, set or modes is given beside baseline: expected max_images and seeds alone")
        return self


class BenchmarkFile(Section):
    """A whole benchmark."""

    datasets: dict[Name, DatasetEntry] = Field(min_length=1)
    methods: dict[Name, MethodEntry] = Field(min_length=1)
    seeds: Seeds = Field(default=[0])
    modes: Modes = Field(default=["pixel", "adversarial"])
    set: dict[str, Any] = Field(default_factory=dict, description="Keys of the config for every network on all data.")


def load_benchmark(name: str, roots: Mapping[str, str] | None = None) -> BenchmarkFile:
    """Load a benchmark file and name the folders of its data sets.

    Args:
        name: A shipped name or a path to a YAML file.
        roots: Dataset folders by name, which win over those of the file.

    Raises:
        ConfigError: Unknown keys (with suggestions), wrong values, an unreadable file, or a folder for a data set that
            the file does not have.
    """
    path = benchmark_path(name)
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"benchmark {name}: cannot be read ({error}), expected a YAML file. Check the file."
        ) from error
    if not isinstance(tree, dict):
        raise ConfigError(f"benchmark {name}: seen a {type(tree).__name__}, expected keys and values. Check the file.")
    try:
        file = BenchmarkFile.model_validate(tree)
    except ValidationError as error:
        lines = [f"  - {line}" for line in describe_problems(error, BenchmarkFile)]
        raise ConfigError("\n".join([f"benchmark {name} has problems:", *lines])) from error
    return _place_data(file, roots or {})


def parse_roots(given: tuple[str, ...]) -> dict[str, str]:
    """Read `NAME=DIR` words.

    Raises:
        UsageError: A word has another form.

    >>> parse_roots(("camvid=data/camvid",))
    {'camvid': 'data/camvid'}
    """
    roots = {}
    for word in given:
        name, separator, folder = word.partition("=")
        if not (name and separator and folder):
            raise UsageError(f"--data {word}: seen no NAME=DIR, expected for example --data camvid=data/camvid.")
        roots[name] = folder
    return roots


def _place_data(file: BenchmarkFile, roots: Mapping[str, str]) -> BenchmarkFile:
    for key in roots:
        if key not in file.datasets:
            raise unknown_name("--data", key, file.datasets)
    datasets = {
        key: entry.model_copy(update={"root": roots[key], "drawn": None}) if key in roots else entry
        for key, entry in file.datasets.items()
    }
    return file.model_copy(update={"datasets": datasets})
