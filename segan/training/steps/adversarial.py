"""One step of generator and discriminator against each other, beside the pixel loss."""

import torch
from torch import Tensor, nn

from segan.data.labels import IGNORE
from segan.losses.feature_matching import feature_matching
from segan.losses.ignore import valid_pixels
from segan.losses.penalties import gradient_penalty, r1_penalty
from segan.losses.real_masks import REAL_MASKS
from segan.losses.signals import SIGNALS, Judged
from segan.training.objective import Objective
from segan.training.readings import describe_prediction
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
        Detached scalars: `pixel`, its parts, `adversarial`, `d_loss`, `d_accuracy`, `adversarial_weight` and more;
        where the step is inspected, those of `describe_prediction`.

    Source:
        Isola et al. 2017 (pix2pix), objective of eq. 4 with the pixel loss in place of L1; the discriminator's loss is
        halved as there. Luc et al. 2016 for segmentation.
    """
    discriminator, optimizer_d = state.discriminator, state.optimizer_d
    if discriminator is None or optimizer_d is None:
        raise ValueError("adversarial_step needs a discriminator and its optimizer")
    signal = SIGNALS[objective.adversarial]
    d_step, rest = divmod(state.progress.step, objective.discriminator_every_steps)
    learns = rest == 0 and objective.control != "frozen" and not state.discriminator_rests
    penalized = learns and d_step % objective.penalty_every_steps == 0

    # The generator looks at the image. Its logits are cut off, so that each loss's gradient by them can be measured.
    with state.runtime.autocast():
        logits = state.generator(batch.image)
    leaf = logits.detach().float().requires_grad_()
    pixel, parts = objective.pixel(leaf, batch.mask)
    (pixel_gradient,) = torch.autograd.grad(state.scaler.scale(pixel), [leaf])

    # Real and fake masks go through one treatment; the fake one is cut off so that two gradients can be taken.
    real_mask, fake_mask, target = _show_masks(batch.mask, leaf.softmax(dim=1), objective)
    fake_leaf = fake_mask.detach().requires_grad_()
    real_leaf = real_mask.requires_grad_(penalized and objective.r1_weight > 0.0)
    with state.runtime.autocast():
        fake_logits, fake_features = discriminator(batch.image, fake_leaf)
        real_logits, real_features = discriminator(batch.image, real_leaf)
    real, fake = Judged(real_logits.float(), real_features), Judged(fake_logits.float(), fake_features)

    # The discriminator's gradient, by its own weights only.
    d_loss = 0.5 * signal.d_loss(real, fake, target)
    if learns:
        total_d = d_loss
        if penalized:  # Halved like the loss beside it, so that its weight means what the papers mean.
            penalty = _penalty(batch.image, target, objective, discriminator, real_leaf, fake_leaf, real.logits)
            total_d = d_loss + 0.5 * penalty
        weights = [weight for weight in discriminator.parameters() if weight.requires_grad]
        gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
            state.scaler.scale(total_d), weights, retain_graph=True, allow_unused=True
        )

    # The generator's gradient: by the predicted mask, by the logits, and through the generator with the pixel loss's.
    adversarial = signal.g_loss(real, fake, target)
    g_signal = objective.adversarial_weight * adversarial
    if objective.feature_matching_weight > 0.0:
        parts["feature_matching"] = feature_matching(real_features, fake_features, target)
        g_signal = g_signal + objective.feature_matching_weight * parts["feature_matching"]
    (mask_gradient,) = torch.autograd.grad(state.scaler.scale(g_signal), [fake_leaf])
    (adversarial_gradient,) = torch.autograd.grad([fake_mask], [leaf], [mask_gradient])
    share, ratio = weigh_gradients(pixel_gradient, adversarial_gradient, state.adversarial_factor, objective)
    state.optimizer_g.zero_grad(set_to_none=True)
    torch.autograd.backward([logits], [(pixel_gradient + share * adversarial_gradient).to(logits.dtype)])
    norm_g = apply_gradients(state, state.generator, state.optimizer_g)

    if learns:
        for weight_tensor, gradient in zip(weights, gradients, strict=True):
            if gradient is None:  # Nothing in this loss looks at the weight.
                weight_tensor.grad = None
                continue
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
        "d_accuracy": signal.accuracy(real, fake, target),
        "adversarial_weight": share * objective.adversarial_weight,
        "gradient_ratio": ratio,
        "gradient_norm_g": norm_g,
        **(describe_prediction(leaf, batch.mask) if state.is_inspected else {}),
    }


def weigh_gradients(
    pixel_gradient: Tensor, adversarial_gradient: Tensor, factor: float, objective: Objective
) -> tuple[Tensor, Tensor]:
    """Decide how much of the adversarial gradient is added to the pixel loss's.

    Args:
        pixel_gradient: By the logits, `[N, K, H, W]`.
        adversarial_gradient: Of all adversarial terms with their weights, by the logits.
        factor: Ramp and health, 0..1.
        objective: `fixed` takes the weights as they are; `gradient` scales the terms so that their gradient has
            `adversarial_weight` times the norm of the pixel loss's. Neither goes above `adversarial_limit` times it.

    Returns:
        The factor on the adversarial gradient, and the ratio of the norms of what is added to the pixel loss's.

    Source:
        Esser et al. 2021 (VQGAN), eq. 7, with the logits in place of the last layer's weights.
    """
    pixel_norm, adversarial_norm = pixel_gradient.norm(), adversarial_gradient.norm()
    # Without a pixel gradient there is nothing to compare with, and nothing to learn from: no label in the batch.
    ratio = adversarial_norm / pixel_norm.clamp_min(1e-30)
    share = torch.full_like(ratio, factor)
    if objective.adversarial_balance == "gradient":
        share = factor * objective.adversarial_weight / ratio.clamp_min(1e-12)
    if objective.adversarial_limit is not None:
        share = torch.minimum(share, objective.adversarial_limit / ratio.clamp_min(1e-12))
    return share, share * ratio


def _show_masks(mask: Tensor, probs: Tensor, objective: Objective) -> tuple[Tensor, Tensor, Tensor]:
    """Turn labels and prediction into what the discriminator sees: the real and the fake mask, and what is labelled.

    The control `shuffled` pairs each image with the true mask of another one of the batch: such a discriminator can
    learn nothing about which mask belongs to an image.
    """
    treat = REAL_MASKS[objective.real_masks]
    if objective.control != "shuffled":
        return *treat(mask, probs), mask
    other = mask.roll(1, dims=0)
    labelled = valid_pixels(mask) & valid_pixels(other)
    mask, other = mask.masked_fill(~labelled, IGNORE), other.masked_fill(~labelled, IGNORE)
    return treat(other, probs.roll(1, dims=0))[0], treat(mask, probs)[1], mask


def _penalty(
    image: Tensor,
    target: Tensor,
    objective: Objective,
    discriminator: nn.Module,
    real_leaf: Tensor,
    fake_leaf: Tensor,
    real_logits: Tensor,
) -> Tensor:
    """Sum the gradient penalties, weighted up by the discriminator's steps they are skipped for."""
    penalty = real_logits.new_zeros(())
    if objective.r1_weight > 0.0:
        penalty = penalty + objective.r1_weight * r1_penalty(real_logits, real_leaf, target)
    if objective.adversarial == "wgan-gp" and objective.gradient_penalty_weight > 0.0:
        slope = gradient_penalty(discriminator, image, real_leaf, fake_leaf, target)
        penalty = penalty + objective.gradient_penalty_weight * slope
    return objective.penalty_every_steps * penalty
