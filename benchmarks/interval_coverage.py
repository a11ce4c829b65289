"""How often do 95 % intervals hold the true figure? Simulated test sets of n images, whose population is known.

Images differ in what they show and in how hard they are: presence and share of each class are drawn, and recall is
logistic-normal with a part common to the image. The truth is the figure of a large population of pooled counts. Each
simulated set is scored by the interval that `segan evaluate` prints and by four rivals; two equally good methods on
the same images give the difference that `segan compare` prints, and the share of false alarms of its test. To repeat:
`python benchmarks/interval_coverage.py --simulations 2000 --out benchmarks/results/interval_coverage.json`
"""

import argparse
import functools
import json
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from segan.evaluation.intervals import figures, margins
from segan.evaluation.uncertainty import (
    RESAMPLES,
    Compute,
    Counts,
    Figures,
    Pooled,
    bca_levels,
    bootstrap_interval,
    difference_interval,
    draw_weights,
    percentile_levels,
    permutation_p_values,
    quantiles,
    widened_tails,
)

Matrices = NDArray[np.int64]
IMAGE_PX = 10_000


@dataclass(frozen=True)
class Population:
    """What images show and how well they are segmented; one entry a class.

    Args:
        presence: Share of images that show the class.
        weight: Of its area where it is shown, shape of a gamma distribution.
        skill: Logit of its usual recall.
        spread: Standard deviation of that logit between images, half of its variance common to all classes.
    """

    presence: tuple[float, ...]
    weight: tuple[float, ...]
    skill: tuple[float, ...]
    spread: float


POPULATIONS = {
    "two classes": Population((1.0, 1.0), (8.0, 2.0), (3.0, 2.0), 0.7),
    "three classes": Population((1.0, 1.0, 1.0), (6.0, 3.0, 2.0), (3.0, 1.5, 1.0), 1.0),
    "five classes, some rare": Population(
        (1.0, 1.0, 0.8, 0.5, 0.25), (6.0, 3.0, 1.0, 1.0, 0.6), (3.0, 2.0, 1.5, 1.0, 0.5), 1.0
    ),
}


def draw_images(random: np.random.Generator, images: int, population: Population, methods: int = 1) -> Matrices:
    """Draw the confusion matrices of images for equally good methods, `[methods, images, K, K]`.

    Methods share the truth and half of the variance that makes an image hard.
    """
    weight, skill = np.array(population.weight), np.array(population.skill)
    shape = (methods, images, len(weight))
    area = random.gamma(weight, size=shape[1:]) * (random.random(shape[1:]) < population.presence)
    area[:, 0] += 1e-3
    pixels = np.rint(IMAGE_PX * area / area.sum(axis=1, keepdims=True))
    hardness = random.standard_normal((1, images, 1)) + random.standard_normal(shape)
    hits = np.rint(pixels / (1.0 + np.exp(-skill - population.spread * np.sqrt(0.5) * hardness)))
    confused = weight * (1.0 - np.eye(len(weight)))
    matrices: NDArray[np.float64] = np.rint(
        (pixels - hits)[..., None] * (confused / confused.sum(axis=1, keepdims=True))
    )
    diagonal = np.arange(len(weight))
    matrices[..., diagonal, diagonal] = hits
    return matrices.astype(np.int64)


