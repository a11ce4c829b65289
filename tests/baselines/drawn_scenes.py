"""Small scenes drawn at run time, each made for some methods."""

import cv2
import numpy as np
from PIL import Image

from segan.data.dataset import Sample
from segan.data.labels import build_labels

LABELS = build_labels(["ground", "thing"], ignore_index=255)
SIZE = (49, 66)


def flat(random, size=SIZE):
    """An orange ellipse on blue."""
    mask = np.zeros(size, np.uint8)
    middle = (
        int(random.integers(size[1] // 3, 2 * size[1] // 3)),
        int(random.integers(size[0] // 3, 2 * size[0] // 3)),
    )
    cv2.ellipse(mask, middle, (size[1] // 4, size[0] // 4), 0, 0, 360, 1, -1)
    return np.array([[30, 60, 160], [230, 140, 40]], np.uint8)[mask], mask


def lines(random, size=SIZE):
    """Thin dark lines on a bright, noisy ground."""
    mask = np.zeros(size, np.uint8)
    for _ in range(4):
        ends = random.integers(0, (size[1], size[0]), (2, 2)).tolist()
        cv2.line(mask, ends[0], ends[1], 1, 3)
    grey = np.where(mask > 0, 40, 200) + random.normal(0, 4, size)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2), mask


def uneven(random, size=SIZE):
    """Lines under light that falls off from left to right by more than their contrast."""
    image, mask = lines(random, size)
    light = np.linspace(1.0, 0.15, size[1])[:, None]
    return (image * light).astype(np.uint8), mask


def outlines(random, size=SIZE):
    """Bright rings; what is inside belongs to the thing."""
    mask = np.zeros(size, np.uint8)
    image = np.full((*size, 3), 90, np.uint8)
    middle = random.integers((20, 20), (size[1] - 20, size[0] - 20)).tolist()
    cv2.circle(mask, middle, 15, 1, -1)
    cv2.circle(image, middle, 14, (220, 220, 220), 2)
    return image, mask


def texture(random, size=SIZE):
    """The same mean grey, rough on the right and smooth on the left of a border."""
    mask = np.zeros(size, np.uint8)
    mask[:, int(random.integers(size[1] // 3, 2 * size[1] // 3)) :] = 1
    grey = 128 + random.normal(0, 1, size) * np.where(mask > 0, 40, 4)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2), mask


def halves(random, size=SIZE):
    """Noise; the lower half is the thing."""
    mask = np.zeros(size, np.uint8)
    mask[size[0] // 2 :] = 1
    return random.integers(0, 256, (*size, 3), dtype=np.uint8), mask


def draw(root, scene, count, *, split="train", seed=0, size=SIZE, change=None):
    """Write images and masks, and return the samples; `change` may alter both before they are written."""
    samples = []
    for index in range(count):
        image, mask = scene(np.random.default_rng([seed, len(split), index]), size)
        if change is not None:
            image, mask = change(image, mask)
        paths = [root / kind / split / f"{index:02d}.png" for kind in ("images", "masks")]
        for path, array in zip(paths, (image, mask), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
        samples.append(Sample(f"{index:02d}", *paths))
    return samples
