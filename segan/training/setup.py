"""From a config to everything a run needs: data checked, networks chosen, length fixed."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segan.config import Config
from segan.data.check import check_dataset, raise_for_problems
from segan.data.dataset import Dataset, scan_dataset, scan_folders
from segan.data.images import image_size
from segan.data.preprocess import Chain, build_chain
from segan.errors import UsageError
from segan.files import write_json, write_text_atomically
from segan.training.budget import Estimate, measure
from segan.training.build import build_objective
from segan.training.checkpoint import read_newest_checkpoint
from segan.training.display import Display
from segan.training.objective import Objective
from segan.training.plan import Plan, build_plan, configured_steps, number_of_validations
from segan.training.run_folder import RunFolder, open_run
from segan.training.runtime import Runtime, build_runtime


@dataclass(frozen=True)
class Setting:
    """What stays the same while a run trains."""

    config: Config
    folder: RunFolder
    dataset: Dataset
    chain: Chain
    runtime: Runtime
    objective: Objective
    plan: Plan
    display: Display


def set_up(config: Config, out: Path, *, resume: bool, device: str, display: Display, dry_run: bool = False) -> Setting:
    """Check the data, open the run folder and fix the plan of a run.

    Everything that can be wrong is found before the folder is made, and nothing is written in a dry run.

    Args:
        config: The run.
        out: The run folder.
        resume: Go on with the run in `out`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        display: Where news go.
        dry_run: Only tell what would happen, with an estimate of the time.

    Raises:
        UsageError: The folder is taken, or no data are named.
        DataError: All problems of the dataset.
        ConfigError: A name in the config is unknown.
    """
    chain = build_chain(config.preprocessing)
    runtime = build_runtime(device, config.training.precision, channels_last=config.training.channels_last)
    folder = RunFolder(out)
    dataset = _scan(config, folder, resume=resume)
    report = check_dataset(dataset)
    for warning in report.warnings:
        display.warn(warning)
    raise_for_problems(report)
    class_pixels = report.class_pixels("train")
    present_pixels = report.statistics.present_pixels["train"]
    objective = build_objective(config, class_pixels, runtime.device, present_pixels=present_pixels)
    _describe(dataset, display)
    total_steps = _fix_length(
        config, folder, dataset, objective, chain, runtime, display, resume=resume, dry_run=dry_run
    )
    if not dry_run:
        folder = open_run(out, config, resume=resume)
        if not folder.split.exists():
            write_json(folder.split, dataset.split_json())
            write_text_atomically(folder.dataset, dataset.labels.to_yaml())
    plan = build_plan(config, dataset, class_pixels, total_steps)
    return Setting(config, folder, dataset, chain, runtime, objective, plan, display)


def _scan(config: Config, folder: RunFolder, *, resume: bool) -> Dataset:
    """Find the samples; a resumed run takes the very split it began with."""
    data = config.data
    split = None
    if resume and folder.split.exists():
        split = json.loads(folder.split.read_text(encoding="utf-8"))
    scan = functools.partial(
        scan_dataset if data.root is not None else scan_folders,
        card=data.card,
        val=data.split.val,
        test=data.split.test,
        seed=data.split.seed,
        split=split,
    )
    if data.root is not None:
        return scan(Path(data.root))
    if data.images is not None and data.masks is not None:
        return scan(Path(data.images), Path(data.masks))
    raise UsageError(
        "no data are named: expected a dataset folder, or a folder of images and one of masks. "
        "Add --data DIR, or --images DIR --masks DIR."
    )


def _describe(dataset: Dataset, display: Display) -> None:
    counts = ", ".join(f"{name} {len(samples)}" for name, samples in dataset.samples.items() if samples)
    display.line(f"data: {counts} images; {dataset.split_source}")
    display.line(f"classes: {', '.join(dataset.labels.classes)}; {dataset.labels.understood}")


def _fix_length(
    config: Config,
    folder: RunFolder,
    dataset: Dataset,
    objective: Objective,
    chain: Chain,
    runtime: Runtime,
    display: Display,
    *,
    resume: bool,
    dry_run: bool,
) -> int:
    """Decide the number of steps: that of the resumed run, the configured one, or what fits the time budget."""
    found = read_newest_checkpoint(folder.checkpoints) if resume else None
    if found is not None:
        return int(found[1]["progress"]["total_steps"])
    train = dataset.samples["train"]
    wanted = configured_steps(config, len(train))
    budget = config.training.max_minutes
    if budget is None and not dry_run:
        return wanted
    estimate = _estimate(config, dataset, objective, chain, runtime)
    warmup = config.training.warmup_fraction if objective.is_adversarial else 1.0
    images = len(dataset.samples.get("val", ()))
    validations = number_of_validations(config, wanted)
    steps = wanted
    if budget is not None:
        fitting = estimate.steps_within(
            60 * budget, warmup_fraction=warmup, validations=validations, validation_images=images
        )
        steps = min(wanted, fitting)
    seconds = estimate.run_s(steps, warmup_fraction=warmup, validations=validations, validation_images=images)
    cut = f", cut from {wanted} to fit {budget:g} minutes" if steps < wanted and budget is not None else ""
    display.line(
        f"plan: {steps} steps of {config.training.batch_size} images{cut}; estimated {seconds / 60:.1f} minutes "
        f"({estimate.pixel_step_s:.2f} s a pixel step, {estimate.adversarial_step_s:.2f} s an adversarial step)"
    )
    return steps


def _estimate(config: Config, dataset: Dataset, objective: Objective, chain: Chain, runtime: Runtime) -> Estimate:
    """Time steps at the size of training samples, and scale validation to whole images."""
    example = (dataset.samples.get("val") or dataset.samples["train"])[0]
    placed = chain.place(image_size(example.image))
    whole = placed.canvas
    sample = chain.crop_size or whole
    estimate = measure(config, objective, len(dataset.labels.classes), runtime, sample)
    return estimate.for_image(sample_px=int(np.prod(sample)), image_px=int(np.prod(whole)))
