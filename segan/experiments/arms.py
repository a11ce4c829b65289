"""The arms of a proof: one config with and without the adversarial term, and with discriminators that cannot know.

Arms differ in nothing but the keys that name them: the same seeds, splits, order of data, augmentation and steps.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from segan.config import Config, load_config
from segan.errors import ConfigError, UsageError
from segan.experiments.cells import PIXEL_ONLY, Cell

PIXEL, ADVERSARIAL = "pixel", "adversarial"
DATASET = "data"
_NAME = re.compile(r"\w[\w.-]*")

# The arms that every proof has, by name, with the keys that make them.
ARMS: dict[str, dict[str, Any]] = {
    PIXEL: PIXEL_ONLY,
    ADVERSARIAL: {},
    "shuffled": {"discriminator.control": "shuffled"},
    "frozen": {"discriminator.control": "frozen"},
}


@dataclass(frozen=True)
class Arm:
    """One way of training.

    Args:
        name: As in the table.
        file: Config over that of the proof: a shipped name or a path; `None` for none.
        keys: Dotted keys, which win over all others.
    """

    name: str
    file: str | None
    keys: Mapping[str, Any]


def parse_arms(names: str, further: Sequence[str]) -> list[Arm]:
    """Read the arms of a proof.

    Args:
        names: Those of `ARMS` with commas between.
        further: `NAME=FILE.yaml` or `NAME={key: value, ...}`.

    Raises:
        UsageError: An unknown or repeated name, no `pixel`, or nothing beside it.

    >>> [arm.name for arm in parse_arms("pixel,adversarial", ["hinge={loss.adversarial: hinge}"])]
    ['pixel', 'adversarial', 'hinge']
    """
    arms = []
    for name in filter(None, (word.strip() for word in names.split(","))):
        if name not in ARMS:
            raise UsageError(f"--arms {name}: unknown, expected some of {', '.join(ARMS)}. Add others with --arm.")
        arms.append(Arm(name, None, ARMS[name]))
    arms += [_parse_arm(word) for word in further]
    seen = [arm.name for arm in arms]
    twice = sorted({name for name in seen if seen.count(name) > 1})
    if twice:
        raise UsageError(f"--arm {twice[0]}: named twice, expected once. Choose another name.")
    if PIXEL not in seen or len(seen) < 2:
        raise UsageError(
            f"--arms {names}: seen {', '.join(seen) or 'none'}, expected pixel and an arm to compare with it. "
            "Add what is missing."
        )
    return arms


def _parse_arm(word: str) -> Arm:
    name, separator, content = word.partition("=")
    name = name.strip()
    if not separator or not _NAME.fullmatch(name):
        raise UsageError(
            f"--arm {word!r}: seen no name and '=', expected NAME=FILE.yaml or NAME={{key: value}}. Letters, digits, "
            "'-', '_' and '.' make a name."
        )
    try:
        value = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise UsageError(
            f"--arm {word!r}: not valid YAML, expected NAME={{key: value}}. Check the brackets."
        ) from error
    if isinstance(value, dict):
        return Arm(name, None, value)
    return Arm(name, content.strip(), {})


def role_of(config: Config) -> str:
    """Tell what an arm is for: `pixel`, `control` or `candidate`."""
    if not config.loss.is_adversarial:
        return PIXEL
    return "control" if config.discriminator.control != "none" else "candidate"


def plan_arms(
    config: str | None,
    overrides: Mapping[str, Any],
    arms: Sequence[Arm],
    seeds: Sequence[int],
    *,
    steps: int | None = None,
    split: str | None = None,
) -> list[Cell]:
    """List the runs: all arms of the first seed, then those of the second, and so on.

    Args:
        config: A shipped name or a path; `None` for the defaults.
        overrides: Dotted keys for all arms.
        arms: From `parse_arms`.
        seeds: Of each arm.
        steps: Length of every run; `None`: as the config says.
        split: Where arms are scored; `None`: the test split.

    Raises:
        ConfigError: Unknown keys or wrong values in an arm, an arm that changes the data, or a config without an
            adversarial term.
    """
    fixed = {} if steps is None else {"training.steps": steps, "training.epochs": None, "training.max_minutes": None}
    cells = []
    for seed in seeds:
        for arm in arms:
            keys = {**overrides, **arm.keys, **fixed, "seed": seed}
            try:
                built = load_config(arm.file, extra=keys, base=config)
            except ConfigError as error:
                raise ConfigError(f"arm {arm.name}: {error}") from error
            mode = PIXEL if role_of(built) == PIXEL else ADVERSARIAL
            if arm.name in ARMS and (mode == PIXEL) != (arm.name == PIXEL):
                raise ConfigError(
                    f"arm {arm.name}: seen loss.adversarial_weight 0, expected above 0. Set it for all arms with "
                    "--set loss.adversarial_weight=0.1."
                )
            cells.append(Cell(DATASET, arm.name, mode, seed, built, name=arm.name, split=split))
    _refuse_other_data(cells)
    return cells


def _refuse_other_data(cells: Sequence[Cell]) -> None:
    """Arms are compared image by image: all must see the same data, divided alike."""
    first = cells[0]
    for cell in cells:
        for part in ("data", "inference"):
            if getattr(cell.config, part) != getattr(first.config, part):
                raise ConfigError(
                    f"arm {cell.method}: other keys in `{part}` seen than in {first.method}, expected the same in all "
                    "arms. Set them for all with --set."
                )
