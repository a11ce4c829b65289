"""Score a folder of predicted masks with torchmetrics and compare with `segan evaluate --json` of the same masks.

`python benchmarks/check_with_torchmetrics.py PREDICTIONS/masks TRUE_MASKS SCORES.json --classes 11 --ignore 11`
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchmetrics.classification import MulticlassJaccardIndex


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("truths", type=Path)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--ignore", type=int)
    arguments = parser.parse_args()
    index = MulticlassJaccardIndex(arguments.classes, average="none", ignore_index=arguments.ignore)
    truths = sorted(arguments.truths.glob("*.png"))
    for path in truths:
        mask = np.asarray(Image.open(arguments.predictions / path.name)).astype(np.int64)
        truth = np.asarray(Image.open(path)).astype(np.int64)
        index.update(torch.from_numpy(mask)[None], torch.from_numpy(truth)[None])
    theirs = float(index.compute().double().mean())
    ours = json.loads(arguments.scores.read_text(encoding="utf-8"))["mean_iou"]
    print(f"{len(truths)} masks: segan {ours:.8f}, torchmetrics {theirs:.8f}, difference {abs(ours - theirs):.1e}")
    raise SystemExit(abs(ours - theirs) > 1e-6)


if __name__ == "__main__":
    main()
