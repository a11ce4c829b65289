"""The run, from a config and a dataset to a trained model: every stage on one screen."""

import contextlib
import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from segan.data.dataset import Sample
from segan.data.samples import TrainingSamples, build_loader
from segan.errors import StoppedError
from segan.evaluation.evaluate import score_samples
from segan.inference.segmenter import Segmenter
from segan.inference.small_regions import min_areas_of
from segan.inference.torch_engine import torch_segmenter
from segan.training.audit import audit_before
from segan.training.checkpoint import save_checkpoint
from segan.training.log import MetricsLog, read_metrics
from segan.training.model_card import save_networks
from segan.training.pictures import draw_curves, draw_samples
from segan.training.run_folder import write_environment
from segan.training.runtime import deterministic_kernels
from segan.training.schedule import adversarial_factor, learning_rate_factor
from segan.training.setup import Setting
from segan.training.signals import StopRequest, listen_for_stop
from segan.training.state import Batch, TrainingState
from segan.training.steps import STEPS
from segan.training.verdict import rate_share, weight_share
from segan.training.watch import (
    can_go_back,
    diverged,
    find_broken_network,
    is_watched,
    look,
    note_step,
    note_validation,
)


@dataclass(frozen=True)
class FitResult:
    """How a run ended.

    Args:
        step: Steps taken.
        best_score: Best validation mean IoU, `None` without a validation split.
        best_step: The step of the saved model.
        elapsed_s: Seconds of training, over all parts of the run.
        ended: `done`, `early_stop` or `time_budget`.
    """

    step: int
    best_score: float | None
    best_step: int
    elapsed_s: float
    ended: str


def fit(setting: Setting, state: TrainingState) -> FitResult:
    """Train to the end.

    Args:
        setting: The run, from `set_up`.
        state: Where it stands; its start or a restored checkpoint.

    Raises:
        StoppedError: A signal came; the state was saved.
        SeganError: The loss or the weights are no longer finite, and there is no state to go back to.
    """
    config, folder, progress = setting.config, setting.folder, state.progress
    kernels = deterministic_kernels(config.training.deterministic, setting.runtime.device)
    with listen_for_stop() as stop, kernels:
        if progress.step == 0:
            save_checkpoint(folder.checkpoints, state)  # It fixes the length of the run.
            if state.discriminator is not None and not folder.audit.exists():
                audit_before(setting)
        elif progress.best_step == progress.step:
            # A kill may have come between the checkpoint of the best step and its files.
            save_networks(folder.best_model, state, config, setting.dataset.labels)
        write_environment(folder, {"device": str(setting.runtime.device), "precision": setting.runtime.precision})
        with MetricsLog(
            folder.metrics,
            keep_until_step=progress.step,
            keep_validation_until_step=progress.validated_step,
            keep_health_until_step=state.health.looked_step,
            tensorboard=folder.root / "tensorboard" if config.training.tensorboard else None,
        ) as log:
            try:
                ended = _loop(setting, state, stop, log)
            except _StopSeenError:
                saved = "everything is saved" if _save(setting, state) else "the last checkpoint stands"
                raise StoppedError(
                    stop.signal_number or 15,
                    f"stopped at step {progress.step} of {progress.total_steps}; {saved}. "
                    f"Go on with: {setting.resume_command}",
                ) from None
        save_networks(folder.last_model, state, config, setting.dataset.labels)
        if progress.best_step is None:
            save_networks(folder.best_model, state, config, setting.dataset.labels)
        draw_curves(folder.plots / "curves.png", read_metrics(folder.metrics))
    best_step = progress.step if progress.best_step is None else progress.best_step
    return FitResult(progress.step, progress.best_score, best_step, progress.elapsed_s, ended)


