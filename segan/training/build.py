"""From config to networks, optimizers and losses: the run-level place that knows both."""

import functools
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from segan.config import Config, OptimizerConfig
from segan.data.statistics import class_weights
from segan.errors import ConfigError
from segan.losses.pixel import pixel_loss
from segan.models import (
    build_discriminator,
    build_generator,
    count_parameters,
    name_generator,
    receptive_field_px,
)
from segan.models.discriminator_base import Discriminator
from segan.models.ema import ExponentialMovingAverage
from segan.training.objective import Objective, weights_of
from segan.training.runtime import Runtime
from segan.training.state import Progress, TrainingState

Pixels = NDArray[np.int64]


def build_state(
    config: Config, num_classes: int, runtime: Runtime, total_steps: int, *, from_checkpoint: bool = False
) -> TrainingState:
    """Build networks and optimizers with weights drawn from `config.seed`.

    Args:
        config: The run.
        num_classes: Channels of the logits.
        runtime: Device and arithmetic.
        total_steps: Length of the run.
        from_checkpoint: The weights will be replaced, so none are looked for or downloaded.
    """
    torch.manual_seed(config.seed)
    part = config.generator
    generator = runtime.place(
        build_generator(
            part.architecture,
            part.encoder,
            num_classes=num_classes,
            dropout=part.dropout,
            weights="none" if from_checkpoint else part.weights,
            options=part.options,
        )
    )
    discriminator = build_run_discriminator(config, num_classes, runtime) if config.loss.is_adversarial else None
    optimizer = config.optimizer
    fp16 = runtime.precision == "fp16"
    ema = ExponentialMovingAverage(generator, config.training.ema_decay)
    if config.training.compile:
        generator.compile()  # In place: names of weights, and the average taken above, stay as they are.
    return TrainingState(
        runtime=runtime,
        generator=generator,
        ema=ema,
        optimizer_g=build_generator_optimizer(generator, optimizer),
        discriminator=discriminator,
        optimizer_d=None if discriminator is None else build_discriminator_optimizer(discriminator, optimizer),
        scaler=torch.amp.GradScaler(runtime.device.type, enabled=fp16),
        progress=Progress(step=0, total_steps=total_steps),
        gradient_clip=optimizer.gradient_clip,
    )


def describe_networks(config: Config, state: TrainingState) -> str:
    """Tell the two networks in one line: names, parameters, receptive field."""
    part = config.generator
    name = name_generator(part.architecture, part.encoder)
    text = f"generator: {name}, {count_parameters(state.generator) / 1e6:.1f} M parameters"
    if state.discriminator is None:
        return f"{text}; no discriminator (pixel-only)"
    judge, field = config.discriminator, receptive_field_px(state.discriminator)
    most = "up to " if judge.kind == "multiscale" else ""
    seen = "the whole image" if field is None else f"patches of {most}{field}x{field} px"
    shown = {"concat": "", "product": " of image times mask", "mask": " of the mask alone"}[judge.input]
    millions = count_parameters(state.discriminator) / 1e6
    return f"{text}; discriminator: {judge.kind}, {millions:.1f} M parameters, judges {seen}{shown}"


def build_run_discriminator(config: Config, num_classes: int, runtime: Runtime) -> Discriminator:
    """Build the discriminator of a run, on its device."""
    part = config.discriminator
    discriminator = build_discriminator(
        part.kind,
        num_classes=num_classes,
        depth=part.depth,
        channels=part.channels,
        norm=part.norm,
        input_scale=part.input_scale,
        input=part.input,
        scales=part.scales,
    )
    runtime.place(discriminator)  # In place, as for every module.
    return discriminator


def build_generator_optimizer(generator: nn.Module, part: OptimizerConfig) -> torch.optim.AdamW:
    """Build AdamW that decays weights but neither norms nor biases."""
    trained = [weight for weight in generator.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": part.weight_decay},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=part.generator_lr, betas=part.generator_betas, fused=True)


def build_discriminator_optimizer(discriminator: nn.Module, part: OptimizerConfig) -> torch.optim.Adam:
    """Build Adam for the discriminator."""
    weights: Iterable[nn.Parameter] = discriminator.parameters()
    return torch.optim.Adam(weights, lr=part.discriminator_lr, betas=part.discriminator_betas, fused=True)


def build_objective(
    config: Config, class_pixels: Pixels, device: torch.device, *, present_pixels: Pixels | None = None
) -> Objective:
    """Choose the losses of a run.

    Args:
        config: The run.
        class_pixels: int64 `[K]`, labelled pixels of each class in the training split.
        device: Where class weights live.
        present_pixels: int64 `[K]`, labelled pixels of the images that hold each class, for `median` weights.

    Raises:
        ConfigError: A list of class weights has the wrong length.
    """
    loss = config.loss
    if isinstance(loss.class_weights, list):
        if len(loss.class_weights) != len(class_pixels):
            raise ConfigError(
                f"loss.class_weights: seen {len(loss.class_weights)} values, expected {len(class_pixels)}, one for "
                "each class. Change the list or use cbrt, sqrt, inverse, median or none."
            )
        weights = np.asarray(loss.class_weights, dtype=np.float32)
    else:
        weights = class_weights(class_pixels, loss.class_weights, present_pixels)
    pixel = functools.partial(
        pixel_loss,
        weights=weights_of(
            cross_entropy=loss.cross_entropy_weight,
            dice=loss.dice_weight,
            focal=loss.focal_weight,
            lovasz=loss.lovasz_weight,
            tversky=loss.tversky_weight,
            l1=loss.l1_weight,
        ),
        class_weights=None
        if loss.class_weights == "none"
        else torch.as_tensor(weights, dtype=torch.float32, device=device),
        focal_gamma=loss.focal_gamma,
        tversky_alpha=loss.tversky_alpha,
        label_smoothing=loss.label_smoothing,
    )
    return Objective(
        pixel=pixel,
        adversarial=loss.adversarial,
        adversarial_weight=loss.adversarial_weight,
        feature_matching_weight=loss.feature_matching_weight,
        real_masks=loss.real_masks,
        r1_weight=loss.r1_weight,
        gradient_penalty_weight=loss.gradient_penalty_weight,
        penalty_every_steps=loss.penalty_every_steps,
        discriminator_every_steps=config.training.discriminator_every_steps,
        adversarial_balance=loss.adversarial_balance,
        adversarial_limit=loss.adversarial_limit,
        control=config.discriminator.control,
    )
