"""From a config to everything a run needs: data checked, networks chosen, length fixed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from segan.config import Config
from segan.data.check import check_dataset, raise_for_problems
from segan.data.dataset import Dataset
from segan.data.images import image_size
from segan.data.preprocess import Chain, build_chain
from segan.data.source import Source
from segan.errors import ConfigError, UsageError
from segan.files import refuse_inside, write_json, write_text_atomically
from segan.inference.small_regions import min_areas_of
from segan.training.budget import Estimate, measure, steps_within
from segan.training.build import build_objective, build_state, describe_networks
from segan.training.checkpoint import machine_facts, read_newest_checkpoint, restore_state
from segan.training.display import Display
from segan.training.health import Bands
from segan.training.log import check_tensorboard
from segan.training.objective import Objective
from segan.training.plan import Plan, build_bands, build_plan, configured_steps, number_of_validations
from segan.training.run_folder import RunFolder, check_run_folder, start_run_folder
from segan.training.runtime import Runtime, build_runtime, deterministic_kernels
from segan.training.state import TrainingState


@dataclass(frozen=True)
class Setting:
    """What stays the same while a run trains.

    `estimated_s` is what the whole run will take, where it was measured: in a dry run or for a time budget. `bands` are
    of a healthy run; `None` where there is nothing to watch.
    """

    config: Config
    folder: RunFolder
    dataset: Dataset
    chain: Chain
    runtime: Runtime
    objective: Objective
    plan: Plan
    display: Display
    resume_command: str
    estimated_s: float | None = None
    bands: Bands | None = None


def set_up(
    config: Config,
    out: Path,
    *,
    resume: bool,
    device: str,
    display: Display,
    dry_run: bool = False,
    resume_command: str | None = None,
) -> tuple[Setting, TrainingState]:
    """Check the data, build the networks, open the run folder and fix the plan of a run.

    Everything that can be wrong is found before the folder is made, and nothing is written in a dry run.

    Args:
        config: The run.
        out: The run folder.
        resume: Go on with the run in `out`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        display: Where news go.
        dry_run: Only tell what would happen, with an estimate of the time.
        resume_command: What a user types to go on after a stop; `None` for `segan train`.

    Returns:
        What stays the same, and the state to train, at its start or where the newest checkpoint stands.

    Raises:
        UsageError: The folder is taken, or no data are named.
        DataError: All problems of the dataset.
        ConfigError: A name in the config is unknown.
    """
    chain = build_chain(config.preprocessing)
    runtime = build_runtime(device, config.training.precision, channels_last=config.training.channels_last)
    folder = RunFolder(out)
    named = (config.data.root, config.data.images, config.data.masks)
    refuse_inside(out, [Path(place) for place in named if place is not None])
    check_run_folder(folder, config, resume=resume)
    if config.training.tensorboard:
        check_tensorboard()
    dataset = _scan(config, folder, resume=resume)
    report = check_dataset(dataset, sixteen_bit=config.data.sixteen_bit)
    for warning in report.warnings:
        display.warn(warning)
    raise_for_problems(report)
    _check_sample_sizes(config, chain, dataset)
    min_areas_of(dataset.labels.classes, config.inference.min_area_px, "inference.min_area_px")  # Now, not at the end.
    class_pixels = report.class_pixels("train")
    present_pixels = report.statistics.present_pixels["train"]
    objective = build_objective(config, class_pixels, runtime.device, present_pixels=present_pixels)
    _describe(dataset, display)
    found = _find_checkpoint(folder, runtime, display) if resume else None
    estimated_s = None
    if found is not None:
        total_steps = int(found[1]["progress"]["total_steps"])
    else:
        total_steps, estimated_s = _fix_length(config, dataset, objective, chain, runtime, display, estimated=dry_run)
    state = build_state(config, len(dataset.labels.classes), runtime, total_steps, from_checkpoint=found is not None)
    display.line(describe_networks(config, state))
    if found is not None:
        restore_state(state, *found)
        display.line(f"resumed at step {state.progress.step} of {total_steps}")
    if not dry_run:
        start_run_folder(folder, config)
        if not folder.split.exists():
            write_text_atomically(folder.dataset, dataset.labels.to_yaml())
            write_json(folder.split, dataset.split_json())
    plan = build_plan(config, dataset, class_pixels, total_steps)
    bands = build_bands(config, total_steps, dataset.labels.classes)
    command = resume_command or f"segan train --resume --out {out}"
    setting = Setting(config, folder, dataset, chain, runtime, objective, plan, display, command, estimated_s, bands)
    return setting, state


def _check_sample_sizes(config: Config, chain: Chain, dataset: Dataset) -> None:
    """Refuse images of several sizes where nothing brings them to the one that a batch needs."""
    if chain.crop_size is not None or config.training.batch_size == 1:
        return
    sizes = sorted({chain.place(image_size(sample.image)).canvas for sample in dataset.samples["train"]})
    if len(sizes) > 1:
        shown = ", ".join(f"{height}x{width}" for height, width in sizes[:3])
        raise ConfigError(
            f"preprocessing: training images of {len(sizes)} sizes ({shown}, ...), expected one in a batch. Add a "
            "`resize` step of mode crop, letterbox or stretch, or set training.batch_size=1."
        )


def _find_checkpoint(
    folder: RunFolder, runtime: Runtime, display: Display
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read the newest checkpoint that is whole, and tell what is not as it was."""
    found = read_newest_checkpoint(folder.checkpoints)
    if found is None:
        # A checkpoint is written before either, so somebody took them away: from here a run would start over.
        kept = [path for path in (folder.best_model, folder.last_model) if path.exists()]
        if kept:
            raise UsageError(
                f"--resume {folder.root}: no checkpoint seen beside {kept[0].name}, expected one to go on from. "
                "Train with another --out; this run stays as it is."
            )
        return None
    tensors, facts, damage = found
    for line in damage:
        display.warn(f"{line} Going on from the generation before.")
    changed = [f"{facts[name]} {name}, now {now}" for name, now in machine_facts(runtime).items() if facts[name] != now]
    if changed:
        display.warn(
            f"this run used {'; '.join(changed)}: the result is as good, but not bit for bit that of an uninterrupted "
            "run."
        )
    return tensors, facts


