"""Measure how many masks a second are scored, beside decoding alone and beside torchmetrics.

`python benchmarks/evaluate_speed.py data/camvid/masks/test --card camvid --out benchmarks/results/evaluate_speed.json`

Predictions are the true masks moved by some pixels, with a block of another class, written to a temporary folder.
All ways take turns in one run; medians over the rounds are reported. torchmetrics' HausdorffDistance compares every
pixel with every edge pixel, gigabytes for one image, so it runs once, on few images at half the side (a quarter of the
pixels). That speaks for it: ours are measured at full size.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchmetrics.segmentation import HausdorffDistance, MeanIoU

from segan.data.labels import IGNORE, Labels
from segan.data.masks import read_mask, write_mask
from segan.evaluation.evaluate import evaluate_predictions
from segan.evaluation.measures import Measures
from segan.evaluation.pairing import MaskPair, read_prediction
from segan.evaluation.selection import select_masks
from segan.inference.ahead import read_ahead

SHRINK = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--card")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, help="The first ones only.")
    parser.add_argument("--reference-images", type=int, default=2, help="For torchmetrics' HausdorffDistance, a round.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    truths, labels = select_masks(arguments.masks, card=arguments.card)
    with tempfile.TemporaryDirectory() as folder:
        pairs = write_predictions(dict(list(truths.items())[: arguments.images]), labels, Path(folder))
        speeds = measure(pairs, labels, arguments.rounds, arguments.reference_images)
    result = describe(speeds, len(pairs), arguments.reference_images, arguments.rounds)
    print(json.dumps(result, indent=2))
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def write_predictions(truths: dict[str, Path], labels: Labels, folder: Path) -> list[MaskPair]:
    """Write a wrong prediction of each true mask, the same in every run."""
    pairs = []
    for index, (name, path) in enumerate(truths.items()):
        mask = np.roll(read_mask(path, labels), (index % 3, 2), (0, 1))
        mask[mask == IGNORE] = 0
        height, width = mask.shape
        mask[height // 4 : height // 3, width // 4 : width // 3] = index % len(labels.classes)
        write_mask(folder / f"{name}.png", mask, labels.colors)
        pairs.append(MaskPair(name, folder / f"{name}.png", path))
    return pairs


def measure(pairs: list[MaskPair], labels: Labels, rounds: int, reference_images: int) -> dict[str, list[float]]:
    """Run all ways in turn; images a second of each round."""
    few = pairs[:: max(1, len(pairs) // max(1, reference_images))][:reference_images]
    ways: dict[str, tuple[Callable[[], object], int]] = {
        "decode_only": (lambda: decode(pairs, labels), len(pairs)),
        "confusion": (lambda: evaluate_predictions(pairs, labels), len(pairs)),
        "confusion_with_all_intervals": (lambda: evaluate_predictions(pairs, labels).to_json(), len(pairs)),
        "confusion_and_boundary": (
            lambda: evaluate_predictions(pairs, labels, measures=Measures(("boundary",))),
            len(pairs),
        ),
        "torchmetrics_mean_iou": (lambda: score_with_torchmetrics(pairs, labels), len(pairs)),
        "torchmetrics_hausdorff_half_size": (lambda: measure_with_torchmetrics(few, labels), len(few)),
    }
    decode(pairs, labels)  # So that the files are in memory for all.
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, (work, images) in ways.items():
            if turn and name == "torchmetrics_hausdorff_half_size":
                continue  # Half a minute an image: once is enough.
            start = time.perf_counter()
            work()
            speeds[name].append(images / (time.perf_counter() - start))
    return speeds


def decode(pairs: list[MaskPair], labels: Labels) -> None:
    """Read all masks as evaluation does, in its threads, and do nothing with them."""

    def read(pair: MaskPair) -> object:
        return read_prediction(pair.prediction, labels), read_mask(pair.truth, labels)

    for _, reading in read_ahead(read, pairs):
        reading.result()


def score_with_torchmetrics(pairs: list[MaskPair], labels: Labels) -> float:
    """Compute the mean IoU with torchmetrics."""
    scorer = MeanIoU(num_classes=len(labels.classes), input_format="index")
    for mask, truth in read_tensors(pairs, labels, 1):
        scorer.update(mask, truth)
    return float(scorer.compute())


def measure_with_torchmetrics(pairs: list[MaskPair], labels: Labels) -> float:
    """Compute the mean Hausdorff distance with torchmetrics, of the classes in both masks: it fails for others."""
    distances = []
    for mask, truth in read_tensors(pairs, labels, SHRINK):
        common = sorted(set(mask.unique().tolist()) & set(truth.unique().tolist()))
        scorer = HausdorffDistance(num_classes=len(common), include_background=True, input_format="one-hot")
        scorer.update(*(torch.stack([own == index for index in common], dim=1).long() for own in (mask, truth)))
        distances.append(float(scorer.compute()))
    return statistics.mean(distances)


def read_tensors(pairs: list[MaskPair], labels: Labels, shrink: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Read masks in the same threads as evaluation does; ignored pixels are set to class 0 in both."""

    def read(pair: MaskPair) -> tuple[torch.Tensor, torch.Tensor]:
        mask, truth = read_prediction(pair.prediction, labels), read_mask(pair.truth, labels)
        mask[truth == IGNORE], truth[truth == IGNORE] = 0, 0
        first, second = (torch.from_numpy(own[::shrink, ::shrink].copy())[None].long() for own in (mask, truth))
        return first, second

    for _, reading in read_ahead(read, pairs):
        yield reading.result()


def describe(speeds: dict[str, list[float]], images: int, reference_images: int, rounds: int) -> dict[str, Any]:
    """Put medians and ratios together with what they were measured on."""
    median = {name: statistics.median(values) for name, values in speeds.items()}
    # Both metrics are computed one after the other, so their times add up.
    reference = 1 / (1 / median["torchmetrics_mean_iou"] + 1 / median["torchmetrics_hausdorff_half_size"])
    return {
        "images_per_s": {name: round(value, 2) for name, value in median.items()},
        "lowest_and_highest": {name: [round(min(own), 2), round(max(own), 2)] for name, own in speeds.items()},
        # Of each round, since neighbours in time see the same machine.
        "confusion_over_decode_only": round(
            statistics.median(
                own / other for own, other in zip(speeds["confusion"], speeds["decode_only"], strict=True)
            ),
            3,
        ),
        "boundary_over_torchmetrics": round(median["confusion_and_boundary"] / reference, 1),
        "images": images,
        "images_for_hausdorff": reference_images,
        "hausdorff_at": f"1/{SHRINK} of the side",
        "rounds": rounds,
        "date": date.today().isoformat(),
        "command": f"python {' '.join(sys.argv)}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch_threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    main()
