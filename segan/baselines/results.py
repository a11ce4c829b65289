"""Score fitted methods, and show them in one table."""

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from segan.baselines.fit import Baseline
from segan.data.dataset import Sample
from segan.evaluation.evaluate import evaluate_model
from segan.evaluation.intervals import plain_ends
from segan.evaluation.result import Evaluation
from segan.evaluation.tally import Report

TIMING = (
    "fit_s: seconds of the fit, reading and choice of settings included; images_per_s: of scoring, reading of image "
    "and mask, prediction and counting included."
)


@dataclass(frozen=True)
class Result:
    """A method and its scores.

    Args:
        baseline: The fitted method.
        evaluation: Its scores.
        score_s: Seconds for reading, prediction and counting of all images.
    """

    baseline: Baseline
    evaluation: Evaluation
    score_s: float

    @property
    def images_per_s(self) -> float:
        """Images a second, reading included."""
        return self.evaluation.images / self.score_s

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain values; a score that does not exist is `None`."""
        evaluation = self.evaluation
        whole = evaluation.intervals.whole
        return {
            "method": self.baseline.method,
            "mean_iou": _or_none(evaluation.mean_iou),
            "mean_iou_interval": plain_ends(whole["mean_iou"]),
            "pixel_accuracy": _or_none(evaluation.pixel_accuracy),
            "pixel_accuracy_interval": plain_ends(whole["pixel_accuracy"]),
            "iou": {name: _or_none(value) for name, value in evaluation.iou.items()},
            "fit_s": round(self.baseline.fit_s, 3),
            "fit_images": self.baseline.images,
            "images_per_s": round(self.images_per_s, 3),
            "settings": dict(self.baseline.settings),
        }

    def sentence(self) -> str:
        """Say the figure that papers report, with its interval."""
        low, high = self.evaluation.intervals.whole["mean_iou"]
        interval = "no interval" if math.isnan(low) else f"95 % interval {low:.4f} to {high:.4f}"
        return f"{self.baseline.method}: mean IoU {self.evaluation.mean_iou:.4f} ({interval})"


def score_baseline(
    baseline: Baseline, samples: Sequence[Sample], *, split: str = "", report: Report | None = None
) -> Result:
    """Score a method as `segan evaluate` scores a model, and take the time.

    Args:
        baseline: The fitted method.
        samples: Each has a mask.
        split: Name of the split, for the record.
        report: Called with the number of images done.

    Raises:
        DataError: Files cannot be used; all problems at once.
    """
    start = time.perf_counter()
    evaluation = evaluate_model(baseline, samples, baseline.labels, split=split, report=report)
    return Result(baseline, evaluation, time.perf_counter() - start)


def print_results(results: Sequence[Result], stream: TextIO | None = None) -> None:
    """Print a row for each method.

    Args:
        results: At least one, all of the same images.
        stream: Where to; `None`: standard output.
    """
    Console(file=stream or sys.stdout, highlight=False).print(results_table(results))


def results_table(results: Sequence[Result]) -> Table:
    """Build a table with a row for each method."""
    evaluation = results[0].evaluation
    table = Table(title=f"{evaluation.split}: {evaluation.images} images, 95 % intervals", title_justify="left")
    table.add_column("method")
    for heading in ("mean IoU", "interval", "pixel acc.", "fit s", "images/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        ends = result.evaluation.intervals.whole["mean_iou"]
        interval = "-" if math.isnan(ends[0]) else f"{ends[0]:.3f}-{ends[1]:.3f}"
        figures = (_figure(result.evaluation.mean_iou), interval, _figure(result.evaluation.pixel_accuracy))
        table.add_row(result.baseline.method, *figures, f"{result.baseline.fit_s:.1f}", f"{result.images_per_s:.1f}")
    return table


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"
