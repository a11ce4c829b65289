"""A run folder without a training: a network of random weights on a small drawn dataset."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from segan.data.dataset import Dataset, scan_dataset
from segan.data.drawing import draw_dataset
from segan.data.labels import dump_labels
from segan.inference.model_file import ModelMeta, save_model
from segan.models import build_generator

CONFIG = """\
seed: 5
data: {{root: '{root}'}}
generator: {{architecture: segnet, encoder: none, weights: none}}
loss: {{adversarial: hinge, adversarial_weight: 0.01}}
training: {{batch_size: 2}}
"""


@dataclass(frozen=True)
class ToyRun:
    """Paths of a run and of its data."""

    run: Path
    data: Path
    dataset: Dataset


def make_run(folder: Path, *, test: int = 5) -> ToyRun:
    """Draw the data and write what a training leaves."""
    data, run = folder / "data", folder / "run"
    draw_dataset(data, train=3, val=2, test=test, size=(32, 40), seed=2)
    dataset = scan_dataset(data)
    options = {"channels": [2, 2, 2, 2, 2]}
    torch.manual_seed(0)
    network = build_generator("segnet", "none", num_classes=5, options=options)
    meta = ModelMeta("segnet", "none", options, 0.0, dump_labels(dataset.labels), [{"name": "normalize"}])
    save_model(run / "model.safetensors", network.state_dict(), meta)
    (run / "config.yaml").write_text(CONFIG.format(root=data))
    (run / "split.json").write_text(json.dumps(dataset.split_json()))
    (run / "environment.json").write_text(
        json.dumps([{"command": ["/bin/segan", "train"], "packages": {"torch": "2"}}])
    )
    lines = [{"kind": "step", "step": step, "mode": "pixel", "pixel": 1.0 / step, "elapsed_s": 1.0} for step in (1, 2)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return ToyRun(run, data, dataset)
