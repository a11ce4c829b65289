"""Broken adversaries against the watch: what a run loses when its discriminator is spoilt on purpose.

Each arm trains the demo on drawn data, over several seeds; scores are of the test split, differences paired by seed.
All arms are config keys but `swapped labels`, which patches the discriminator's loss here, as no config can. To repeat:
`python benchmarks/sabotage.py --out benchmarks/results/sabotage_cpu.json --work runs/sabotage`

Stopped, it goes on with the same command. `--unwatched` trains the spoilt arms without the watch, for comparison.
"""

import argparse
import contextlib
import json
import platform
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from segan.commands.demo import IMAGES
from segan.config import load_config
from segan.data.drawing import draw_dataset
from segan.evaluation.evaluate import evaluate_model
from segan.inference.load import load_segmenter
from segan.losses.signals import SIGNALS, Judged
from segan.training.display import Display
from segan.training.fit import fit
from segan.training.log import read_metrics
from segan.training.setup import set_up

SWAPPED = "swapped labels"
ARMS: dict[str, dict[str, object]] = {
    "pixel-only": {"loss.adversarial_weight": 0},
    "adversarial": {},
    "rate x100": {"optimizer.discriminator_lr": 5e-2},
    "one-hot": {"loss.real_masks": "onehot"},
    "shuffled": {"discriminator.control": "shuffled"},
    # With matched masks it would hardly learn the wrong way round, so it gets the leak too.
    SWAPPED: {"loss.real_masks": "onehot"},
}


@contextlib.contextmanager
def swapped_labels(name: str, *, active: bool) -> Iterator[None]:
    """Let the discriminator of an adversarial loss learn with true and predicted masks exchanged."""
    signal = SIGNALS[name]

    def d_loss(real: Judged, fake: Judged, target: Tensor) -> Tensor:
        return signal.d_loss(fake, real, target)

    spoilt = {name: replace(signal, d_loss=d_loss)} if active else {}
    with mock.patch.dict(SIGNALS, spoilt):
        yield


def train_arm(arm: str, seed: int, work: Path, overrides: list[str], *, watched: bool) -> dict[str, Any]:
    """Train and score one arm with one seed; a finished run is not repeated."""
    data, run = work / "data", work / arm.replace(" ", "_") / f"seed_{seed}"
    extra = {**ARMS[arm], "data.root": str(data), "seed": seed, "training.max_minutes": None}
    config = load_config("demo", overrides, extra={**extra, "health.enabled": watched})
    with swapped_labels(config.loss.adversarial, active=arm == SWAPPED):
        setting, state = set_up(config, run, resume=True, device="auto", display=Display(quiet=True))
        result = fit(setting, state)
    samples, labels = setting.dataset.samples["test"], setting.dataset.labels
    lines = [line for line in read_metrics(setting.folder.metrics) if line["kind"] == "health"]
    return {
        "arm": arm,
        "seed": seed,
        "test_mean_iou": evaluate_model(load_segmenter(run, "auto"), samples, labels, split="test").mean_iou,
        "validation_mean_iou": result.best_score,
        "best_step": result.best_step,
        "steps": result.step,
        "health": [{name: line[name] for name in ("step", "action", "finding", "done")} for line in lines],
    }


def summarise(runs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Average each arm over its seeds, and its difference to the pixel-only run of the same seed, in points."""
    scores = {(run["arm"], run["seed"]): 100 * run["test_mean_iou"] for run in runs}
    table = {}
    for arm in dict.fromkeys(arm for arm, _ in scores):
        seeds = [seed for name, seed in scores if name == arm and ("pixel-only", seed) in scores]
        differences = [scores[arm, seed] - scores["pixel-only", seed] for seed in seeds]
        table[arm] = {
            "test_mean_iou": statistics.fmean(scores[arm, seed] for seed in seeds),
            "minus_pixel_only": statistics.fmean(differences),
            "lowest_difference": min(differences),
        }
    return table


def report(runs: list[dict[str, Any]], arguments: argparse.Namespace) -> None:
    """Print a table and write everything as JSON."""
    table = summarise(runs)
    print(f"{'arm':16s} {'test mIoU':>10s} {'- pixel-only':>13s} {'lowest':>8s}")
    for arm, row in table.items():
        print(f"{arm:16s} {row['test_mean_iou']:10.2f} {row['minus_pixel_only']:13.2f} {row['lowest_difference']:8.2f}")
    facts = {
        "date": date.today().isoformat(),
        "command": shlex.join(["python", "benchmarks/sabotage.py", *sys.argv[1:]]),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, "
        f"{torch.cpu.get_capabilities().get('cpu_name', platform.processor())}",
        "torch": torch.__version__,
        "watched": not arguments.unwatched,
        "arms": table,
        "runs": runs,
    }
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--images", type=int, default=IMAGES["train"], help="Training images to draw.")
    parser.add_argument("--set", dest="overrides", metavar="KEY=VALUE", action="append", default=[])
    parser.add_argument("--unwatched", action="store_true", help="Train with health.enabled=false.")
    parser.add_argument("--work", type=Path, help="Folder of the runs; a temporary one if left out.")
    parser.add_argument("--out", type=Path, help="JSON to write.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        if not (work / "data" / "dataset.yaml").exists():
            counts = {**IMAGES, "train": arguments.images, "unlabeled": 0}
            draw_dataset(work / "data", **counts, seed=0)
        runs = []
        for seed in arguments.seeds:
            for arm in dict.fromkeys(["pixel-only", *arguments.arms]):
                run = train_arm(arm, seed, work, arguments.overrides, watched=not arguments.unwatched)
                print(f"{arm}, seed {seed}: test mean IoU {run['test_mean_iou']:.4f}")
                for line in run["health"]:
                    print(f"  step {line['step']}: {line['finding']}; {line['done']}")
                runs.append(run)
    report(runs, arguments)


if __name__ == "__main__":
    main()
