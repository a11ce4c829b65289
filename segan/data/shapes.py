"""The objects of the drawn data: each adds its stain to a scene and writes its class over the labels.

A scene is drawn at `SUPERSAMPLING` times its size, so that averaging gives smooth edges. Lengths are final pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SUPERSAMPLING = 2
BACKGROUND, CELL, FIBER, SPOT, ROD = range(5)

# Absorbance of red, green and blue of each stain; those of cells and rods differ by less than their depth varies.
STAINS = np.asarray([(0.55, 0.85, 0.35), (0.45, 0.75, 1.05), (0.85, 0.70, 0.30), (0.7, 0.7, 0.7)], np.float32)
_VIOLET, _BROWN, _BLUE, _GREY = range(4)
_Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """What has been drawn so far, at `SUPERSAMPLING` times the final size.

    Args:
        stains: Thickness of each of `STAINS`, `float32 [4, H, W]`.
        glow: `float32 [H, W]`; light added on top.
        labels: `uint8 [H, W]`; the last object drawn wins.
    """

    stains: _Floats
    glow: _Floats
    labels: NDArray[np.uint8]


def smooth_noise(generator: np.random.Generator, size: tuple[int, ...], grain_px: float) -> _Floats:
    """Draw a random field of mean 0 and deviation about 1, `float32 [H, W]`, that varies over `grain_px`."""
    small = (max(2, round(size[0] / grain_px)), max(2, round(size[1] / grain_px)))
    noise = generator.standard_normal(small, dtype=np.float32)
    return np.asarray(cv2.resize(noise, (size[1], size[0]), interpolation=cv2.INTER_CUBIC))


def draw_cells(scene: Scene, generator: np.random.Generator) -> None:
    """Draw textured, wobbly ellipses with a rim and a nucleus; about half of them touch an earlier one."""
    texture = smooth_noise(generator, _size(scene), 5.0)
    centers: list[tuple[float, float, float]] = []
    for _ in range(_count(scene, generator, 7.0, 4)):
        radius = generator.uniform(8.0, 15.0) * SUPERSAMPLING
        x, y = _cell_center(scene, generator, centers, radius)
        centers.append((x, y, radius))
        outline = _wobbly_ellipse(generator, x, y, radius)
        nucleus = _wobbly_ellipse(generator, x + radius * 0.2, y, radius * 0.35)
        strength = generator.uniform(0.38, 0.75)
        body = _filled(scene, outline)
        depth = body * (strength * (0.85 + 0.22 * texture)) + _filled(scene, nucleus) * (0.3 * strength)
        cv2.polylines(depth, [outline], True, strength * 1.35, 2 * SUPERSAMPLING - 1)
        _absorb(scene, np.maximum(depth, 0.0), _VIOLET)
        cv2.polylines(body, [outline], True, 1.0, 2 * SUPERSAMPLING - 1)
        scene.labels[body > 0.5] = CELL


def draw_rods(scene: Scene, generator: np.random.Generator) -> None:
    """Draw one to three short, straight, striped rods; the rare class, easily taken for cells."""
    rows, columns = np.indices(_size(scene), dtype=np.float32)
    for _ in range(int(generator.integers(1, 4))):
        x, y = _anywhere(scene, generator, margin=0.12)
        angle = generator.uniform(0.0, np.pi)
        length, width = generator.uniform(20.0, 32.0) * SUPERSAMPLING, generator.uniform(7.5, 10.0) * SUPERSAMPLING
        box = cv2.boxPoints(((x, y), (length, width), float(np.degrees(angle))))
        shape = _filled(scene, box.round().astype(np.int32))
        along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
        period = generator.uniform(4.0, 5.5) * SUPERSAMPLING
        stripes = 0.75 + 0.4 * np.sign(np.sin(along * (2.0 * np.pi / period)))
        _absorb(scene, shape * stripes.astype(np.float32) * generator.uniform(0.6, 0.8), _BLUE)
        scene.labels[shape > 0.5] = ROD


def draw_fibers(scene: Scene, generator: np.random.Generator) -> None:
    """Draw thin lines that bend smoothly and cross what lies below them."""
    for _ in range(_count(scene, generator, 3.0, 2)):
        width = generator.uniform(2.0, 3.2)
        path = _winding_path(generator, *_anywhere(scene, generator), generator.uniform(60.0, 150.0))
        line = _line(scene, path, width)
        _absorb(scene, line * generator.uniform(0.65, 1.0), _BROWN)
        scene.labels[line > 0.5] = FIBER


def draw_spots(scene: Scene, generator: np.random.Generator) -> None:
    """Draw small bright discs."""
    for _ in range(_count(scene, generator, 7.0, 4)):
        x, y = _anywhere(scene, generator)
        shape = np.zeros(_size(scene), np.float32)
        radius = generator.uniform(2.5, 4.3) * SUPERSAMPLING
        cv2.circle(shape, (round(x), round(y)), round(radius), 1.0, -1)
        scene.glow[:] = np.maximum(scene.glow, shape * generator.uniform(0.28, 0.5))
        scene.labels[shape > 0.5] = SPOT


def draw_distractors(scene: Scene, generator: np.random.Generator) -> None:
    """Draw what is background all the same: scratches, dust and cells far out of focus."""
    for _ in range(int(generator.integers(0, 3))):
        start, end = _anywhere(scene, generator), _anywhere(scene, generator)
        line = _line(scene, np.asarray([start, end]), 1.0)
        _absorb(scene, line * generator.uniform(-0.25, 0.3), _GREY)
    for _ in range(int(generator.integers(1, 5))):
        speck = _wobbly_ellipse(generator, *_anywhere(scene, generator), generator.uniform(1.5, 3.0) * SUPERSAMPLING)
        _absorb(scene, _filled(scene, speck) * generator.uniform(0.5, 1.0), _GREY)
    ghost = _wobbly_ellipse(generator, *_anywhere(scene, generator), generator.uniform(9.0, 16.0) * SUPERSAMPLING)
    blurred: _Floats = cv2.GaussianBlur(_filled(scene, ghost), (0, 0), 4.0 * SUPERSAMPLING)
    _absorb(scene, blurred * generator.uniform(0.1, 0.25), _VIOLET)


def _size(scene: Scene) -> tuple[int, int]:
    return (scene.labels.shape[0], scene.labels.shape[1])


def _count(scene: Scene, generator: np.random.Generator, mean: float, least: int) -> int:
    """Draw a number of objects around `mean` for 160x160 final pixels, in proportion to the area."""
    share = scene.labels.size / (160 * SUPERSAMPLING) ** 2
    return max(least, int(generator.poisson(mean * share)))


def _anywhere(scene: Scene, generator: np.random.Generator, margin: float = 0.03) -> tuple[float, float]:
    height, width = _size(scene)
    x, y = generator.uniform(margin, 1.0 - margin, 2)
    return float(x * width), float(y * height)


def _cell_center(
    scene: Scene, generator: np.random.Generator, centers: list[tuple[float, float, float]], radius: float
) -> tuple[float, float]:
    if not centers or generator.random() < 0.5:
        return _anywhere(scene, generator)
    x, y, other = centers[int(generator.integers(len(centers)))]
    angle, distance = generator.uniform(0.0, 2.0 * np.pi), (radius + other) * generator.uniform(0.75, 1.05)
    return float(x + distance * np.cos(angle)), float(y + distance * np.sin(angle))


def _absorb(scene: Scene, thickness: _Floats, stain: int) -> None:
    scene.stains[stain] += thickness


def _filled(scene: Scene, outline: NDArray[np.int32]) -> _Floats:
    shape = np.zeros(_size(scene), np.float32)
    cv2.fillPoly(shape, [outline], 1.0)
    return shape


def _line(scene: Scene, path: NDArray[np.float64], width: float) -> _Floats:
    shape = np.zeros(_size(scene), np.float32)
    points = (path * 8.0).round().astype(np.int32)
    cv2.polylines(shape, [points], False, 1.0, max(1, round(width * SUPERSAMPLING)), shift=3)
    return shape


def _wobbly_ellipse(generator: np.random.Generator, x: float, y: float, radius: float) -> NDArray[np.int32]:
    angles = np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False)
    phases, tilt = generator.uniform(0.0, 2.0 * np.pi, 2), generator.uniform(0.0, np.pi)
    lengths = radius * (1.0 + 0.07 * np.sin(2.0 * angles + phases[0]) + 0.05 * np.sin(3.0 * angles + phases[1]))
    across, along = lengths * np.cos(angles), lengths * np.sin(angles) * generator.uniform(0.6, 1.0)
    columns = x + across * np.cos(tilt) - along * np.sin(tilt)
    rows = y + across * np.sin(tilt) + along * np.cos(tilt)
    return np.stack([columns, rows], axis=1).round().astype(np.int32)


def _winding_path(generator: np.random.Generator, x: float, y: float, length: float) -> NDArray[np.float64]:
    """Walk with a slowly changing curvature; returns `(x, y)` points at steps of 3 final pixels."""
    steps = max(2, round(length / 3.0))
    curvature = np.cumsum(generator.normal(0.0, 0.02, steps)) + generator.normal(0.0, 0.05)
    heading = generator.uniform(0.0, 2.0 * np.pi) + np.cumsum(curvature)
    offsets = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0) * 3.0 * SUPERSAMPLING
    return np.asarray([x, y]) + offsets