def _loop(setting: Setting, state: TrainingState, stop: StopRequest, log: MetricsLog) -> str:
    """Take steps until the run ends, and tell why it did."""
    training, progress = setting.config.training, state.progress
    before_s, start = progress.elapsed_s, time.monotonic()
    saved_at = logged_at = start
    logged_step = progress.step
    with (
        contextlib.closing(_batches(setting, state)) as batches,
        setting.display.bar("training", total=progress.total_steps, done=progress.step) as bar,
    ):
        while True:
            progress.elapsed_s = before_s + time.monotonic() - start

            # Watch the health: judge what the steps since the last look told, and act on it.
            if _look_is_due(setting, state):
                look(setting, state, log)

            # Validate, keep the best, and stop where the run is over or a signal came.
            if _validation_is_due(setting, state):
                _validate(setting, state, stop, log)
                logged_at, logged_step = time.monotonic(), progress.step
                progress.elapsed_s = before_s + logged_at - start
            if stop:
                raise _StopSeenError
            ended = _why_over(setting, state)
            if ended:
                _save(setting, state)
                return ended

            # One step: pixel loss alone in the warm-up, both networks after it.
            _set_adversary(setting, state)
            mode = "adversarial" if state.discriminator is not None and state.adversarial_factor > 0.0 else "pixel"
            rate = _set_learning_rates(setting, state)
            batch = next(batches)
            state.generator.train()
            values = STEPS[mode](state, batch, setting.objective)
            progress.step += 1
            if is_watched(setting, state):
                note_step(state, values)

            # Log, and save for resuming.
            if progress.step % training.log_every_steps == 0 or progress.step == progress.total_steps:
                plain = _plain(values)
                _refuse_broken_losses(setting, state, plain)
                now = time.monotonic()
                speed = (progress.step - logged_step) * training.batch_size / max(1e-9, now - logged_at)
                logged_at, logged_step = now, progress.step
                figures = {"mode": mode, "lr": rate, **plain, "images_per_s": round(speed, 3)}
                log.write("step", progress.step, {**figures, "elapsed_s": round(before_s + now - start, 3)})
                bar.advance(progress.step, f"loss {plain['pixel']:.3f}  {speed:.1f} images/s")
            else:
                bar.advance(progress.step)
            if time.monotonic() - saved_at >= training.checkpoint_every_s:
                progress.elapsed_s = before_s + time.monotonic() - start
                _save(setting, state)
                saved_at = time.monotonic()


def _batches(setting: Setting, state: TrainingState) -> Generator[Batch, None, None]:
    """Feed batches from the current step on; the order is a pure function of seed and step."""
    config = setting.config
    samples = TrainingSamples(
        setting.dataset.samples["train"],
        setting.dataset.labels,
        setting.chain,
        preset=config.augmentation.preset,
        rare_class_crops=config.augmentation.rare_class_crops,
        class_pixels=setting.plan.class_pixels.tolist(),
        seed=config.seed,
        cache_mb=config.data.cache_mb,
        sixteen_bit=config.data.sixteen_bit,
    )
    workers = config.data.workers
    if workers is None:
        workers = 0 if setting.runtime.device.type == "cpu" else 8
    with build_loader(
        samples,
        seed=config.seed,
        start_step=state.progress.step,
        steps=state.progress.total_steps,
        batch_size=config.training.batch_size,
        workers=workers,
        pin_memory=setting.runtime.device.type == "cuda",
    ) as loader:
        for item in loader:
            yield Batch(*setting.runtime.to_device(item["image"], item["mask"]))


def _set_adversary(setting: Setting, state: TrainingState) -> None:
    """Set the adversary's part in this step: by the schedule, and by what the watch decided."""
    training, progress, standing = setting.config.training, state.progress, state.health.standing
    ramp = adversarial_factor(
        progress.step,
        progress.total_steps,
        warmup_fraction=training.warmup_fraction,
        ramp_fraction=training.ramp_fraction,
    )
    state.adversarial_factor = ramp * weight_share(standing, setting.bands)
    state.discriminator_rests = progress.step < standing.rest_until
    state.is_inspected = is_watched(setting, state) and (progress.step + 1) % training.log_every_steps == 0


def _set_learning_rates(setting: Setting, state: TrainingState) -> float:
    """Set both learning rates for this step and return the generator's."""
    config, training, progress = setting.config, setting.config.training, state.progress
    factor = learning_rate_factor(
        progress.step,
        progress.total_steps,
        schedule=training.schedule,
        poly_power=training.poly_power,
        lr_warmup_steps=training.lr_warmup_steps,
    )
    for optimizer, peak in (
        (state.optimizer_g, config.optimizer.generator_lr),
        (state.optimizer_d, config.optimizer.discriminator_lr * rate_share(state.health.standing, setting.bands)),
    ):
        for group in optimizer.param_groups if optimizer else ():
            group["lr"] = peak * factor
    return config.optimizer.generator_lr * factor


def _look_is_due(setting: Setting, state: TrainingState) -> bool:
    """Tell whether the watch looks: at logged steps, and before a validation so that it never sees broken networks."""
    step = state.progress.step
    if not is_watched(setting, state) or state.health.looked_step == step:
        return False
    return step % setting.config.training.log_every_steps == 0 or _validation_is_due(setting, state)


