"""Draw a labelled data set with real difficulty, for the demo and for tests: no download, the same for each seed.

The picture is a bright-field micrograph: stained cells that touch, thin fibers, bright spots and, in a quarter of the
images, a few rods (the rare class) on an uneven, noisy background with scratches and dust.
"""

from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from segan.data.images import write_png
from segan.data.masks import write_mask
from segan.data.shapes import (
    STAINS,
    SUPERSAMPLING,
    Scene,
    draw_cells,
    draw_distractors,
    draw_fibers,
    draw_rods,
    draw_spots,
    smooth_noise,
)
from segan.data.threads import map_in_threads
from segan.errors import ConfigError
from segan.files import write_text_atomically

CLASSES = ("background", "cell", "fiber", "spot", "rod")
COLORS = ((40, 40, 48), (126, 87, 194), (255, 167, 38), (255, 241, 118), (38, 166, 154))
_SPLITS = ("train", "val", "test", "unlabeled")
_IMAGES_PER_ROD_IMAGE = 4


def draw_dataset(
    root: Path,
    *,
    train: int = 96,
    val: int = 24,
    test: int = 30,
    unlabeled: int = 0,
    size: tuple[int, int] = (160, 160),
    seed: int = 0,
) -> None:
    """Draw a data set into `root`: `images/<split>/`, `masks/<split>/` and `dataset.yaml`.

    Args:
        root: Folder; files of the same names are replaced.
        train: Images of each split; `unlabeled` has no masks.
        val: See `train`.
        test: See `train`.
        unlabeled: See `train`.
        size: `(height, width)` in pixels, 32 at least.
        seed: Changes all pictures.

    Raises:
        ConfigError: The size is too small to hold the objects.
    """
    if min(size) < 32:
        raise ConfigError(f"size: seen {size} (height, width), expected 32 pixels at least. Choose a larger size.")
    counts = zip(_SPLITS, (train, val, test, unlabeled), strict=True)
    map_in_threads(
        lambda place: _write_sample(root, *place, size=size, seed=seed),
        [(split, index) for split, count in counts for index in range(count)],
    )
    card = {"classes": list(CLASSES), "colors": [list(color) for color in COLORS]}
    write_text_atomically(root / "dataset.yaml", yaml.safe_dump(card, sort_keys=False, default_flow_style=None))


def draw_sample(
    split: str, index: int, *, size: tuple[int, int], seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw one image and its mask, a pure function of the arguments.

    Args:
        split: `train`, `val`, `test` or `unlabeled`.
        index: From 0; every fourth image of a split has rods.
        size: `(height, width)` in pixels.
        seed: Any non-negative integer.

    Returns:
        Image RGB `uint8 [H, W, 3]` and mask `uint8 [H, W]` of indices into `CLASSES`.
    """
    generator = np.random.default_rng([seed, _SPLITS.index(split), index])
    large = (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING)
    scene = Scene(np.zeros((len(STAINS), *large), np.float32), np.zeros(large, np.float32), np.zeros(large, np.uint8))
    draw_distractors(scene, generator)
    draw_cells(scene, generator)
    if index % _IMAGES_PER_ROD_IMAGE == 0:
        draw_rods(scene, generator)
    draw_fibers(scene, generator)
    draw_spots(scene, generator)
    mask = np.ascontiguousarray(scene.labels[SUPERSAMPLING // 2 :: SUPERSAMPLING, SUPERSAMPLING // 2 :: SUPERSAMPLING])
    return _expose(scene, generator, size), mask


def _write_sample(root: Path, split: str, index: int, *, size: tuple[int, int], seed: int) -> None:
    image, mask = draw_sample(split, index, size=size, seed=seed)
    name = f"{split}_{index:04d}.png"
    write_png(root / "images" / split / name, image)
    if split != "unlabeled":
        write_mask(root / "masks" / split / name, mask, COLORS)


def _expose(scene: Scene, generator: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Send uneven light through the scene (Beer, Lambert), blur it, and add photon noise and the camera's own."""
    strength = generator.uniform(0.8, 1.15) * generator.uniform(0.95, 1.05, 3).astype(np.float32)
    absorbance = cv2.transform(cv2.merge(list(scene.stains)), (STAINS * strength).T)
    absorbance += _slide(generator, scene.glow.shape)
    light = np.exp(-absorbance) * np.float32(generator.uniform(0.62, 0.74))
    light += scene.glow[:, :, None] * np.asarray([1.0, 0.97, 0.85], np.float32)
    light = cv2.resize(light, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    light = cv2.GaussianBlur(light * _illumination(generator, size)[:, :, None], (0, 0), generator.uniform(0.35, 0.75))
    photons, camera = generator.uniform(900.0, 2500.0), generator.uniform(0.005, 0.012)
    noise = generator.standard_normal(light.shape, dtype=np.float32)
    light += noise * np.sqrt(np.maximum(light, 0.0) / photons + camera**2).astype(np.float32)
    return np.asarray(np.clip(light * 255.0 + 0.5, 0.0, 255.0), np.uint8)


def _slide(generator: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.float32]:
    """Absorbance of the empty slide, `float32 [H, W, 3]`: cloudy at two grains, with a tint."""
    clouds = 0.05 * smooth_noise(generator, size, 40.0) + 0.03 * smooth_noise(generator, size, 6.0)
    tint = generator.uniform(0.9, 1.1, 3).astype(np.float32)
    return np.asarray((0.12 + clouds)[:, :, None] * tint, np.float32)


def _illumination(generator: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    """Light that falls off to one side and to the corners, `float32 [H, W]` around 1."""
    rows = np.linspace(-1.0, 1.0, size[0], dtype=np.float32)[:, None]
    columns = np.linspace(-1.0, 1.0, size[1], dtype=np.float32)[None, :]
    angle, slope, fall = generator.uniform(0.0, 2.0 * np.pi), generator.uniform(0.0, 0.22), generator.uniform(0.0, 0.12)
    sideways = np.float32(slope) * (columns * np.float32(np.cos(angle)) + rows * np.float32(np.sin(angle)))
    return np.asarray(1.0 + sideways - np.float32(fall) * (rows**2 + columns**2), np.float32)
