"""Training modes: each is one function `step(state, batch, objective) -> dict[str, Tensor]`."""

from collections.abc import Callable

from torch import Tensor

from segan.training.objective import Objective
from segan.training.state import Batch, TrainingState
from segan.training.steps.adversarial import adversarial_step
from segan.training.steps.pixel import pixel_step

Step = Callable[[TrainingState, Batch, Objective], dict[str, Tensor]]

STEPS: dict[str, Step] = {"pixel": pixel_step, "adversarial": adversarial_step}
