"""How often do the intervals of `segan prove` hold the true effect, and how often does it see one that is not there?

Simulated proofs of S seeds and N images, whose true effect is known: runs differ by seed (paired: half of it is common
to both arms), images in what they show and in how hard they are, and each run errs on each image in its own way. The
interval that `segan prove` prints stands beside four rivals: the crossed bootstrap alone, one of images alone, one of
seeds alone, and Student's over seeds. To repeat:
`python benchmarks/prove_coverage.py --simulations 1000 --out benchmarks/results/prove_coverage.json`
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from segan.evaluation.hierarchy import compare_seeds
from segan.evaluation.intervals import figures, margins
from segan.evaluation.uncertainty import Counts, Figures, Pooled, draw_weights

IMAGE_PX = 10_000
AREAS = np.array([6.0, 3.0, 2.0])
SKILLS = np.array([3.0, 1.5, 1.0])

# Standard deviations of the logit of recall: between images, between seeds (of one arm), of a run on an image.
SETTINGS = {
    "seeds differ most": (0.7, 0.15, 0.15),
    "images differ most": (0.7, 0.03, 0.5),
    "seeds do not differ": (0.7, 0.0, 0.3),
}


def draw_proof(random: np.random.Generator, seeds: int, images: int, setting: str, effect: float) -> Counts:
    """Draw margins of pixel and adversarial runs, `[2, S, N, 9]`; `effect` is added to the second's logits.

    How an arm's change plays out differs between images: half of what images differ by is of the arm.
    """
    of_image, of_seed, of_run = SETTINGS[setting]
    area = random.gamma(AREAS, size=(images, 3))
    pixels = np.rint(IMAGE_PX * area / area.sum(axis=1, keepdims=True))
    common = of_image * random.standard_normal((1, 1, images, 1))
    own = 0.2 * of_image * random.standard_normal((2, 1, images, 1))
    paired = of_seed * (random.standard_normal((1, seeds, 1, 1)) + random.standard_normal((2, seeds, 1, 1)))
    noise = of_run * random.standard_normal((2, seeds, images, 3))
    gain = np.array([0.0, effect])[:, None, None, None]
    hits = np.rint(pixels / (1.0 + np.exp(-(SKILLS + common + own + paired + noise + gain))))
    confused = AREAS * (1.0 - np.eye(3))
    matrices = np.rint((pixels - hits)[..., None] * (confused / confused.sum(axis=1, keepdims=True)))
    matrices[..., range(3), range(3)] = hits
    found = margins(matrices.astype(np.int64))
    return found.reshape(*found.shape[:3], 9)


def mean_iou(pooled: Pooled) -> Figures:
    """Compute the mean IoU from margins `[..., 9]`, with a last axis of one."""
    return figures(pooled.reshape(*pooled.shape[:-1], 3, 3))[..., :1]


def rivals(counts: Counts) -> Iterator[tuple[str, tuple[float, float]]]:
    """Compute the usual intervals of one proof."""
    seeds, images = counts.shape[1:3]
    both = np.moveaxis(counts, 2, 0).reshape(images, -1).astype(np.float64)
    weights = np.concatenate(list(draw_weights(images, 1000, 0)))
    scores = mean_iou((weights @ both).reshape(-1, 2, seeds, 9))[..., 0]
    gains = scores[:, 1] - scores[:, 0]
    drawn = np.random.default_rng(1).multinomial(seeds, np.full(seeds, 1 / seeds), 1000) / seeds
    observed = np.subtract(*mean_iou(counts.sum(axis=2).astype(np.float64))[::-1, :, 0])
    for name, samples in (
        ("crossed bootstrap alone", (drawn * gains).sum(axis=1)),
        ("images alone", gains.mean(axis=1)),
        ("seeds alone", drawn @ observed),
    ):
        low, high = np.quantile(samples, [0.025, 0.975])
        yield name, (float(low), float(high))
    error = stats.sem(observed) if observed.std() > 0 else 1e-12
    low, high = stats.t.interval(0.95, seeds - 1, observed.mean(), error)
    yield "Student's over seeds", (float(low), float(high))


def true_effect(setting: str, effect: float) -> float:
    """Compute the effect over many seeds and images."""
    random = np.random.default_rng(987_654_321)
    parts = []
    for _ in range(300):
        lower, upper = mean_iou(draw_proof(random, 20, 400, setting, effect).sum(axis=2).astype(np.float64))[..., 0]
        parts.append(float((upper - lower).mean()))
    return float(np.mean(parts))


def measure(setting: str, effect: float, truth: float, seeds: int, images: int, simulations: int) -> dict[str, Any]:
    """Measure coverage, and how often an effect is seen, in percent."""
    random = np.random.default_rng([seeds, images, len(setting)])
    covered: dict[str, list[bool]] = {}
    seen, widths = [], []
    for _ in range(simulations):
        counts = draw_proof(random, seeds, images, setting, effect)
        found = compare_seeds(counts[0], counts[1], mean_iou, resamples=1000)
        low, high = found.interval[:, 0]
        seen.append(low > 0 or high < 0)
        widths.append(high - low)
        for name, (start, end) in [("shipped", (low, high)), *rivals(counts)]:
            covered.setdefault(name, []).append(start <= truth <= end)
    return {
        "setting": setting,
        "seeds": seeds,
        "images": images,
        "true_effect_points": round(100 * truth, 3),
        "covered_percent": {name: round(100 * float(np.mean(values)), 1) for name, values in covered.items()},
        "effect_seen_percent": round(100 * float(np.mean(seen)), 1),
        "width_points": round(100 * float(np.mean(widths)), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows, start = [], time.monotonic()
    for setting in SETTINGS:
        for effect in (0.0, 0.15):
            truth = true_effect(setting, effect)
            for seeds, images in ((3, 20), (5, 6), (5, 20), (5, 100), (10, 20)):
                rows.append(measure(setting, effect, truth, seeds, images, arguments.simulations))
                print(json.dumps(rows[-1]), flush=True)
    result = {
        "command": f"python benchmarks/prove_coverage.py --simulations {arguments.simulations}",
        "date": date.today().isoformat(),
        "machine": f"{platform.processor() or platform.machine()}, {round(time.monotonic() - start)} s",
        "rows": rows,
    }
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
