"""Each step moves the parameters it should, and no other, and the shared pass gives the gradients of separate ones."""

import copy
import functools

import pytest
import torch
from torch import Tensor, nn

from segan.config import load_config
from segan.losses.adversarial import ADVERSARIAL_LOSSES
from segan.losses.pixel import pixel_loss
from segan.losses.real_masks import REAL_MASKS, validity_map
from segan.models import build_discriminator
from segan.models.ema import ExponentialMovingAverage
from segan.training.build import build_state
from segan.training.objective import Objective
from segan.training.runtime import Runtime, build_runtime
from segan.training.state import Batch, Progress, TrainingState
from segan.training.steps import STEPS

PIXEL = functools.partial(pixel_loss, weights={"cross_entropy": 1.0, "dice": 1.0})


def make_state(*, gradient_clip: float | None = None) -> TrainingState:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 1))
    discriminator = build_discriminator("patch", num_classes=3, depth=2, channels=4, norm="none", input_scale=1.0)
    return TrainingState(
        runtime=Runtime(torch.device("cpu"), "fp32", channels_last=True),
        generator=generator,
        ema=ExponentialMovingAverage(generator, 0.9),
        optimizer_g=torch.optim.SGD(generator.parameters(), lr=0.1),
        discriminator=discriminator,
        optimizer_d=torch.optim.SGD(discriminator.parameters(), lr=0.1),
        scaler=torch.amp.GradScaler("cpu", enabled=False),
        progress=Progress(0, 10),
        gradient_clip=gradient_clip,
        adversarial_factor=1.0,
    )


def make_batch() -> Batch:
    torch.manual_seed(1)
    mask = torch.randint(0, 3, (2, 32, 32))
    mask[:, :5] = 255
    return Batch(torch.randn(2, 3, 32, 32), mask)


def weights_of(network: nn.Module) -> list[Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def moved(before: list[Tensor], network: nn.Module) -> bool:
    return any(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))


def test_pixel_step_moves_the_generator_alone() -> None:
    state = make_state()
    assert state.discriminator is not None
    generator, discriminator = weights_of(state.generator), weights_of(state.discriminator)
    values = STEPS["pixel"](state, make_batch(), Objective(PIXEL))
    assert moved(generator, state.generator)
    assert not moved(discriminator, state.discriminator)
    assert {"pixel", "cross_entropy", "dice", "gradient_norm_g"} <= values.keys()


@pytest.mark.parametrize("adversarial", sorted(ADVERSARIAL_LOSSES))
@pytest.mark.parametrize("real_masks", sorted(REAL_MASKS))
def test_adversarial_step_moves_both(adversarial: str, real_masks: str) -> None:
    state = make_state()
    assert state.discriminator is not None
    generator, discriminator = weights_of(state.generator), weights_of(state.discriminator)
    objective = Objective(
        PIXEL, adversarial, 0.1, real_masks=real_masks, gradient_penalty_weight=10.0, feature_matching_weight=0.1
    )
    values = STEPS["adversarial"](state, make_batch(), objective)
    assert moved(generator, state.generator)
    assert moved(discriminator, state.discriminator)
    assert all(torch.isfinite(value) for value in values.values())
    assert 0.0 <= float(values["d_accuracy"]) <= 1.0


def test_adversarial_weight_zero_gives_the_generator_the_pixel_gradient() -> None:
    alone, beside = make_state(), make_state()
    STEPS["pixel"](alone, make_batch(), Objective(PIXEL))
    STEPS["adversarial"](beside, make_batch(), Objective(PIXEL, adversarial_weight=0.0))
    for expected, seen in zip(alone.generator.parameters(), beside.generator.parameters(), strict=True):
        torch.testing.assert_close(seen, expected)


