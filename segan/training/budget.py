"""How long a run will take, measured before it starts, and how many steps fit a time budget."""

import bisect
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from segan.config import Config
from segan.inference.views import TTA
from segan.training.build import build_state
from segan.training.objective import Objective
from segan.training.runtime import Runtime
from segan.training.state import Batch
from segan.training.steps import STEPS

_TIMED_STEPS = 3
_MOST_TIMED_STEPS = 16

# The share of a budget that is planned for: the rest pays for slower moments of the machine, saving and pictures.
PLANNED_SHARE = 0.9


@dataclass(frozen=True)
class Estimate:
    """Seconds of the parts of a run.

    Args:
        pixel_step_s: A step of the warm-up.
        adversarial_step_s: A step after it; equal to the former in the pixel-only mode.
        validation_image_s: Predicting and scoring one validation image.
    """

    pixel_step_s: float
    adversarial_step_s: float
    validation_image_s: float

    def run_s(self, total_steps: int, *, warmup_fraction: float, validations: int, validation_images: int) -> float:
        """Estimate a whole run in seconds.

        >>> Estimate(1.0, 2.0, 0.5).run_s(10, warmup_fraction=0.5, validations=2, validation_images=4)
        19.0
        """
        steps_s = total_steps * self.mean_step_s(warmup_fraction)
        return steps_s + validations * validation_images * self.validation_image_s

    def for_image(self, *, sample_px: int, image_px: int) -> "Estimate":
        """Scale the cost of a validation image from the size of a training sample to that of a whole image."""
        return replace(self, validation_image_s=self.validation_image_s * image_px / sample_px)

    def mean_step_s(self, warmup_fraction: float) -> float:
        """Average the two kinds of steps over a run."""
        return warmup_fraction * self.pixel_step_s + (1.0 - warmup_fraction) * self.adversarial_step_s


def steps_within(budget_s: float, most: int, run_s: Callable[[int], float]) -> int:
    """Find the most steps, up to `most`, whose run fits the planned share of a budget; at least one.

    Args:
        budget_s: Seconds.
        most: Steps wanted.
        run_s: Estimated seconds of a run of so many steps; never falls.

    >>> steps_within(100.0, 500, lambda steps: 10.0 + 0.5 * steps)
    160
    """
    return max(1, bisect.bisect_right(range(1, most + 1), PLANNED_SHARE * budget_s, key=run_s))


def measure(
    config: Config, objective: Objective, num_classes: int, runtime: Runtime, size: tuple[int, int]
) -> Estimate:
    """Time a few steps on random data with networks of their own, which are then dropped.

    Args:
        config: The run.
        objective: Its losses.
        num_classes: Classes of the masks.
        runtime: Device and arithmetic.
        size: `(height, width)` of training samples, in pixels.
    """
    # The time of a step does not depend on the weights, so none are looked for.
    state = build_state(config, num_classes, runtime, total_steps=1, from_checkpoint=True)
    shape = (config.training.batch_size, *size)
    image, mask = runtime.to_device(
        torch.randn(shape[0], 3, *size), torch.randint(0, num_classes, shape, dtype=torch.uint8)
    )
    batch = Batch(image, mask)
    state.generator.train()
    modes = ["pixel"] if state.discriminator is None else ["pixel", "adversarial"]
    # Adversarial steps differ where the discriminator rests or goes unpenalised: then the mean of a round counts.
    cycle = min(objective.discriminator_every_steps * objective.penalty_every_steps, _MOST_TIMED_STEPS)
    seconds = {}
    for mode in modes:
        times = []
        for step in range(1 + max(_TIMED_STEPS, cycle)):  # The first one warms up.
            state.progress.step = step
            start = time.perf_counter()
            STEPS[mode](state, batch, objective)
            _wait(runtime)
            times.append(time.perf_counter() - start)
        seconds[mode] = statistics.median(times[1:]) if cycle == 1 else statistics.fmean(times[1:])
    # A forward pass costs about a third of a step, and validation adds decoding and scoring.
    views = sum(view.cost for view in TTA[config.inference.tta])
    image_s = 0.5 * views * seconds["pixel"] / config.training.batch_size
    return Estimate(seconds["pixel"], seconds.get("adversarial", seconds["pixel"]), image_s)


def _wait(runtime: Runtime) -> None:
    if runtime.device.type == "cuda":
        torch.cuda.synchronize(runtime.device)
