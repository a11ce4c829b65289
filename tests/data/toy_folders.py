"""Small datasets drawn at run time."""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (12, 16)


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array)).save(path, **options)
    return path


def noise(seed=0, size=SIZE):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def mask_of(values, size=SIZE):
    """A mask that holds all the values, in bands."""
    return np.resize(np.array(values, np.uint8), size)


def draw_folders(root: Path, names, values=(0, 1), images="images", masks="masks"):
    for index, name in enumerate(names):
        save(root / images / f"{name}.png", noise(hash_seed(images, name) + index))
        save(root / masks / f"{name}.png", mask_of(values))
    return root


def hash_seed(*parts):
    return sum(ord(char) for part in parts for char in str(part))


def draw_splits(root: Path, counts, values=(0, 1)):
    for split, count in counts.items():
        draw_folders(root, [f"{split}_{index}" for index in range(count)], values, f"images/{split}", f"masks/{split}")
    return root
