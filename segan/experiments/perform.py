"""One cell, from its config to its score, in the process that calls it."""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segan.baselines import fit_baseline
from segan.data.dataset import Dataset
from segan.data.images import read_image
from segan.data.source import Source
from segan.evaluation.evaluate import evaluate_model
from segan.evaluation.measures import choose_measures
from segan.evaluation.result import Evaluation, write_evaluation
from segan.evaluation.selection import select_samples
from segan.experiments.cells import Cell
from segan.experiments.measure import TimedPredictor, count_macs, machine, peak_memory_mib, training_speed
from segan.experiments.sources import scan_data
from segan.files import write_json
from segan.inference.devices import choose_device
from segan.inference.load import load_segmenter
from segan.inference.segmenter import Predictor
from segan.inference.torch_engine import torch_engine
from segan.models import ENCODERLESS, count_parameters
from segan.training.display import Display
from segan.training.fit import fit
from segan.training.log import read_metrics
from segan.training.run_folder import RunFolder
from segan.training.setup import set_up

FIGURES = "figures.json"
SCORES = "evaluation"
_TRAINING = "training.json"
TEST = "test"
_FAMILIES = ("boundary", "structure")  # Beside the confusion matrix, whose figures see neither edges nor connections.

# Keys of `metrics.json` that have a column of their own, or are no figures.
_OWN_COLUMNS = {
    "mean_iou", "pixel_accuracy", "iou", "dice", "precision", "recall", "confusion_matrix", "images", "split",
    "classes", "convention", "intervals",
}  # fmt: skip


def perform_cell(cell: Cell, folder: Path, *, device: str, display: Display) -> dict[str, Any]:
    """Train or fit, score the test split or the cell's own, and write `figures.json`, which marks the cell as done.

    Called again after a stop, a network goes on from its checkpoint; a finished training is not repeated.

    Args:
        cell: What to do.
        folder: Of the cell; gets `run/`, without checkpoints in the end, `evaluation/` and `figures.json`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        display: Where news go.

    Raises:
        StoppedError: A signal came while training; the state is saved.
        SeganError: Anything that `segan train` or `segan evaluate` would end with.
    """
    start = time.monotonic()
    if cell.baseline is not None:
        figures = _perform_baseline(cell, cell.baseline, folder)
    else:
        figures = _perform_network(cell, folder, device, display)
    figures["wall_minutes"] = round((time.monotonic() - start) / 60, 3)
    write_json(folder / FIGURES, figures)
    # Nobody goes on with a finished cell: its models stay, and its checkpoints, which take several times as much, go.
    shutil.rmtree(RunFolder(folder / "run").checkpoints, ignore_errors=True)
    return figures


def _perform_network(cell: Cell, folder: Path, device: str, display: Display) -> dict[str, Any]:
    run = folder / "run"
    trained = _train(cell, folder, device, display)
    segmenter = load_segmenter(run, device)
    engine = torch_engine(segmenter)
    data = cell.config.data
    source = Source.of_dataset(Path(data.root or "."))
    split = cell.split or TEST
    chosen = select_samples(source, split, card=data.card, run=run, model_labels=segmenter.labels)
    timed = TimedPredictor(segmenter)
    scored = Dataset(source.images, {split: chosen.samples}, chosen.labels, chosen.source)
    evaluation = _score(timed, scored, split, folder)
    image = read_image(chosen.samples[0].image, sixteen_bit=segmenter.sixteen_bit)
    part = cell.config.generator
    return {
        **_scores(evaluation),
        **trained,
        "encoder": "" if part.architecture in ENCODERLESS else part.encoder,
        "architecture": part.architecture,
        "weights": part.weights,
        "parameters": count_parameters(engine.network),
        "macs": count_macs(segmenter, image),
        "macs_image": f"{image.shape[0]}x{image.shape[1]}",
        "predict_images_per_s": timed.images_per_s,
        **machine(engine.where),
    }


def _train(cell: Cell, folder: Path, device: str, display: Display) -> dict[str, Any]:
    """Train as `segan train --resume` does, and keep what is known at the end of it."""
    record, run = folder / _TRAINING, folder / "run"
    if record.exists():
        return dict(json.loads(record.read_text(encoding="utf-8")))
    again = "the segan benchmark command that made it"
    setting, state = set_up(cell.config, run, resume=True, device=device, display=display, resume_command=again)
    result = fit(setting, state)
    facts = {
        "training_minutes": result.elapsed_s / 60,
        "steps": result.step,
        "best_step": result.best_step,
        "validation_mean_iou": result.best_score,
        "ended": result.ended,
        "precision": setting.runtime.precision,
        "train_images_per_s": training_speed(read_metrics(RunFolder(run).metrics)),
        **peak_memory_mib(setting.runtime.device),
    }
    write_json(record, facts)
    return facts


def _perform_baseline(cell: Cell, method: str, folder: Path) -> dict[str, Any]:
    dataset = scan_data(cell.config)
    samples = dataset.samples["train"]
    model = fit_baseline(
        method,
        samples,
        dataset.labels,
        seed=cell.seed,
        max_images=cell.max_images,
        sixteen_bit=cell.config.data.sixteen_bit,
    )
    timed = TimedPredictor(model)
    evaluation = _score(timed, dataset, cell.split or TEST, folder)
    cpu = choose_device("cpu")
    return {
        **_scores(evaluation),
        "training_minutes": model.fit_s / 60,
        "train_images": model.images,
        "settings": dict(model.settings),
        "ended": "done",
        "predict_images_per_s": timed.images_per_s,
        **peak_memory_mib(cpu),
        **machine(cpu),
    }


def _score(model: Predictor, dataset: Dataset, split: str, folder: Path) -> Evaluation:
    measures = choose_measures(_FAMILIES, dataset.labels.classes)
    evaluation = evaluate_model(model, dataset.samples[split], dataset.labels, split=split, measures=measures)
    write_evaluation(evaluation, folder / SCORES)
    return evaluation


def _scores(evaluation: Evaluation) -> dict[str, Any]:
    content = evaluation.to_json()
    low, high = content["intervals"]["mean_iou"] or (None, None)
    return {
        "images": evaluation.images,
        "mean_iou": content["mean_iou"],
        "mean_iou_low": low,
        "mean_iou_high": high,
        "pixel_accuracy": content["pixel_accuracy"],
        "iou": content["iou"],
        "more": further_figures(content),
    }


def further_figures(content: Mapping[str, Any]) -> dict[str, float]:
    """Name the numbers of `metrics.json` that have no column of their own, by dotted keys.

    >>> further_figures({"mean_iou": 0.5, "boundary": {"f1": {"2px": 0.25}, "convention": "..."}})
    {'boundary.f1.2px': 0.25}
    """
    found: dict[str, float] = {}
    for name, value in content.items():
        if name in _OWN_COLUMNS:
            continue
        if isinstance(value, Mapping):
            found |= {f"{name}.{key}": number for key, number in further_figures(value).items()}
        elif isinstance(value, float):
            found[name] = value
    return found
