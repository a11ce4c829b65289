"""The results of a proof as files: `proof.json`, `proof.md` and the picture `proof.png`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segan import __version__
from segan.evaluation.hierarchy import detectable_with
from segan.evaluation.intervals import plain_ends
from segan.experiments.cells import Cell
from segan.experiments.effects import MEASURED, VERDICT_ON, Comparison, Effect, Verdict
from segan.experiments.standings import Finished, Standing
from segan.experiments.words import markdown_rows, or_none, show_ends, show_quantity, show_score
from segan.files import write_json, write_text_atomically

TABLE, JSON, PICTURE = "proof.md", "proof.json", "proof.png"

_ARMS = ("arm", "seeds", "mean IoU", "s.d.", "95 % over images", "minutes", "steps", "MiB")
_EFFECTS = ("arm", "minus", "figure", "difference", "95 % interval", "p", "by seed")

_READING = """\
Every arm has the same seeds, splits, order of data, augmentation and number of steps, so that runs are compared seed by
seed and image by image. The interval of a difference draws seeds and images and says where the mean over other seeds
and other images of the same kind would lie; p is the sign-flip test over seeds alone, never below 2 / 2^seeds.
Differences are in points, hundredths of the figure; of the component error lower is better. `shuffled` is a
discriminator that is shown the true masks of other images, `frozen` one with random weights that never learns: neither
can know which mask belongs to an image. An arm helps where its interval against `pixel` and those against all controls
lie above 0, and hurts where the one against `pixel` lies below 0. `no evidence` is no proof that it does nothing: see
the smallest difference that these seeds and images can show."""


@dataclass(frozen=True)
class Results:
    """What is written.

    Args:
        config: As the user named it.
        split: Where the arms were scored.
        standings: A row for each arm.
        comparisons: From `compare_arms`.
        verdicts: From `judge`.
        failed: What went wrong, by run.
        left: Runs that are not done.
    """

    config: str
    split: str
    standings: Sequence[Standing]
    comparisons: Sequence[Comparison]
    verdicts: Sequence[Verdict]
    failed: Mapping[str, str]
    left: Sequence[Cell]


def write_proof(results: Results, out: Path) -> None:
    """Write the three files."""
    write_json(out / JSON, render_json(results))
    write_text_atomically(out / TABLE, render_table(results))
    if results.comparisons:
        draw_effects(out / PICTURE, results.comparisons)


def show_verdict(verdict: Verdict) -> str:
    """Say a verdict in one line."""
    kind = " (control)" if verdict.role == "control" else ""
    return f"{verdict.arm}{kind}: {verdict.found}: {verdict.reason}"


def show_power(effect: Effect) -> str:
    """Say what difference the seeds and images at hand can show, given the interval that they left."""
    seeds = len(effect.by_seed)
    if seeds < 2:
        return "one seed shows no difference: take five or more"
    found = 100 * detectable_with(effect.interval)
    return (
        f"{seeds} seeds, which spread by {100 * effect.spread:.2f} points, and these images show {found:.2f} points or "
        "more, about four times in five"
    )


def render_table(results: Results) -> str:
    """Write the table for people, in Markdown."""
    lines = [f"# Proof of {results.config}", ""]
    lines += [f"- **{show_verdict(verdict)}**" for verdict in results.verdicts] + [""]
    lines += _power(results.comparisons)
    lines += [
        f"Scores of the {results.split} split.",
        "",
        *markdown_rows(_ARMS, map(_arm_cells, results.standings)),
        "",
    ]
    rows = [
        _effect_cells(comparison, effect)
        for comparison in results.comparisons
        for effect in comparison.effects.values()
    ]
    if rows:
        lines += ["## Differences", "", *markdown_rows(_EFFECTS, rows), "", f"![differences]({PICTURE})", ""]
        lines += [_cost(comparison) for comparison in results.comparisons if comparison.against == "pixel"] + [""]
    if results.failed or results.left:
        lines += ["## Not in these tables", ""]
        lines += [f"- {cell_id}: failed: {problem}" for cell_id, problem in results.failed.items()]
        lines += [f"- {cell.id}: not run yet" for cell in results.left] + [""]
    return "\n".join([*lines, "## How to read this", "", _READING, ""])


def render_json(results: Results) -> dict[str, Any]:
    """Return everything as plain values; shares, not points."""
    return {
        "config": results.config,
        "split": results.split,
        "segan": __version__,
        "verdicts": [vars(verdict) for verdict in results.verdicts],
        "arms": [_arm_json(standing) for standing in results.standings],
        "differences": [_comparison_json(comparison) for comparison in results.comparisons],
        "failed": dict(results.failed),
        "left": [cell.id for cell in results.left],
    }


def draw_effects(path: Path, comparisons: Sequence[Comparison]) -> None:
    """Draw each difference with its interval and its seeds, a panel for each figure.

    Args:
        path: PNG to write.
        comparisons: From `compare_arms`.
    """
    # Imported here: it takes half a second that only the end of a proof should pay.
    from matplotlib.figure import Figure

    names = [f"{comparison.arm} - {comparison.against}" for comparison in comparisons]
    shown = [key for key in MEASURED if any(key in comparison.effects for comparison in comparisons)]
    picture = Figure(figsize=(3.2 * len(shown) + 1.5, 0.45 * len(names) + 1.3), layout="constrained")
    panels = picture.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, key in zip(panels, shown, strict=True):
        axes.axvline(0.0, color="0.4", linewidth=1)
        for place, comparison in enumerate(comparisons):
            effect = comparison.effects.get(key)
            if effect is None:
                continue
            points = [100 * value for value in effect.by_seed.values()]
            axes.plot(points, [place] * len(points), "|", color="0.55", markersize=9)
            low, high = (100 * end for end in effect.interval)
            axes.plot([low, high], [place, place], color="C0", linewidth=2)
            axes.plot([100 * effect.mean], [place], "o", color="C0", markersize=5)
        lower = " (lower is better)" if MEASURED[key].sign < 0 else ""
        axes.set_title(f"{MEASURED[key].title}{lower}", fontsize="medium")
        axes.set_xlabel("points")
        axes.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, dpi=110)


def _power(comparisons: Sequence[Comparison]) -> list[str]:
    shown = [comparison for comparison in comparisons if comparison.against == "pixel"]
    return [f"- {comparison.arm}: {show_power(comparison.effects[VERDICT_ON])}" for comparison in shown] + [""]


def _arm_cells(standing: Standing) -> list[str]:
    gpu = standing.mean("peak_gpu_memory_mib")
    return [
        standing.cell.method,
        str(len(standing.runs)),
        show_score(standing.mean_iou),
        "-" if standing.spread is None else show_score(standing.spread),
        show_ends(standing.interval),
        show_quantity(standing.mean("training_minutes"), 1.0, 2),
        show_quantity(standing.mean("steps"), 1.0, 0),
        show_quantity(standing.mean("peak_memory_mib") if gpu is None else gpu, 1.0, 0),
    ]


def _effect_cells(comparison: Comparison, effect: Effect) -> list[str]:
    low, high = effect.interval
    return [
        comparison.arm,
        comparison.against,
        MEASURED[effect.figure].title,
        f"{100 * effect.mean:+.2f}",
        show_ends((100 * low, 100 * high), "+.2f"),
        "-" if effect.p_value != effect.p_value else f"{effect.p_value:.3f}",
        ", ".join(f"{100 * value:+.2f}" for value in effect.by_seed.values()),
    ]


def _cost(comparison: Comparison) -> str:
    parts = [
        f"{ratio:.2f} times the {what}"
        for ratio, what in ((comparison.seconds_ratio, "training time"), (comparison.memory_ratio, "memory"))
        if ratio is not None
    ]
    return f"- {comparison.arm} costs {' and '.join(parts) or 'an unknown amount'} of pixel."


def _arm_json(standing: Standing) -> dict[str, Any]:
    runs: Sequence[Finished] = standing.runs
    return {
        "arm": standing.cell.method,
        "mean_iou": or_none(standing.mean_iou),
        "standard_deviation": None if standing.spread is None else or_none(standing.spread),
        "interval": plain_ends(standing.interval),
        "by_seed": {str(run.cell.seed): or_none(run.evaluation.mean_iou) for run in runs},
        "training_minutes": standing.mean("training_minutes"),
        "steps": standing.mean("steps"),
        "peak_memory_mib": standing.mean("peak_memory_mib"),
    }


def _comparison_json(comparison: Comparison) -> dict[str, Any]:
    effects = {
        key: {
            "mean": or_none(effect.mean),
            "interval": plain_ends(effect.interval),
            "p_value": or_none(effect.p_value),
            "by_seed": {str(seed): or_none(value) for seed, value in effect.by_seed.items()},
        }
        for key, effect in comparison.effects.items()
    }
    ratios = {"seconds_ratio": comparison.seconds_ratio, "memory_ratio": comparison.memory_ratio}
    return {"arm": comparison.arm, "against": comparison.against, **ratios, "effects": effects}