def true_figures(population: Population, images: int = 400_000) -> Figures:
    """Compute the figures of the population from many images, drawn apart from all test sets."""
    random = np.random.default_rng(987_654_321)
    total = sum(margins(draw_images(random, 20_000, population)[0]).sum(axis=0) for _ in range(images // 20_000))
    return figures(np.asarray(total, np.float64))


@functools.cache
def shared_weights(images: int) -> Pooled:
    """Draw resamples once for all simulated sets of a size, as the fixed seed of the shipped intervals does."""
    return np.concatenate(list(draw_weights(images, RESAMPLES, seed=0)))


def usual_intervals(counts: Counts, compute: Compute) -> Iterator[tuple[str, Figures]]:
    """Compute percentile intervals and BCa, each on plain and on widened levels, from the same resamples."""
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    weights = shared_weights(len(flat))
    samples = np.sort(compute((weights @ flat).reshape(-1, *counts.shape[1:])), axis=0)
    whole = flat.sum(axis=0)
    observed, without_one = compute(whole.reshape(counts.shape[1:])), compute((whole - flat).reshape(counts.shape))
    plain, widened = float(ndtri(0.975)), widened_tails(0.95, len(flat))
    for name, tail in (("percentile", plain), ("widened percentile", widened)):
        yield name, quantiles(samples, percentile_levels(tail, observed.size))
    for name, tail in (("BCa", plain), ("widened BCa", widened)):
        yield name, quantiles(samples, bca_levels(samples, observed, without_one, tail))


def subtract(pooled: Pooled) -> Figures:
    """Compute figures of the second method minus those of the first from `[..., 2, 3, K]`."""
    gain: Figures = figures(pooled[..., 1, :, :]) - figures(pooled[..., 0, :, :])
    return gain


def measure(population: Population, truth: Figures, images: int, simulations: int, seed: int) -> Any:
    """Measure coverage of each figure by each method, in percent, and the test's false alarms."""
    random = np.random.default_rng([seed, images])
    covered: dict[str, list[Figures]] = {}
    alarms, images_with = [], []
    for _ in range(simulations):
        first, second = margins(draw_images(random, images, population, methods=2))
        images_with.append((first[:, 1] > 0).sum(axis=0))
        found = [
            ("shipped", bootstrap_interval(first, figures), truth),
            ("shipped, difference", difference_interval(first, second, figures), np.zeros_like(truth)),
            *((name, ends, truth) for name, ends in usual_intervals(first, figures)),
            *(
                (f"{name}, difference", ends, np.zeros_like(truth))
                for name, ends in usual_intervals(np.stack([first, second], axis=1), subtract)
            ),
        ]
        for name, ends, true in found:
            covered.setdefault(name, []).append(_covers(ends, true))
        alarms.append(permutation_p_values(first, second, figures, resamples=999)[0] <= 0.05)
    classes = len(population.skill)
    percent = {name: 100 * np.nanmean(rows, axis=0) for name, rows in covered.items()}
    return {
        "images": images,
        "images_with_class": np.mean(images_with, axis=0).round(1).tolist(),
        "coverage": {
            name: {
                "mean_iou": round(float(row[0]), 2),
                "pixel_accuracy": round(float(row[1]), 2),
                "iou": row[2 : 2 + classes].round(2).tolist(),
                "dice": row[2 + classes : 2 + 2 * classes].round(2).tolist(),
            }
            for name, row in percent.items()
        },
        "false_alarms_of_test": round(100 * float(np.mean(alarms)), 2),
    }


def _covers(ends: Figures, truth: Figures) -> Figures:
    """Tell what is covered; NaN where there is no interval."""
    return np.where(np.isnan(ends[0]), np.nan, (ends[0] <= truth) & (truth <= ends[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--images", type=int, nargs="+", default=[5, 10, 20, 50, 100, 200])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--machine", default=f"{platform.machine()}, {platform.system()}", help="For the record.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    start = time.monotonic()
    tables: dict[str, Any] = {}
    for name, population in POPULATIONS.items():
        truth = true_figures(population)
        print(f"{name}: true mean IoU {truth[0]:.4f}; coverage in % (mean IoU, pixel accuracy, IoU of each class)")
        rows = []
        for images in arguments.images:
            row = measure(population, truth, images, arguments.simulations, arguments.seed)
            rows.append(row)
            for method, found in row["coverage"].items():
                shown = " ".join(
                    f"{value:5.1f}" for value in [found["mean_iou"], found["pixel_accuracy"], *found["iou"]]
                )
                print(f"  n {images:4d}  {method:30s} {shown}", flush=True)
            print(f"  n {images:4d}  false alarms of the test {row['false_alarms_of_test']:.1f} %", flush=True)
        tables[name] = {"true_mean_iou": round(float(truth[0]), 6), "by_images": rows}
    sizes = " ".join(map(str, arguments.images))
    facts = {
        "date": date.today().isoformat(),
        "command": f"python benchmarks/interval_coverage.py --simulations {arguments.simulations} --images {sizes} "
        f"--seed {arguments.seed}",
        "machine": arguments.machine,
        "seed": arguments.seed,
        "simulations": arguments.simulations,
        "resamples": RESAMPLES,
        "level_percent": 95,
        "standard_error_percent": round(100 * (0.95 * 0.05 / arguments.simulations) ** 0.5, 2),
        "populations": tables,
    }
    print(f"{time.monotonic() - start:.0f} s")
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