@pytest.mark.parametrize("adversarial", ["nonsaturating", "hinge", "lsgan", "minimax"])
def test_shared_pass_gives_the_gradients_of_two_separate_passes(adversarial: str) -> None:
    state, batch, weight = make_state(), make_batch(), 0.3
    assert state.discriminator is not None
    reference_g, reference_d = copy.deepcopy(state.generator), copy.deepcopy(state.discriminator)
    d_loss_of, g_loss_of = ADVERSARIAL_LOSSES[adversarial]

    # The classical way: one pass for the generator, another, with the prediction detached, for the discriminator.
    logits = reference_g(batch.image)
    real, fake = REAL_MASKS["matched"](batch.mask, logits.softmax(dim=1))
    fake_logits, _ = reference_d(batch.image, fake)
    validity = validity_map(batch.mask, tuple(fake_logits.shape[-2:]))
    (PIXEL(logits, batch.mask)[0] + weight * g_loss_of(fake_logits, validity)).backward()
    reference_d.zero_grad()
    real_logits, _ = reference_d(batch.image, real)
    fake_logits, _ = reference_d(batch.image, fake.detach())
    (0.5 * d_loss_of(real_logits, fake_logits, validity)).backward()

    STEPS["adversarial"](state, batch, Objective(PIXEL, adversarial, weight))
    for network, reference in ((state.generator, reference_g), (state.discriminator, reference_d)):
        for seen, expected in zip(network.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(seen.grad, expected.grad, rtol=1e-4, atol=1e-6)


def test_discriminator_rests_between_its_steps() -> None:
    state = make_state()
    assert state.discriminator is not None
    state.progress.step = 1
    discriminator = weights_of(state.discriminator)
    STEPS["adversarial"](state, make_batch(), Objective(PIXEL, adversarial_weight=0.1, discriminator_every_steps=2))
    assert not moved(discriminator, state.discriminator)


def test_what_lies_under_ignored_pixels_changes_nothing() -> None:
    # Networks that look at one pixel at a time: nothing else can carry the ignored rows into the others.
    batch, results = make_batch(), []
    for filling in (0.0, 9.0):
        state = make_state()
        torch.manual_seed(2)
        state.generator = nn.Conv2d(3, 3, 1)
        state.ema = ExponentialMovingAverage(state.generator, 0.9)
        state.optimizer_g = torch.optim.SGD(state.generator.parameters(), lr=0.1)
        state.discriminator = build_discriminator(
            "pixel", num_classes=3, depth=2, channels=4, norm="none", input_scale=1.0
        )
        state.optimizer_d = torch.optim.SGD(state.discriminator.parameters(), lr=0.1)
        image = batch.image.clone()
        image[:, :, :5] = filling
        objective = Objective(PIXEL, adversarial_weight=0.5, feature_matching_weight=0.5, r1_weight=1.0)
        values = STEPS["adversarial"](state, Batch(image, batch.mask), objective)
        results.append([*values.values(), *state.generator.parameters(), *state.discriminator.parameters()])
    for first, second in zip(*results, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("adversarial", sorted(ADVERSARIAL_LOSSES))
def test_a_batch_without_labels_teaches_nothing(adversarial: str) -> None:
    state, batch = make_state(), make_batch()
    assert state.discriminator is not None
    generator, discriminator = weights_of(state.generator), weights_of(state.discriminator)
    objective = Objective(PIXEL, adversarial, 0.5, r1_weight=1.0, gradient_penalty_weight=10.0)
    STEPS["adversarial"](state, Batch(batch.image, torch.full_like(batch.mask, 255)), objective)
    assert not moved(generator, state.generator)
    assert not moved(discriminator, state.discriminator)


@pytest.mark.parametrize(("adversarial", "r1_weight"), [("nonsaturating", 0.0), ("hinge", 1.0), ("wgan-gp", 0.0)])
def test_the_fused_optimizer_of_a_run_moves_weights_as_the_plain_one(adversarial: str, r1_weight: float) -> None:
    overrides = [f"loss.adversarial={adversarial}", f"loss.r1_weight={r1_weight}", "discriminator.channels=8"]
    config = load_config(None, ["generator.weights=none", "generator.encoder=mobilenet_v2", *overrides])
    states = [build_state(config, 3, build_runtime("cpu", "fp32", channels_last=True), 10) for _ in range(2)]
    plain = states[1].discriminator
    assert plain is not None
    part = config.optimizer
    states[1].optimizer_d = torch.optim.Adam(
        plain.parameters(), part.discriminator_lr, part.discriminator_betas, fused=False, foreach=False
    )
    objective = Objective(PIXEL, adversarial, 0.1, r1_weight=r1_weight, gradient_penalty_weight=10.0)
    for state in states:
        state.generator.eval()  # Else its statistics would differ between two draws of dropout or batches.
        torch.manual_seed(0)
        STEPS["adversarial"](state, make_batch(), objective)
    assert states[0].discriminator is not None
    for fused, reference in zip(states[0].discriminator.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(fused, reference, rtol=1e-5, atol=1e-7)


def test_gradients_are_clipped() -> None:
    state = make_state(gradient_clip=1e-3)
    STEPS["adversarial"](state, make_batch(), Objective(PIXEL, adversarial_weight=0.1))
    norm = torch.cat(
        [weight.grad.flatten() for weight in state.generator.parameters() if weight.grad is not None]
    ).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)


def test_adversarial_step_without_discriminator() -> None:
    state = make_state()
    state.discriminator = None
    with pytest.raises(ValueError, match="needs a discriminator"):
        STEPS["adversarial"](state, make_batch(), Objective(PIXEL, adversarial_weight=0.1))
