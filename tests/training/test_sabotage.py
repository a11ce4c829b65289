"""Broken adversaries: the run ends well, says what it saw and did, and its model is close to the pixel-only one."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sabotage import after_each_step, break_weights_at, read_health
from small_run import small_config, train_small

from segan.config import Config
from segan.data.drawing import draw_dataset
from segan.losses.signals import SIGNALS, Judged

# Drawn data and a minute of training tell little: this only catches a model that was ruined.
LOOSE = 0.08
LONG = {
    # A network that the discriminator beats in so few steps.
    "generator.architecture": "unet",
    "generator.encoder": "mobilenet_v2",
    "generator.options": {"encoder_depth": 3, "decoder_channels": [16, 8, 8]},
    "training.steps": 120,
    "training.batch_size": 4,
    # Processors that multiply bfloat16 would take it, and the order of so few steps would differ.
    "training.precision": "fp32",
    "training.validate_every_steps": 15,
    "training.log_every_steps": 4,
    "training.ema_decay": 0.9,
    "training.checkpoint_every_s": 60.0,
    "training.lr_warmup_steps": 5,
    "optimizer.generator_lr": 3e-3,
    "discriminator.channels": 16,
    "loss.adversarial_weight": 0.1,
}
LEAKY: dict[str, object] = {"loss.real_masks": "onehot", "optimizer.discriminator_lr": 1e-2}


def swap_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the discriminator learn that predictions are true masks and the reverse."""
    signal = SIGNALS["nonsaturating"]

    def d_loss(real: Judged, fake: Judged, target: object) -> object:
        return signal.d_loss(fake, real, target)  # type: ignore[arg-type]

    monkeypatch.setitem(SIGNALS, "nonsaturating", replace(signal, d_loss=d_loss))  # type: ignore[arg-type]


def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pass


SABOTAGES: dict[str, tuple[dict[str, object], Callable[[pytest.MonkeyPatch], None]]] = {
    "rate x100": ({"optimizer.discriminator_lr": 5e-2}, nothing),
    # So few steps do not take it above 0.95, so here it wins earlier.
    "one-hot": ({**LEAKY, "health.accuracy_band": [0.3, 0.7]}, nothing),
    "shuffled": ({"discriminator.control": "shuffled"}, nothing),
    "swapped labels": ({**LEAKY, "training.steps": 200, "health.accuracy_band": [0.4, 0.95]}, swap_labels),
    "broken once": ({}, lambda patch: after_each_step(patch, break_weights_at(50))),
    "broken again and again": ({}, lambda patch: after_each_step(patch, break_weights_at(50, 70))),
    "broken always": ({}, lambda patch: after_each_step(patch, break_weights_at(*range(120)))),
}
# What the watch has to have done, where it is certain: shuffled masks still look unlike predictions, or do not.
DONE = {
    "one-hot": "rest",
    "swapped labels": "rest",
    "broken once": "roll_back",
    "broken again and again": "fall_back",
    "broken always": "fall_back",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sabotage") / "data"
    draw_dataset(folder, train=16, val=6, test=1, size=(64, 64), seed=3)
    return folder


def config_of(data: Path, **changes: object) -> Config:
    return small_config(data, **{**LONG, **changes})


@pytest.fixture(scope="module")
def pixel_score(data: Path, tmp_path_factory: pytest.TempPathFactory) -> float:
    result = train_small(config_of(data, **{"loss.adversarial_weight": 0}), tmp_path_factory.mktemp("pixel") / "run")
    assert result.best_score is not None
    return result.best_score


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SABOTAGES))
def test_sabotage_does_no_harm(
    name: str, data: Path, pixel_score: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, spoil = SABOTAGES[name]
    spoil(monkeypatch)
    result = train_small(config_of(data, **changes), tmp_path / "run")
    lines = read_health(tmp_path / "run")
    print(name, result.best_score, pixel_score, [(line["action"], line["step"], line["finding"]) for line in lines])
    assert result.ended == "done"
    assert result.best_score is not None
    assert math.isfinite(result.best_score)
    assert result.best_score >= pixel_score - LOOSE
    assert all(line["finding"] and line["done"] for line in lines)
    if name in DONE:
        assert DONE[name] in {line["action"] for line in lines}
