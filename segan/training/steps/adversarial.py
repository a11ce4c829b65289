"""One step of generator and discriminator against each other, beside the pixel loss."""

import torch
from torch import Tensor, nn

from segan.losses.adversarial import ADVERSARIAL_LOSSES
from segan.losses.feature_matching import feature_matching
from segan.losses.penalties import gradient_penalty, r1_penalty
from segan.losses.real_masks import REAL_MASKS, validity_map
from segan.training.objective import Objective
from segan.training.state import Batch, TrainingState
from segan.training.steps.pixel import apply_gradients


def adversarial_step(state: TrainingState, batch: Batch, objective: Objective) -> dict[str, Tensor]:
    """Train the generator and the discriminator once each, from one shared look at the prediction.

    The discriminator judges the prediction in a single forward pass, from which both gradients are taken: its own (of
    its loss, by its weights) and the generator's (of the adversarial loss, by the predicted mask). The second is then
    handed to the generator's backward pass together with the pixel loss. Both networks thus learn from the state before
    the step (simultaneous gradient descent), and the discriminator runs forward twice instead of three times.

    Args:
        state: Networks and optimizers; all of them change.
        batch: Image `[N, 3, H, W]` and mask `[N, H, W]`.
        objective: Losses and weights.

    Returns:
        Detached scalars: `pixel`, its parts, `adversarial`, `d_loss`, `d_accuracy`, `adversarial_weight` and more.

    Source:
        Isola et al. 2017 (pix2pix), objective of eq. 4 with the pixel loss in place of L1; the discriminator's loss is
        halved as there. Luc et al. 2016 for segmentation.
    """
    discriminator, optimizer_d = state.discriminator, state.optimizer_d
    if discriminator is None or optimizer_d is None:
        raise ValueError("adversarial_step needs a discriminator and its optimizer")
    d_loss_of, g_loss_of = ADVERSARIAL_LOSSES[objective.adversarial]
    d_step, rest = divmod(state.progress.step, objective.discriminator_every_steps)
    learns = rest == 0
    penalized = learns and d_step % objective.penalty_every_steps == 0

    # The generator looks at the image; the pixel loss looks at its logits.
    with state.runtime.autocast():
        logits = state.generator(batch.image)
    logits = logits.float()
    pixel, parts = objective.pixel(logits, batch.mask)

    # Real and fake masks go through one treatment; the fake one is cut off so that two gradients can be taken.
    real_mask, fake_mask = REAL_MASKS[objective.real_masks](batch.mask, logits.softmax(dim=1))
    fake_leaf = fake_mask.detach().requires_grad_()
    real_leaf = real_mask.requires_grad_(penalized and objective.r1_weight > 0.0)
    with state.runtime.autocast():
        fake_logits, fake_features = discriminator(batch.image, fake_leaf)
        real_logits, real_features = discriminator(batch.image, real_leaf)
    fake_logits, real_logits = fake_logits.float(), real_logits.float()
    validity = validity_map(batch.mask, (fake_logits.shape[-2], fake_logits.shape[-1]))

    # The discriminator's gradient, by its own weights only.
    d_loss = 0.5 * d_loss_of(real_logits, fake_logits, validity)
    if learns:
        total_d = d_loss
        if penalized:  # Halved like the loss beside it, so that its weight means what the papers mean.
            total_d = d_loss + 0.5 * _penalty(batch, objective, discriminator, real_leaf, fake_leaf, real_logits)
        weights = [weight for weight in discriminator.parameters() if weight.requires_grad]
        gradients = torch.autograd.grad(state.scaler.scale(total_d), weights, retain_graph=True)

    # The generator's gradient, by the predicted mask only, then through the generator with the pixel loss.
    adversarial = g_loss_of(fake_logits, validity)
    g_signal = state.adversarial_factor * objective.adversarial_weight * adversarial
    if objective.feature_matching_weight > 0.0:
        parts["feature_matching"] = feature_matching(real_features, fake_features, batch.mask)
        weight = state.adversarial_factor * objective.feature_matching_weight
        g_signal = g_signal + weight * parts["feature_matching"]
    (mask_gradient,) = torch.autograd.grad(state.scaler.scale(g_signal), [fake_leaf])
    state.optimizer_g.zero_grad(set_to_none=True)
    torch.autograd.backward([state.scaler.scale(pixel), fake_mask], [None, mask_gradient])
    norm_g = apply_gradients(state, state.generator, state.optimizer_g)

    if learns:
        for weight_tensor, gradient in zip(weights, gradients, strict=True):
            # After a penalty gradients come in another memory layout, which the fused optimizer does not look at.
            weight_tensor.grad = torch.empty_like(weight_tensor).copy_(gradient)
        parts["gradient_norm_d"] = apply_gradients(state, discriminator, optimizer_d)
    state.scaler.update()
    state.ema.update(state.generator)
    return {
        "pixel": pixel.detach(),
        **{name: part.detach() for name, part in parts.items()},
        "adversarial": adversarial.detach(),
        "d_loss": d_loss.detach(),
        "d_accuracy": _accuracy(real_logits, fake_logits, validity, objective.adversarial),
        "adversarial_weight": adversarial.new_tensor(state.adversarial_factor * objective.adversarial_weight),
        "gradient_norm_g": norm_g,
    }


def _penalty(
    batch: Batch,
    objective: Objective,
    discriminator: nn.Module,
    real_leaf: Tensor,
    fake_leaf: Tensor,
    real_logits: Tensor,
) -> Tensor:
    """Sum the gradient penalties, weighted up by the discriminator's steps they are skipped for."""
    penalty = real_logits.new_zeros(())
    if objective.r1_weight > 0.0:
        penalty = penalty + objective.r1_weight * r1_penalty(real_logits, real_leaf, batch.mask)
    if objective.adversarial == "wgan-gp" and objective.gradient_penalty_weight > 0.0:
        slope = gradient_penalty(discriminator, batch.image, real_leaf, fake_leaf, batch.mask)
        penalty = penalty + objective.gradient_penalty_weight * slope
    return objective.penalty_every_steps * penalty


def _accuracy(real_logits: Tensor, fake_logits: Tensor, validity: Tensor, adversarial: str) -> Tensor:
    """Compute the share of patches the discriminator tells right; 0.5 is chance.

    The border lies between the two targets: 0.5 for least squares (1 and 0), the middle of the two means for a critic,
    whose zero is arbitrary, and 0 for logits.
    """
    with torch.no_grad():
        if adversarial == "lsgan":
            border = fake_logits.new_tensor(0.5)
        elif adversarial == "wgan-gp":
            border = 0.5 * (real_logits.mean() + fake_logits.mean())
        else:
            border = fake_logits.new_tensor(0.0)
        right = 0.5 * ((real_logits > border).float() + (fake_logits < border).float())
        return (right * validity).sum() / validity.sum().clamp_min(1e-12)
