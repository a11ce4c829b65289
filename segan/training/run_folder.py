"""The run folder: what it holds, how it is opened, and how a resume is checked against it."""

import datetime
import json
import os
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from segan import __version__
from segan.config import Config, dump_config, load_config
from segan.errors import ConfigError, UsageError
from segan.files import PART_SUFFIX, write_json, write_text_atomically

# Keys that may differ between the parts of one run: they change neither data nor weights.
FREE_KEYS = {
    "data.root", "data.images", "data.masks", "data.workers", "data.cache_mb", "training.checkpoint_every_s",
    "training.tensorboard", "training.max_minutes",
}  # fmt: skip


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run."""

    root: Path

    @property
    def config(self) -> Path:
        """The resolved config."""
        return self.root / "config.yaml"

    @property
    def dataset(self) -> Path:
        """What the masks mean."""
        return self.root / "dataset.yaml"

    @property
    def split(self) -> Path:
        """The samples of each split."""
        return self.root / "split.json"

    @property
    def environment(self) -> Path:
        """Versions, machine and command."""
        return self.root / "environment.json"

    @property
    def metrics(self) -> Path:
        """The log, a line for each logged step."""
        return self.root / "metrics.jsonl"

    @property
    def audit(self) -> Path:
        """What told real from fake masks before an adversarial run began."""
        return self.root / "audit.json"

    @property
    def best_model(self) -> Path:
        """The best generator on the validation split; `discriminator.safetensors` beside it is of the same step."""
        return self.root / "model.safetensors"

    @property
    def last_model(self) -> Path:
        """The generator at the end; `last_discriminator.safetensors` beside it is of the same step."""
        return self.root / "last.safetensors"

    @property
    def checkpoints(self) -> Path:
        """State for resuming."""
        return self.root / "checkpoints"

    @property
    def samples(self) -> Path:
        """Pictures of predictions during training."""
        return self.root / "samples"

    @property
    def plots(self) -> Path:
        """Curves."""
        return self.root / "plots"


def check_run_folder(folder: RunFolder, config: Config, *, resume: bool) -> None:
    """Check that a run may be written there, or that the run in it can go on; nothing is written.

    Raises:
        UsageError: The folder holds something and `resume` is not set.
        ConfigError: The run was started with another config; all differing keys are listed.
    """
    out = folder.root
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: is a file, expected a folder. Choose another name.")
    if folder.config.exists():
        if not resume:
            raise UsageError(
                f"--out {out}: holds a run already. Add --resume to go on with it, or choose another folder."
            )
        _check_same_config(folder, config)
    # A run killed in its first moment may have left a half-written file of ours and nothing else.
    elif out.exists() and any(item.suffix != PART_SUFFIX for item in out.iterdir()):
        raise UsageError(f"--out {out}: is not empty and holds no run. Choose another folder.")


def start_run_folder(folder: RunFolder, config: Config) -> None:
    """Make the folder and record the config, where this is the start of a run."""
    folder.root.mkdir(parents=True, exist_ok=True)
    if not folder.config.exists():
        write_text_atomically(folder.config, dump_config(config))


def write_environment(folder: RunFolder, runtime: dict[str, Any]) -> None:
    """Append this part of the run to `environment.json`: versions, machine, command and time."""
    packages = (
        "torch",
        "torchvision",
        "segmentation-models-pytorch",
        "albumentations",
        "opencv-python",
        "numpy",
        "pillow",
    )
    part = {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "segan": __version__,
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in packages},
        "platform": platform.platform(),
        "processor": torch.cpu.get_capabilities().get("cpu_name", platform.processor()),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        **runtime,
    }
    parts = json.loads(folder.environment.read_text(encoding="utf-8")) if folder.environment.exists() else []
    write_json(folder.environment, [*parts, part])


def _check_same_config(folder: RunFolder, config: Config) -> None:
    before = flat_keys(load_config(folder.config).model_dump(mode="json", exclude={"extends"}))
    now = flat_keys(config.model_dump(mode="json", exclude={"extends"}))
    changed = [key for key in before.keys() | now.keys() if before.get(key) != now.get(key) and key not in FREE_KEYS]
    if changed:
        lines = [f"  - {key}: the run has {before.get(key)!r}, seen {now.get(key)!r}" for key in sorted(changed)]
        heading = (
            f"--resume {folder.root}: the config differs from the run's. Leave the changes out, or start a new --out:"
        )
        raise ConfigError("\n".join([heading, *lines]))


def flat_keys(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Name each value of nested sections by its dotted key.

    >>> flat_keys({"seed": 0, "loss": {"r1_weight": 0.0}})
    {'seed': 0, 'loss.r1_weight': 0.0}
    """
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat.update(flat_keys(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
    return flat
