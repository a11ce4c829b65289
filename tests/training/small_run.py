"""A run small enough to train in seconds, for tests that need a real one."""

from pathlib import Path

from segan.config import Config, load_config
from segan.data.drawing import draw_dataset
from segan.training.display import Display
from segan.training.fit import FitResult, fit
from segan.training.setup import set_up

SMALL = {
    "preprocessing": [
        {"name": "resize", "mode": "crop", "height": 32, "width": 32},
        {"name": "random_scale", "min": 0.8, "max": 1.2},
        {"name": "normalize"},
    ],
    "augmentation.preset": "light",
    "generator.architecture": "plain_unet",
    "generator.weights": "none",
    "generator.dropout": 0.2,
    "generator.options": {"channels": [8, 8, 16]},
    "discriminator.channels": 4,
    "discriminator.depth": 2,
    "training.steps": 16,
    "training.batch_size": 2,
    "training.validate_every_steps": 5,
    "training.log_every_steps": 2,
    "training.checkpoint_every_s": 0.001,
}


def small_config(data: Path, **changes: object) -> Config:
    return load_config(None, extra={**SMALL, "data.root": str(data), **changes})


def draw_small(folder: Path) -> Path:
    draw_dataset(folder, train=6, val=2, test=2, unlabeled=0, size=(48, 48), seed=3)
    return folder


def train_small(config: Config, out: Path, *, resume: bool = False) -> FitResult:
    display = Display(quiet=True)
    return fit(*set_up(config, out, resume=resume, device="cpu", display=display))
