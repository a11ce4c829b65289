"""Everything that changes while a run trains."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn

from segan.models.discriminator_base import Discriminator
from segan.models.ema import ExponentialMovingAverage
from segan.training.health import Anchor
from segan.training.readings import Reading
from segan.training.runtime import Runtime
from segan.training.verdict import Standing


@dataclass(frozen=True)
class Batch:
    """Training samples on the device: image `[N, 3, H, W]` float, mask `[N, H, W]` int64 with 255 for ignore."""

    image: Tensor
    mask: Tensor


@dataclass
class Progress:
    """Where a run stands; plain numbers, saved as they are.

    Args:
        step: Optimizer steps taken.
        total_steps: Length of the run, fixed before its first step.
        best_score: Best validation mean IoU so far, in 0..1.
        best_step: The step it was reached at.
        validated_step: The last step that was validated, so that a resumed run neither repeats nor skips one.
        stale_validations: Validations since the best one.
        elapsed_s: Seconds of training, over all its parts.
    """

    step: int
    total_steps: int
    best_score: float | None = None
    best_step: int | None = None
    validated_step: int = 0
    stale_validations: int = 0
    elapsed_s: float = 0.0


@dataclass
class Health:
    """What the watch over an adversarial run remembers, saved with it so that a resumed run judges the same.

    Args:
        standing: What was done so far.
        total: Sums of the steps since the last look, `[2, S]` of `add_step`; `None` where there was no step.
        steps: How many.
        inspected: Entropy and classes of the prediction at one of them; empty where none was inspected.
        looks: Readings of the present window.
        latest: Of the window before.
        anchor: The state at the end of the warm-up.
        good_step: The newest checkpoint that was found no worse than it; the run goes back there.
        looked_step: The last step that was looked at, so that a resumed run neither repeats nor skips a look.
    """

    standing: Standing = field(default_factory=Standing)
    total: Tensor | None = None
    steps: int = 0
    inspected: dict[str, Tensor] = field(default_factory=dict)
    looks: list[Reading] = field(default_factory=list)
    latest: Reading | None = None
    anchor: Anchor | None = None
    good_step: int | None = None
    looked_step: int = 0

    @property
    def kept_steps(self) -> list[int]:
        """Steps whose checkpoints are kept, the one to go back to first."""
        steps = (self.good_step, None if self.anchor is None else self.anchor.step)
        return list(dict.fromkeys(step for step in steps if step is not None))

    @classmethod
    def from_plain(cls, tree: Mapping[str, Any], device: torch.device) -> Self:
        """Build from what `dataclasses.asdict` made, with tensors on a device."""
        anchor, latest, total = tree["anchor"], tree["latest"], tree["total"]
        changed: dict[str, Any] = {
            "standing": Standing(**tree["standing"]),
            "total": None if total is None else total.to(device),
            "inspected": {name: value.to(device) for name, value in tree["inspected"].items()},
            "looks": [Reading(**one) for one in tree["looks"]],
            "latest": None if latest is None else Reading(**latest),
            "anchor": None,
        }
        if anchor is not None:
            reading = None if anchor["reading"] is None else Reading(**anchor["reading"])
            changed["anchor"] = Anchor(anchor["step"], anchor["score"], reading)
        return cls(**{**tree, **changed})


@dataclass
class TrainingState:
    """The networks, their optimizers and the position in the run.

    Args:
        runtime: Device and arithmetic.
        generator: Image to logits.
        ema: Moving average of the generator, evaluated and saved.
        optimizer_g: Of the generator.
        discriminator: `(image, mask_probs)` to `(logits, features)`; `None` in the pixel-only mode.
        optimizer_d: Of the discriminator; `None` in the pixel-only mode.
        scaler: Loss scaling for fp16; passes everything through otherwise.
        progress: Position in the run.
        gradient_clip: Largest gradient norm of each network; `None` for no clipping.
        adversarial_factor: On the adversarial weight at this step, 0..1.
        discriminator_rests: Whether the discriminator does not learn at this step.
        is_inspected: Whether this step also describes its prediction, for the watch.
        health: What the watch remembers.
    """

    runtime: Runtime
    generator: nn.Module
    ema: ExponentialMovingAverage
    optimizer_g: torch.optim.Optimizer
    discriminator: Discriminator | None
    optimizer_d: torch.optim.Optimizer | None
    scaler: torch.amp.GradScaler
    progress: Progress
    gradient_clip: float | None
    adversarial_factor: float = field(default=0.0)
    discriminator_rests: bool = field(default=False)
    is_inspected: bool = field(default=False)
    health: Health = field(default_factory=Health)
