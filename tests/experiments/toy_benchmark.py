"""A benchmark small enough for tests, and finished cells without any training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from segan.evaluation.result import Evaluation, ImageCounts, write_evaluation
from segan.experiments.benchmark_file import BenchmarkFile
from segan.experiments.cells import Cell, cell_folder, plan_cells
from segan.experiments.perform import FIGURES, SCORES, _scores
from segan.files import write_json

TINY = {
    "preprocessing": [{"name": "resize", "mode": "crop", "height": 32, "width": 32}, {"name": "normalize"}],
    "generator.encoder": "mobilenet_v2",
    "generator.weights": "none",
    "generator.options": {"encoder_depth": 3, "decoder_channels": [16, 8, 8]},
    "discriminator.channels": 4,
    "discriminator.depth": 2,
    "training.steps": 3,
    "training.batch_size": 2,
    "training.log_every_steps": 1,
    "training.validate_every_steps": 100,
}
DRAWN = {"train": 4, "val": 1, "test": 3, "size": [48, 48]}


def toy_tree(**changes: Any) -> dict[str, Any]:
    return {"datasets": {"toy": {"drawn": DRAWN}}, "seeds": [0, 1], "set": TINY, "methods": {"unet": {}}, **changes}


def write_toy(path: Path, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump(toy_tree(**changes), sort_keys=False), encoding="utf-8")
    return path


def toy_cells(**changes: Any) -> list[Cell]:
    return plan_cells(BenchmarkFile.model_validate(toy_tree(**changes)))


def toy_evaluation(hits: list[int]) -> Evaluation:
    """Images of 10 pixels, 5 of each of two classes; so many of the first class are found, the second always."""
    counts = [
        ImageCounts(f"{index:02d}", (2, 5), np.array([[hit, 5 - hit], [0, 5]], np.int64))
        for index, hit in enumerate(hits)
    ]
    return Evaluation(("wall", "cell"), tuple(counts), "test")


def finish(out: Path, cell: Cell, hits: list[int], **figures: Any) -> None:
    """Write what a finished cell leaves behind."""
    evaluation, folder = toy_evaluation(hits), cell_folder(out, cell)
    write_evaluation(evaluation, folder / SCORES)
    machine = {"device": "cpu", "processor": "toy", "threads": 2, "torch": "2", "segan": "0"}
    own = {"training_minutes": 4.0, "steps": 100, "parameters": 2_000_000, "macs": 3_500_000_000, "ended": "done"}
    write_json(folder / FIGURES, {**_scores(evaluation), **machine, **own, "wall_minutes": 5.0, **figures})


def read_figures(out: Path, cell: Cell) -> dict[str, Any]:
    return dict(json.loads((cell_folder(out, cell) / FIGURES).read_text(encoding="utf-8")))
