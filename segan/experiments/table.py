"""The results of a benchmark as files: `results.csv`, `results.json` and `table.md`."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segan import __version__
from segan.evaluation.intervals import plain_ends
from segan.experiments.cells import Cell
from segan.experiments.standings import Finished, Gain, Standing, find_gains, rank
from segan.experiments.words import markdown_rows, or_none, plain_cell, show_ends, show_quantity, show_score
from segan.files import write_json, write_text_atomically

TABLE, CSV, JSON = "table.md", "results.csv", "results.json"

_COLUMNS = (
    "images", "mean_iou", "mean_iou_low", "mean_iou_high", "pixel_accuracy", "validation_mean_iou", "training_minutes",
    "steps", "best_step", "ended", "parameters", "macs", "macs_image", "train_images_per_s", "predict_images_per_s",
    "peak_memory_mib", "peak_gpu_memory_mib", "architecture", "encoder", "weights", "precision", "device",
    "processor", "threads", "torch", "segan",
)  # fmt: skip

_HEADINGS = (
    "method", "mode", "seeds", "mean IoU", "s.d.", "95 % interval", "pixel accuracy", "minutes", "steps",
    "M parameters", "GMAC an image", "images/s training", "images/s predicting", "MiB", "notes",
)  # fmt: skip

_READING = """\
Scores are of the test split, which is used for no choice; mean IoU is macro over the classes, of pixels pooled over the
split at full size. Several seeds: their mean, and s.d. is the standard deviation over them. The 95 % interval is over
images (drawn with replacement, all seeds of an image together): it says how far other images of the same kind would
move the score of these very runs, not what other seeds would do. Bold: the best mean IoU of its data, where the
interval of its lead over the next best, image by image, does not hold 0. Minutes are of training (fitting, for a
baseline). Parameters are those of the network that predicts. GMAC: 10^9 multiply-accumulates of convolutions and matrix
products for the first test image. Images/s of training leave validation out; those of predicting leave decoding and
scoring out. MiB: the most memory of the process, or of the GPU where there is one. Only speeds and memory of one
machine compare."""

_GAINS = """\
Paired by seed and image. The interval over images draws images, for these very runs; the one over seeds is Student's,
of the differences by seed, and takes two seeds or more. `better` or `worse`: neither interval holds 0; `not shown`: one
does, which is no proof that both are equal."""


def write_results(
    name: str, finished: Sequence[Finished], failed: Mapping[str, str], left: Sequence[Cell], out: Path
) -> list[Standing]:
    """Write the three files of results from finished cells.

    Args:
        name: Of the benchmark.
        finished: From `read_finished`.
        failed: What went wrong, by cell.
        left: Cells that were not run.
        out: Folder to write them to.

    Returns:
        What the table shows.

    Raises:
        DataError: Cells of one data set scored other images.
    """
    standings, gains = rank(finished), find_gains(finished)
    write_text_atomically(out / CSV, render_csv(finished))
    write_json(out / JSON, render_json(name, finished, standings, gains, failed, left))
    write_text_atomically(out / TABLE, render_table(name, standings, gains, failed, left))
    return standings


def render_csv(finished: Sequence[Finished]) -> str:
    """Write a line for each cell; a class or figure that a data set does not have is empty."""
    rows = [flatten(run) for run in finished]
    further = dict.fromkeys(key for row in rows for key in row if key.startswith(("iou_", "more_")))
    stream = io.StringIO()
    header = ["dataset", "method", "mode", "seed", *_COLUMNS, *further]
    writer = csv.DictWriter(stream, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: plain_cell(value) for key, value in row.items()} for row in rows)
    return stream.getvalue()


def flatten(run: Finished) -> dict[str, Any]:
    """Return the columns of a cell."""
    cell, figures = run.cell, run.figures
    return {
        "dataset": cell.dataset,
        "method": cell.method,
        "mode": cell.mode,
        "seed": cell.seed,
        **{key: figures.get(key) for key in _COLUMNS},
        **{f"iou_{name}": value for name, value in figures["iou"].items()},
        **{f"more_{name}": value for name, value in figures["more"].items()},
    }


def render_json(
    name: str,
    finished: Sequence[Finished],
    standings: Sequence[Standing],
    gains: Sequence[Gain],
    failed: Mapping[str, str],
    left: Sequence[Cell],
) -> dict[str, Any]:
    """Return everything as plain values."""
    return {
        "benchmark": name,
        "segan": __version__,
        "methods": [_standing_json(standing) for standing in standings],
        "adversarial_minus_pixel": [_gain_json(gain) for gain in gains],
        "cells": [flatten(run) for run in finished],
        "failed": dict(failed),
        "left": [cell.id for cell in left],
    }


def render_table(
    name: str, standings: Sequence[Standing], gains: Sequence[Gain], failed: Mapping[str, str], left: Sequence[Cell]
) -> str:
    """Write the table for people, in Markdown."""
    lines = [f"# Benchmark {name}", "", *(f"- {line}" for line in _machines(standings)), ""]
    for dataset in dict.fromkeys(standing.cell.dataset for standing in standings):
        shown = [standing for standing in standings if standing.cell.dataset == dataset]
        figures = shown[0].runs[0].figures
        lines += [f"## {dataset}", "", f"{figures['images']} test images, {len(figures['iou'])} classes.", ""]
        lines += [*markdown_rows(_HEADINGS, [_standing_cells(standing) for standing in shown]), ""]
    if gains:
        headings = (
            "data",
            "method",
            "seeds",
            "difference",
            "95 % over images",
            "by seed",
            "95 % over seeds",
            "reading",
        )
        lines += [
            "## Adversarial minus pixel-only",
            "",
            *markdown_rows(headings, map(_gain_cells, gains)),
            "",
            _GAINS,
            "",
        ]
    if failed or left:
        lines += ["## Not in these tables", ""]
        lines += [f"- {cell_id}: failed: {problem}" for cell_id, problem in failed.items()]
        lines += [f"- {cell.id}: not run yet" for cell in left] + [""]
    return "\n".join([*lines, "## How to read this", "", _READING, ""])


def _machines(standings: Sequence[Standing]) -> list[str]:
    """Name each kind of machine that cells ran on."""
    found: dict[str, None] = {}
    for figures in (run.figures for standing in standings for run in standing.runs):
        place = " ".join(filter(None, [figures["device"], figures["processor"]]))
        software = f"torch {figures['torch']}, segan {figures['segan']}"
        found[f"{place}, {figures['threads']} threads, {software}"] = None
    return list(found)


def _standing_cells(standing: Standing) -> list[str]:
    seeds = [run.cell.seed for run in standing.runs]
    score = show_score(standing.mean_iou)
    gpu = standing.mean("peak_gpu_memory_mib")
    return [
        standing.cell.method,
        standing.cell.mode,
        str(len(seeds)),
        f"**{score}**" if standing.is_best else score,
        "-" if standing.spread is None else show_score(standing.spread),
        show_ends(standing.interval),
        show_score(standing.mean("pixel_accuracy")),
        show_quantity(standing.mean("training_minutes"), 1.0, 2),
        show_quantity(standing.mean("steps"), 1.0, 0),
        show_quantity(standing.mean("parameters"), 1e6, 2),
        show_quantity(standing.mean("macs"), 1e9, 2),
        show_quantity(standing.mean("train_images_per_s"), 1.0, 2),
        show_quantity(standing.mean("predict_images_per_s"), 1.0, 2),
        show_quantity(standing.mean("peak_memory_mib") if gpu is None else gpu, 1.0, 0),
        "; ".join(_notes(standing)),
    ]


def _notes(standing: Standing) -> list[str]:
    """Tell what a reader must know: one seed, runs cut short."""
    notes = ["1 seed"] if len(standing.runs) == 1 and standing.cell.baseline is None else []
    ends = {run.figures["ended"] for run in standing.runs} - {"done"}
    words = {"time_budget": "a run cut at its time budget", "early_stop": "a run stopped early"}
    return notes + [words.get(end, end) for end in sorted(ends)]


def _gain_cells(gain: Gain) -> list[str]:
    return [
        gain.dataset,
        gain.method,
        str(len(gain.by_seed)),
        f"{gain.difference:+.4f}",
        show_ends(gain.interval, "+.4f"),
        ", ".join(f"{seed}: {value:+.4f}" for seed, value in gain.by_seed.items()),
        show_ends(gain.seed_interval, "+.4f"),
        gain.verdict,
    ]


def _standing_json(standing: Standing) -> dict[str, Any]:
    return {
        "dataset": standing.cell.dataset,
        "method": standing.cell.method,
        "mode": standing.cell.mode,
        "seeds": [run.cell.seed for run in standing.runs],
        "mean_iou": or_none(standing.mean_iou),
        "standard_deviation": None if standing.spread is None else or_none(standing.spread),
        "interval": plain_ends(standing.interval),
        "is_best": standing.is_best,
        "training_minutes": standing.mean("training_minutes"),
    }


def _gain_json(gain: Gain) -> dict[str, Any]:
    return {
        "dataset": gain.dataset,
        "method": gain.method,
        "difference": or_none(gain.difference),
        "by_seed": {str(seed): or_none(value) for seed, value in gain.by_seed.items()},
        "interval": plain_ends(gain.interval),
        "seed_interval": plain_ends(gain.seed_interval),
        "verdict": gain.verdict,
    }
