"""Masks drawn at run time, as files and in memory, for tests of evaluation."""

import numpy as np
from PIL import Image

from segan.data.labels import build_labels
from segan.evaluation.pairing import MaskPair

LABELS = build_labels(["ground", "lake", "road"], ignore_index=9)


def draw_pair(random, size=(24, 32)):
    """Blocks of classes, and the same with moved edges and wrong pixels."""
    height, width = size
    truth = np.kron(random.integers(0, 3, (height // 4, width // 4)), np.ones((4, 4))).astype(np.uint8)
    mask = np.where(random.random(size) < 0.05, random.integers(0, 3, size), np.roll(truth, 1, axis=1)).astype(np.uint8)
    return mask, truth


def write_pairs(folder, count=6, size=(24, 32), ignored=True, seed=0):
    """Write predictions and true masks; ignored pixels are 9 in the files."""
    random = np.random.default_rng(seed)
    pairs = []
    for index in range(count):
        mask, truth = draw_pair(random, size)
        if ignored:
            truth[:2] = 9
        for kind, pixels in (("predictions", mask), ("masks", truth)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / kind / f"{index}.png")
        pairs.append(MaskPair(str(index), folder / "predictions" / f"{index}.png", folder / "masks" / f"{index}.png"))
    return pairs


def read_pairs(pairs):
    """Read the pixels back: predictions, and true masks with 255 where they are ignored."""
    read = [[np.array(Image.open(path)) for path in (pair.prediction, pair.truth)] for pair in pairs]
    return [(mask, np.where(truth == 9, np.uint8(255), truth)) for mask, truth in read]
