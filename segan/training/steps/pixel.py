"""One step of the generator on the pixel loss alone: the warm-up, and the whole run where the weight is 0."""

import torch
from torch import Tensor, nn

from segan.training.objective import Objective
from segan.training.readings import describe_prediction
from segan.training.state import Batch, TrainingState


def pixel_step(state: TrainingState, batch: Batch, objective: Objective) -> dict[str, Tensor]:
    """Train the generator once on the pixel loss.

    Args:
        state: Networks and optimizers; the generator, its average and its optimizer change.
        batch: Image `[N, 3, H, W]` and mask `[N, H, W]`.
        objective: Only `pixel` is used.

    Returns:
        Detached scalars: `pixel`, its parts, `gradient_norm_g`; where it is inspected, those of `describe_prediction`.
    """
    with state.runtime.autocast():
        logits = state.generator(batch.image)
    pixel, parts = objective.pixel(logits.float(), batch.mask)
    state.optimizer_g.zero_grad(set_to_none=True)
    torch.autograd.backward([state.scaler.scale(pixel)])
    norm = apply_gradients(state, state.generator, state.optimizer_g)
    state.scaler.update()
    state.ema.update(state.generator)
    described = describe_prediction(logits, batch.mask) if state.is_inspected else {}
    return {"pixel": pixel.detach(), **parts, "gradient_norm_g": norm, **described}


def apply_gradients(state: TrainingState, network: nn.Module, optimizer: torch.optim.Optimizer) -> Tensor:
    """Unscale and clip a network's gradients and take its optimizer's step.

    Returns:
        The norm before clipping.
    """
    state.scaler.unscale_(optimizer)
    largest = float("inf") if state.gradient_clip is None else state.gradient_clip
    norm = nn.utils.clip_grad_norm_(network.parameters(), largest)
    state.scaler.step(optimizer)
    return norm.detach()
