"""Watch over an adversarial run: note its steps, act on the verdicts, and keep a state to go back to."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from segan.errors import CheckpointError, SeganError
from segan.training.checkpoint import read_checkpoint, restore_networks, save_checkpoint
from segan.training.health import Anchor, is_sound
from segan.training.log import MetricsLog
from segan.training.readings import CHECKED, LOSSES, add_step, merge_readings, take_reading
from segan.training.setup import Setting
from segan.training.state import TrainingState
from segan.training.verdict import Event, is_judged, judge


def is_watched(setting: Setting, state: TrainingState) -> bool:
    """Tell whether the run may still do something about its health: it is adversarial and did not fall back."""
    return setting.bands is not None and state.health.standing.fell_back_at is None


def can_go_back(setting: Setting, state: TrainingState) -> bool:
    """Tell whether a state is kept that broken networks can be replaced by."""
    return is_watched(setting, state) and state.health.anchor is not None


def note_step(state: TrainingState, values: dict[str, Tensor]) -> None:
    """Add a step to the sums.

    Args:
        state: The run; its `health` changes.
        values: What the step returned; `class_pixels`, which is no scalar, is taken out.
    """
    health = state.health
    health.total = add_step(health.total, values)
    health.steps += 1
    if "class_pixels" in values:
        health.inspected = {"class_pixels": values.pop("class_pixels"), "entropy": values["entropy"]}


def look(setting: Setting, state: TrainingState, log: MetricsLog) -> None:
    """Read the sums since the last look, judge them, act, and write down what was seen and done.

    Raises:
        SeganError: The networks are broken and no state is kept that could replace them.
    """
    health, bands, step = state.health, setting.bands, state.progress.step
    health.looked_step = step
    if bands is None or health.total is None:
        return
    # With loss scaling gradients overflow now and then, and such steps are skipped.
    checked = LOSSES if state.scaler.is_enabled() else CHECKED
    reading = take_reading(health.total, health.steps, health.inspected, checked=checked)
    health.total, health.steps, health.inspected = None, 0, {}
    broken = find_broken_network(state)
    health.looks.append(replace(reading, broken=[*reading.broken, f"weights of the {broken}"]) if broken else reading)
    events: list[Event] = []
    if step > bands.adversarial_from:
        health.standing, events = judge(health.standing, health.looks, health.anchor, bands, step)
    if events or is_judged(health.looks, bands):
        health.latest = merge_readings(health.looks)
        health.looks.clear()
    for event in events:
        back = _go_back(setting, state) if event.goes_back else None
        _tell(setting, log, step, event, back)
        if event.goes_back:
            save_checkpoint(setting.folder.checkpoints, state)


def note_validation(setting: Setting, state: TrainingState, score: float | None) -> bool:
    """Compare a validation with the end of the warm-up, and decide whether to keep this state to go back to.

    Args:
        setting: The run.
        state: Where it stands; its `health` changes.
        score: Validation mean IoU; `None` without a validation split.

    Returns:
        Whether the caller has to save a checkpoint, which is then kept.
    """
    health, bands, step = state.health, setting.bands, state.progress.step
    if bands is None or not is_watched(setting, state) or step < bands.adversarial_from:
        return False
    if find_broken_network(state) is not None:
        return False
    reading = merge_readings(health.looks) if health.looks else health.latest
    if health.anchor is None:
        health.anchor, health.good_step = Anchor(step, score, reading), step
        health.looks, health.latest = [], None  # Steps with and without an adversary do not mix in a window.
        return True
    sound = is_sound(score, reading, health.anchor, bands)
    if score is not None:
        health.standing = replace(health.standing, low_scores=0 if sound else health.standing.low_scores + 1)
    if sound:
        health.good_step = step
    return sound


def find_broken_network(state: TrainingState) -> str | None:
    """Name a network with weights that are no finite numbers, at the cost of one look at the device."""
    for name, network in (("generator", state.generator), ("discriminator", state.discriminator)):
        weights = [] if network is None else [weight.detach() for weight in network.parameters()]
        if weights and not bool(torch.stack(torch._foreach_norm(weights)).isfinite().all()):
            return name
    return None


def diverged(seen: str) -> SeganError:
    """Say that the run cannot go on."""
    return SeganError(
        f"{seen}, expected finite ones. A resumed run would end the same: start again with another --out and a lower "
        "optimizer.generator_lr or optimizer.discriminator_lr, or with training.precision=fp32."
    )


def _go_back(setting: Setting, state: TrainingState) -> int | None:
    """Put back the networks of the newest kept state that is whole.

    Returns:
        Its step; `None` where there is none and the networks stay as they are.

    Raises:
        SeganError: There is none, and they are broken.
    """
    for step in state.health.kept_steps:
        try:
            tensors, facts = read_checkpoint(setting.folder.checkpoints, step)
            restore_networks(state, tensors, facts)
        except CheckpointError as error:
            setting.display.warn(f"{error} Going back further.")
            continue
        return step
    broken = find_broken_network(state)
    if broken is not None:
        raise diverged(f"{broken} at step {state.progress.step}: seen weights that are no numbers")
    return None


def _tell(setting: Setting, log: MetricsLog, step: int, event: Event, back: int | None) -> None:
    done = event.done if back is None else f"{event.done}, from the state of step {back}"
    facts = {"action": event.action, "finding": event.finding, "seen": event.seen, "done": done}
    band = None if event.band is None else [end if math.isfinite(end) else None for end in event.band]
    window = None if setting.bands is None else setting.bands.window_steps
    log.write("health", step, {**facts, "band": band, "window_steps": window})
    expected = "" if event.band is None else f", expected {_words(event.band)}"
    show = setting.display.warn if event.action in {"roll_back", "fall_back"} else setting.display.line
    show(f"health at step {step}: {event.finding}{expected}; {done}")


def _words(band: tuple[float, float]) -> str:
    low, high = band
    if not math.isfinite(high):
        return f"{low:.2g} or more"
    return f"{high:.2g} or less" if low == 0.0 else f"{low:.2g} to {high:.2g}"
