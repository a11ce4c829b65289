"""The cells of a benchmark: one method, data set and seed each, with its whole config."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segan.baselines import BASELINES
from segan.config import Config, load_config, parse_config, read_overrides
from segan.errors import ConfigError
from segan.experiments.benchmark_file import BenchmarkFile, DatasetEntry, MethodEntry
from segan.models.names import unknown_name
from segan.training.run_folder import FREE_KEYS, flat_keys

BASELINE = "baseline"
PIXEL_ONLY = {"loss.adversarial_weight": 0.0, "loss.feature_matching_weight": 0.0}

# Unlike the parts of one run, cells with other budgets are other cells.
_FREE = {f"config.{key}" for key in FREE_KEYS - {"training.max_minutes"}}


@dataclass(frozen=True)
class Cell:
    """One run of one method on one data set.

    Args:
        dataset: Name in the benchmark file.
        method: Name in the benchmark file, or of the baseline.
        mode: `pixel`, `adversarial` or `baseline`.
        seed: Of weights, data order and augmentation, or of the baseline.
        config: The run; of a baseline, only `data` counts.
        baseline: Name of the baseline; `None` for a network.
        max_images: Training images that a baseline sees at most; `None`: as many as the method takes by itself.
        drawn: How the data are drawn, where they are; part of what the result depends on.
        name: What the cell is called instead of method and mode.
        split: Where it is scored; `None`: the test split.
    """

    dataset: str
    method: str
    mode: str
    seed: int
    config: Config
    baseline: str | None = None
    max_images: int | None = None
    drawn: dict[str, Any] | None = None
    name: str | None = None
    split: str | None = None

    @property
    def label(self) -> str:
        """Method and mode in one word, a folder's name."""
        return self.name or (self.method if self.mode == BASELINE else f"{self.method}-{self.mode}")

    @property
    def id(self) -> str:
        """Data set, label and seed: the cell's place below `runs/`."""
        return f"{self.dataset}/{self.label}/seed_{self.seed}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `Cell.from_json` reads back."""
        tree = self.config.model_dump(mode="json", exclude={"extends"})
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__}, "config": tree}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Cell":
        """Build a cell from what `to_json` returned."""
        fields: dict[str, Any] = {name: values.get(name) for name in cls.__dataclass_fields__}
        return cls(**{**fields, "config": parse_config(values["config"])})


def plan_cells(file: BenchmarkFile, overrides: Sequence[str] = ()) -> list[Cell]:
    """List the cells of a benchmark; the first seed of every method comes before the second of any.

    Args:
        file: From `load_benchmark`.
        overrides: `key=value` for every network, as `--set`; they win over the file.

    Raises:
        ConfigError: Unknown keys or wrong values in any cell (all are listed), an unknown baseline, a cell that the
            file names twice, or a division of the data that is not the same for all methods.
    """
    cells: list[Cell] = []
    problems: dict[str, None] = {}
    for name, entry in file.datasets.items():
        for label, method, seeds in _methods(file):
            try:
                cells += _cells_of(file, name, entry, label, method, seeds, read_overrides(overrides))
            except ConfigError as error:
                problems[f"datasets.{name}, methods.{label}: {_one_line(error)}"] = None
    problems |= dict.fromkeys(_find_twice(cells) + _find_divisions(cells))
    if problems:
        raise ConfigError("\n".join(["The benchmark has problems:", *(f"  - {line}" for line in problems)]))
    order = {dataset: place for place, dataset in enumerate(file.datasets)}
    rounds: dict[tuple[str, str], int] = {}
    ranked = []
    for place, cell in enumerate(cells):
        turn = rounds[cell.dataset, cell.label] = rounds.get((cell.dataset, cell.label), -1) + 1
        ranked.append((turn, order[cell.dataset], place, cell))
    return [cell for *_, cell in sorted(ranked, key=lambda item: item[:3])]


def changed_keys(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Tell where two cells, as plain values, differ in what their result depends on.

    Returns:
        A line for each key, with both values.
    """
    old, new = flat_keys(dict(before)), flat_keys(dict(now))
    keys = sorted((old.keys() | new.keys()) - _FREE)
    if now["mode"] == BASELINE:
        keys = [key for key in keys if not key.startswith("config.") or key.startswith("config.data.")]
    return [f"{key}: {old.get(key)!r} then, {new.get(key)!r} now" for key in keys if old.get(key) != new.get(key)]


def _methods(file: BenchmarkFile) -> Iterator[tuple[str, MethodEntry, list[int]]]:
    """Give each method with its seeds, `all` baselines one by one."""
    for name, method in file.methods.items():
        if method.baseline is None:
            yield name, method, method.seeds or file.seeds
            continue
        known = list(BASELINES)
        if method.baseline != "all" and method.baseline not in known:
            raise unknown_name(f"methods.{name}.baseline", method.baseline, known)
        for baseline in known if method.baseline == "all" else [method.baseline]:
            label = baseline if method.baseline == "all" else name
            yield label, method.model_copy(update={"baseline": baseline}), method.seeds or [0]


def _cells_of(
    file: BenchmarkFile,
    dataset: str,
    entry: DatasetEntry,
    label: str,
    method: MethodEntry,
    seeds: Sequence[int],
    overrides: Mapping[str, Any],
) -> Iterator[Cell]:
    drawn = None if entry.drawn is None else entry.drawn.model_dump(mode="json")
    place: dict[str, Any] = {"data.root": entry.root, "data.images": None, "data.masks": None}
    if entry.card is not None:
        place["data.card"] = entry.card
    shared = _layer(file.set, entry.set, method.set, overrides, place)
    modes = [BASELINE] if method.baseline else (method.modes or file.modes)
    for seed in seeds:
        for mode in modes:
            keys = _layer(shared, PIXEL_ONLY if mode == "pixel" else {}, {"seed": seed})
            config = load_config(method.config, extra=keys, base=entry.config)
            if mode == "adversarial" and not config.loss.is_adversarial:
                raise ConfigError(
                    "loss.adversarial_weight: seen 0 in the mode adversarial, expected above 0. Set it, or leave "
                    "modes: [pixel] to this method."
                )
            yield Cell(dataset, label, mode, seed, config, method.baseline, method.max_images, drawn)


def _layer(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Put keys over one another, in the order in which they are applied: a later layer wins, also inside a section."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            merged.pop(key, None)
            merged[key] = value
    return merged


def _find_twice(cells: Sequence[Cell]) -> list[str]:
    ids = [cell.id for cell in cells]
    twice = sorted({cell_id for cell_id in ids if ids.count(cell_id) > 1})
    return [f"{cell_id}: named twice, expected once. Rename a method or remove a seed." for cell_id in twice]


def _find_divisions(cells: Sequence[Cell]) -> list[str]:
    """Methods are compared image by image, so all must see one division of the data."""
    found: dict[str, set[str]] = {}
    for cell in cells:
        data = cell.config.data
        found.setdefault(cell.dataset, set()).add(f"{data.card} {data.split}")
    return [
        f"datasets.{name}: methods with {len(kinds)} values of data.card or data.split seen, expected one. Set them "
        "under datasets alone."
        for name, kinds in found.items()
        if len(kinds) > 1
    ]


def _one_line(error: ConfigError) -> str:
    first, *rest = str(error).splitlines()
    return " ".join(line.strip(" -") for line in rest) if rest else first


def cell_folder(out: Path, cell: Cell) -> Path:
    """Name the folder of a cell."""
    return out / "runs" / cell.id