def _scan(config: Config, folder: RunFolder, *, resume: bool) -> Dataset:
    """Find the samples; a resumed run takes the very split it began with."""
    data = config.data
    split = None
    if resume and folder.split.exists():
        split = json.loads(folder.split.read_text(encoding="utf-8"))
    root, images, masks = (Path(place) if place is not None else None for place in (data.root, data.images, data.masks))
    rule = data.split
    source = Source.choose(root, images, masks)
    return source.scan(data.card, val=rule.val, test=rule.test, seed=rule.seed, split=split)


def _describe(dataset: Dataset, display: Display) -> None:
    counts = ", ".join(f"{name} {len(samples)}" for name, samples in dataset.samples.items() if samples)
    display.line(f"data: {counts} images; {dataset.split_source}")
    display.line(f"classes: {', '.join(dataset.labels.classes)}; {dataset.labels.understood}")


def _fix_length(
    config: Config,
    dataset: Dataset,
    objective: Objective,
    chain: Chain,
    runtime: Runtime,
    display: Display,
    *,
    estimated: bool,
) -> tuple[int, float | None]:
    """Decide the number of steps, the configured one or what fits the time budget, and estimate their seconds."""
    train = dataset.samples["train"]
    wanted = configured_steps(config, len(train))
    budget = config.training.max_minutes
    if budget is None and not estimated:
        return wanted, None
    estimate = _estimate(config, dataset, objective, chain, runtime)
    warmup = config.training.warmup_fraction if config.loss.is_adversarial else 1.0
    images = len(dataset.samples.get("val", ()))

    def run_s(steps: int) -> float:
        validations = number_of_validations(config, steps)
        return estimate.run_s(steps, warmup_fraction=warmup, validations=validations, validation_images=images)

    steps = wanted if budget is None else steps_within(60 * budget, wanted, run_s)
    seconds = run_s(steps)
    cut = f", cut from {wanted} to fit {budget:g} minutes" if steps < wanted and budget is not None else ""
    display.line(
        f"plan: {steps} steps of {config.training.batch_size} images{cut}; estimated {seconds / 60:.1f} minutes "
        f"({estimate.pixel_step_s:.2f} s a pixel step, {estimate.adversarial_step_s:.2f} s an adversarial step)"
    )
    return steps, seconds


def _estimate(config: Config, dataset: Dataset, objective: Objective, chain: Chain, runtime: Runtime) -> Estimate:
    """Time steps at the size of training samples, and scale validation to whole images."""
    example = (dataset.samples.get("val") or dataset.samples["train"])[0]
    placed = chain.place(image_size(example.image))
    whole = placed.canvas
    sample = chain.crop_size or whole
    with deterministic_kernels(config.training.deterministic, runtime.device):
        estimate = measure(config, objective, len(dataset.labels.classes), runtime, sample)
    return estimate.for_image(sample_px=int(np.prod(sample)), image_px=int(np.prod(whole)))