def _validation_is_due(setting: Setting, state: TrainingState) -> bool:
    """Tell whether to validate: on a grid, at the end of the warm-up of a watched run, and at the end."""
    progress = state.progress
    on_grid = progress.step % setting.plan.validate_every_steps == 0
    warm = setting.bands is not None and progress.step == setting.bands.adversarial_from
    over = _why_over(setting, state) is not None
    return (on_grid or warm or over) and progress.validated_step != progress.step


def _validate(setting: Setting, state: TrainingState, stop: StopRequest, log: MetricsLog) -> None:
    """Score the averaged generator on the validation split; keep it if it is the best so far or sound."""
    progress, samples = state.progress, setting.dataset.samples.get("val", ())
    segmenter = _segmenter(setting, state)
    score = None
    if samples:
        scores = score_samples(segmenter, _until(stop, samples), setting.dataset.labels)
        score = _or_none(scores.mean_iou)
        per_class = dict(zip(setting.dataset.labels.classes, (float(value) for value in scores.iou), strict=True))
        log.write(
            "validation", progress.step, {"mean_iou": score, "iou": {k: _or_none(v) for k, v in per_class.items()}}
        )
    shown = setting.plan.shown_samples
    picture = setting.folder.samples / f"step_{progress.step:07d}.png"
    draw_samples(picture, segmenter, _until(stop, shown), setting.dataset.labels)
    progress.validated_step = progress.step
    improved = score is not None and (progress.best_score is None or score > progress.best_score)
    if improved:
        progress.best_score, progress.best_step, progress.stale_validations = score, progress.step, 0
    elif score is not None:
        progress.stale_validations += 1
    if note_validation(setting, state, score) or improved:
        _save(setting, state)
    if improved:
        save_networks(setting.folder.best_model, state, setting.config, setting.dataset.labels)
    if score is None:
        return
    minutes = progress.elapsed_s / 60
    mark = "  best so far" if improved else ""
    setting.display.line(
        f"step {progress.step:6d} of {progress.total_steps}  {minutes:5.1f} min  validation mean IoU {score:.4f}{mark}"
    )


def _segmenter(setting: Setting, state: TrainingState) -> Segmenter:
    """Look at the averaged generator through the one way from image to mask."""
    part = setting.config.inference
    return torch_segmenter(
        state.ema.module,
        setting.dataset.labels,
        setting.chain,
        tile_px=part.tile_px,
        overlap=part.overlap,
        tta=part.tta,
        min_area_px=min_areas_of(setting.dataset.labels.classes, part.min_area_px, "inference.min_area_px"),
        device=setting.runtime.device,
        precision=setting.runtime.precision,
        sixteen_bit=setting.config.data.sixteen_bit,
    )


def _until(stop: StopRequest, samples: Sequence[Sample]) -> Iterator[Sample]:
    """Hand out samples until a signal comes, so that a validation never holds up a stop."""
    for sample in samples:
        if stop:
            raise _StopSeenError
        yield sample


def _why_over(setting: Setting, state: TrainingState) -> str | None:
    progress, training = state.progress, setting.config.training
    if progress.step >= progress.total_steps:
        return "done"
    patience = training.early_stop_validations
    if patience is not None and progress.stale_validations >= patience:
        return "early_stop"
    if training.max_minutes is not None and progress.elapsed_s > 60 * training.max_minutes:
        return "time_budget"
    return None


def _plain(values: dict[str, Tensor]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in values.items()}


def _refuse_broken_losses(setting: Setting, state: TrainingState, plain: dict[str, float]) -> None:
    """Refuse to go on from a loss that is no number, where the watch has no state to go back to."""
    for name in ("pixel", "d_loss"):
        if not math.isfinite(plain.get(name, 0.0)) and not can_go_back(setting, state):
            raise diverged(f"{name} loss at step {state.progress.step}: seen {plain[name]}")


def _save(setting: Setting, state: TrainingState) -> bool:
    """Write a checkpoint, unless the weights are past saving: the generations before stay as they are.

    Returns:
        Whether it was written. Where the watch has a state to go back to, it does at its next look.
    """
    broken = find_broken_network(state)
    if broken is None:
        save_checkpoint(setting.folder.checkpoints, state)
    elif not can_go_back(setting, state):
        raise diverged(f"{broken} at step {state.progress.step}: seen weights that are no numbers")
    return broken is None


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


class _StopSeenError(Exception):
    """A signal was seen; unwinds to the place that saves."""
