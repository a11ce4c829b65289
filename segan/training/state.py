"""Everything that changes while a run trains."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from segan.models.discriminator_base import Discriminator
from segan.models.ema import ExponentialMovingAverage
from segan.training.runtime import Runtime


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
