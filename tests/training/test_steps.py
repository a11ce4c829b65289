"""Each step moves the parameters it should, and no other, and the shared pass gives the gradients of separate ones."""

import copy
import functools
import math

import pytest
import torch
from torch import Tensor, nn

from segan.config import load_config
from segan.losses.pixel import pixel_loss
from segan.losses.real_masks import REAL_MASKS
from segan.losses.signals import SIGNALS, Judged
from segan.models import DISCRIMINATORS, build_discriminator
from segan.models.discriminator_base import INPUTS
from segan.models.ema import ExponentialMovingAverage
from segan.training.build import build_state
from segan.training.objective import Objective
from segan.training.runtime import Runtime, build_runtime
from segan.training.state import Batch, Progress, TrainingState
from segan.training.steps import STEPS

PIXEL = functools.partial(pixel_loss, weights={"cross_entropy": 1.0, "dice": 1.0})


def kind_for(adversarial: str) -> str:
    return "pixel_class" if adversarial == "per_class" else "patch"


def make_state(
    *, gradient_clip: float | None = None, kind: str = "patch", shown: str = "concat", norm: str = "none"
) -> TrainingState:
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 1))
    discriminator = build_discriminator(
        kind, num_classes=3, depth=2, channels=4, norm=norm, input_scale=1.0, input=shown
    )
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


@pytest.mark.parametrize("adversarial", sorted(SIGNALS))
@pytest.mark.parametrize("real_masks", sorted(REAL_MASKS))
def test_adversarial_step_moves_both(adversarial: str, real_masks: str) -> None:
    state = make_state(kind=kind_for(adversarial))
    assert state.discriminator is not None
    generator, discriminator = weights_of(state.generator), weights_of(state.discriminator)
    objective = Objective(
        PIXEL, adversarial, 0.1, real_masks=real_masks, gradient_penalty_weight=10.0, feature_matching_weight=0.1
    )
    values = STEPS["adversarial"](state, make_batch(), objective)
    assert moved(generator, state.generator)
    assert moved(discriminator, state.discriminator)
    accuracy = float(values.pop("d_accuracy"))
    assert 0.0 <= accuracy <= 1.0 if SIGNALS[adversarial].has_logits else math.isnan(accuracy)
    assert all(torch.isfinite(value) for value in values.values())


@pytest.mark.parametrize("kind", sorted(DISCRIMINATORS))
@pytest.mark.parametrize("shown", sorted(INPUTS))
@pytest.mark.parametrize("adversarial", ["nonsaturating", "wgan-gp", "multiscale_l1"])
def test_each_kind_and_input_learns(kind: str, shown: str, adversarial: str) -> None:
    if kind == "pixel_class" and adversarial != "multiscale_l1":
        adversarial = "per_class"
    state = make_state(kind=kind, shown=shown)
    assert state.discriminator is not None
    generator, discriminator = weights_of(state.generator), dict(state.discriminator.named_parameters())
    before = {name: weight.detach().clone() for name, weight in discriminator.items()}
    r1_weight = 1.0 if adversarial == "nonsaturating" else 0.0
    objective = Objective(PIXEL, adversarial, 0.5, r1_weight=r1_weight, gradient_penalty_weight=10.0)
    values = STEPS["adversarial"](state, make_batch(), objective)
    assert all(torch.isfinite(value) for name, value in values.items() if name != "d_accuracy")
    assert float(values["gradient_ratio"]) > 0.0
    assert moved(generator, state.generator)
    # A comparison of features leaves alone what turns them into logits. Biases may cancel out between real and fake.
    still = {name for name, weight in discriminator.items() if torch.equal(weight, before[name])}
    last = {name for name in discriminator if "last." in name and adversarial == "multiscale_l1"}
    assert still >= last
    assert all("bias" in name for name in still - last)


@pytest.mark.parametrize("kind", ["patch", "multiscale", "confidence"])
def test_feature_matching_alone_teaches_both(kind: str) -> None:
    alone, matching = make_state(), make_state(kind=kind)
    assert matching.discriminator is not None
    discriminator = weights_of(matching.discriminator)
    STEPS["pixel"](alone, make_batch(), Objective(PIXEL))
    objective = Objective(PIXEL, adversarial_weight=0.0, feature_matching_weight=1.0)
    values = STEPS["adversarial"](matching, make_batch(), objective)
    assert moved(weights_of(alone.generator), matching.generator)
    assert moved(discriminator, matching.discriminator)
    assert float(values["gradient_ratio"]) > 0.0
    assert float(values["adversarial_weight"]) == 0.0


def test_adversarial_weight_zero_gives_the_generator_the_pixel_gradient() -> None:
    alone, beside = make_state(), make_state()
    STEPS["pixel"](alone, make_batch(), Objective(PIXEL))
    STEPS["adversarial"](beside, make_batch(), Objective(PIXEL, adversarial_weight=0.0))
    for expected, seen in zip(alone.generator.parameters(), beside.generator.parameters(), strict=True):
        torch.testing.assert_close(seen, expected)


@pytest.mark.parametrize("adversarial", ["nonsaturating", "hinge", "lsgan", "minimax", "multiscale_l1", "per_class"])
def test_shared_pass_gives_the_gradients_of_two_separate_passes(adversarial: str) -> None:
    state, batch, weight = make_state(kind=kind_for(adversarial)), make_batch(), 0.3
    assert state.discriminator is not None
    reference_g, reference_d = copy.deepcopy(state.generator), copy.deepcopy(state.discriminator)
    signal = SIGNALS[adversarial]

    # The classical way: one pass for the generator, another, with the prediction detached, for the discriminator.
    logits = reference_g(batch.image)
    real, fake = REAL_MASKS["matched"](batch.mask, logits.softmax(dim=1))
    judged = [Judged(*reference_d(batch.image, mask)) for mask in (real, fake)]
    (PIXEL(logits, batch.mask)[0] + weight * signal.g_loss(*judged, batch.mask)).backward()
    reference_d.zero_grad()
    judged = [Judged(*reference_d(batch.image, mask)) for mask in (real, fake.detach())]
    (0.5 * signal.d_loss(*judged, batch.mask)).backward()

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


@pytest.mark.parametrize("adversarial", ["nonsaturating", "multiscale_l1"])
def test_what_lies_under_ignored_pixels_changes_nothing(adversarial: str) -> None:
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
        objective = Objective(PIXEL, adversarial, 0.5, feature_matching_weight=0.5, r1_weight=1.0)
        values = STEPS["adversarial"](state, Batch(image, batch.mask), objective)
        results.append([*values.values(), *state.generator.parameters(), *state.discriminator.parameters()])
    for first, second in zip(*results, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("adversarial", sorted(SIGNALS))
def test_a_batch_without_labels_teaches_nothing(adversarial: str) -> None:
    state, batch = make_state(kind=kind_for(adversarial)), make_batch()
    assert state.discriminator is not None
    generator, discriminator = weights_of(state.generator), weights_of(state.discriminator)
    r1_weight = 0.0 if adversarial == "per_class" else 1.0
    objective = Objective(PIXEL, adversarial, 0.5, r1_weight=r1_weight, gradient_penalty_weight=10.0)
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
