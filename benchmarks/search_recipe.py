"""The search for the default recipe, by the rule that docs/design.md fixed beforehand ("The search for the recipe").

Variants are compared on validation images: CamVid's validation split, and six of the 24 training images of the
membranes. Each stage is a call of `segan prove` for each data set, both at once with half of the processor's threads
each; the second adds to the runs of the first. The third looks at the test split, once: the winner and its controls,
and a planted effect, a network whose pixel loss is crippled. The fourth, decided after the third was seen, adds ten
seeds to the winner and to `pixel` on CamVid, where five leave a wide interval; it tells of the ten by themselves, too.
To repeat: `python benchmarks/search_recipe.py 1 --camvid data/camvid --membrane data/membrane --work runs/search`, then
with 2, 3 and 4.

Stopped, it goes on with the same command. `--table` writes what is there to `--out` and runs nothing.
"""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from segan.experiments.effects import compare_arms
from segan.experiments.runner import read_cell
from segan.experiments.standings import read_finished

# The recipe that was shipped when the search began.
SHIPPED: dict[str, Any] = {
    "loss.real_masks": "matched",
    "loss.adversarial_balance": "fixed",
    "loss.adversarial_weight": 0.01,
    "optimizer.discriminator_lr": 1e-4,
}
# What a discriminator needs to have a say in a run of some hundred steps.
_LOUD: dict[str, Any] = {
    "loss.real_masks": "straight_through",
    "loss.adversarial_balance": "gradient",
    "loss.adversarial_weight": 0.1,
    "optimizer.discriminator_lr": 5e-4,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "adversarial": SHIPPED,
    "weight_0.1": {**SHIPPED, "loss.adversarial_weight": 0.1},
    "smooth": {**SHIPPED, "loss.real_masks": "smooth"},
    "feature_matching": {
        **SHIPPED,
        "loss.real_masks": "straight_through",
        "loss.adversarial_weight": 0.0,
        "loss.feature_matching_weight": 1.0,
        "optimizer.discriminator_lr": 5e-4,
    },
    "loud": _LOUD,
    "loud_0.03": {**_LOUD, "loss.adversarial_weight": 0.03},
    "loud_0.3": {**_LOUD, "loss.adversarial_weight": 0.3},
    "loud_1.0": {**_LOUD, "loss.adversarial_weight": 1.0},
    "loud_matched": {**_LOUD, "loss.real_masks": "matched"},
    "loud_hinge": {**_LOUD, "loss.adversarial": "hinge"},
    "loud_lsgan": {**_LOUD, "loss.adversarial": "lsgan"},
    "loud_product": {**_LOUD, "discriminator.input": "product"},
    "loud_mask": {**_LOUD, "discriminator.input": "mask"},
    "loud_r1": {**_LOUD, "discriminator.norm": "none", "loss.r1_weight": 1.0, "loss.penalty_every_steps": 4},
    "loud_small_patch": {**_LOUD, "discriminator.depth": 1},
    "loud_full_size": {**_LOUD, "discriminator.input_scale": 1.0, "discriminator.channels": 16},
    "loud_multiscale": {**_LOUD, "discriminator.kind": "multiscale"},
    "loud_confidence": {**_LOUD, "discriminator.kind": "confidence"},
    "loud_per_class": {
        **_LOUD,
        "discriminator.kind": "pixel_class",
        "discriminator.channels": 8,
        "loss.adversarial": "per_class",
    },
    "loud_multiscale_l1": {**_LOUD, "loss.adversarial": "multiscale_l1"},
}
CONFIGS = {"camvid": "camvid_cpu", "membrane": "membrane"}
# Small crops in small batches: in a run of three minutes, more steps are worth more than larger ones.
_CROPS: list[dict[str, Any]] = [
    {"name": "resize", "mode": "crop", "factor": 0.5, "height": 128, "width": 160},
    {"name": "random_scale", "min": 0.75, "max": 1.75},
    {"name": "normalize"},
]
KEYS: dict[str, dict[str, Any]] = {"camvid": {"training.batch_size": 4, "preprocessing": _CROPS}, "membrane": {}}
# L1 between probabilities and the one-hot mask alone: rare classes do not pay.
CRIPPLED: dict[str, Any] = {
    "loss.adversarial_weight": 0.0,
    "loss.feature_matching_weight": 0.0,
    "loss.cross_entropy_weight": 0.0,
    "loss.dice_weight": 0.0,
    "loss.l1_weight": 1.0,
}
# Of the rule: seeds of each stage, variants that go on, and points of mean IoU that count as equal.
SEEDS = {1: 1, 2: 3, 3: 5, 4: 15}
TEST = 3
KEPT = 4
NEAR = 0.2


@dataclass(frozen=True)
class Ranked:
    """A variant against `pixel`, averaged over data sets and seeds.

    Args:
        name: Key of `VARIANTS`.
        mean_iou: Difference in points.
        boundary_f1: The same, at 2 px.
        cost: Training time as a multiple.
    """

    name: str
    mean_iou: float
    boundary_f1: float
    cost: float


def datasets_of(stage: int) -> list[str]:
    """Name the data sets of a stage: both, but for the further seeds."""
    return ["camvid"] if stage > TEST else list(CONFIGS)


def write_card(folder: Path) -> Path:
    """Write the membranes' card with six of its training images for validation; the test images stay the same."""
    card = yaml.safe_load((Path(__file__).parents[1] / "datasets" / "membrane.yaml").read_text(encoding="utf-8"))
    card["split"]["val"] = card["split"]["test"]
    path = folder / "membrane_search.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    return path


def prove(dataset: str, names: Sequence[str], arguments: argparse.Namespace, *, table: bool) -> subprocess.Popen[bytes]:
    """Begin to run the arms that are not done yet, or with `table` none of them; output goes to a file beside them."""
    keys = ["training.validate_every_steps=1000000", "training.lr_warmup_steps=20"]
    keys += ["inference.tta=none", "inference.min_area_px={}"]
    keys += [f"{key}={json.dumps(value)}" for key, value in KEYS[dataset].items()]
    if arguments.stage >= TEST:
        # The first name is the winner, which takes the place of the config's own recipe in arms and controls.
        keys += [f"{key}={json.dumps(value)}" for key, value in VARIANTS[names[0]].items()]
        arms, split, folder = "pixel,adversarial", "test", f"{dataset}_test"
        further = {}
        if arguments.stage == TEST:
            arms, further = f"{arms},shuffled,frozen", {"crippled": CRIPPLED}
    else:
        arms, split, folder = "pixel", "val", dataset
        further = {name: VARIANTS[name] for name in names}
        if dataset == "membrane":
            keys.append(f"data.card={write_card(arguments.work)}")
    words = [sys.executable, "-m", "segan", "prove", CONFIGS[dataset], "--data", str(getattr(arguments, dataset))]
    words += ["--split", split, "--arms", arms, "--seeds", str(SEEDS[arguments.stage])]
    words += ["--minutes", str(arguments.minutes), "--device", arguments.device]
    words += ["--out", str(arguments.work / folder), *(["--table"] if table else [])]
    words += [word for name, changes in further.items() for word in ("--arm", f"{name}={json.dumps(changes)}")]
    words += [word for key in keys for word in ("--set", key)]
    at_once = len(datasets_of(arguments.stage)) * len(arguments.device.split(","))
    threads = max(1, (os.cpu_count() or 1) // at_once)
    arguments.work.mkdir(parents=True, exist_ok=True)
    with (arguments.work / f"{dataset}.log").open("ab") as log:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        return subprocess.Popen(words, stdout=log, stderr=log, env=environment)


def compare_further(folder: Path) -> dict[str, Any]:
    """Compare the winner with `pixel` over the seeds that the stage before did not have."""
    cells = [read_cell(place.parent) for place in sorted((folder / "runs").glob("data/*/seed_*/cell.json"))]
    wanted = [cell for cell in cells if cell.seed >= SEEDS[TEST] and cell.method in {"pixel", "adversarial"}]
    (comparison,) = compare_arms(read_finished(wanted, folder))
    return {
        key: {"mean": effect.mean, "interval": effect.interval, "p": effect.p_value, "seeds": len(effect.by_seed)}
        for key, effect in comparison.effects.items()
    }


def read_effects(work: Path, datasets: Sequence[str], suffix: str = "") -> dict[str, dict[str, dict[str, Any]]]:
    """Read how each variant differs from `pixel`: by variant and data set."""
    effects: dict[str, dict[str, dict[str, Any]]] = {}
    for dataset in datasets:
        proof = json.loads((work / f"{dataset}{suffix}" / "proof.json").read_text(encoding="utf-8"))
        for row in proof["differences"]:
            if row["against"] == "pixel":
                effects.setdefault(row["arm"], {})[dataset] = row
    return effects


def rank(effects: Mapping[str, Mapping[str, Mapping[str, Any]]], stage: int) -> list[Ranked]:
    """Order the variants that ended on all data sets of a stage with all its seeds, the best first, by the rule."""
    rows = []
    for name, by_dataset in effects.items():
        whole = [row for row in by_dataset.values() if len(row["effects"]["mean_iou"]["by_seed"]) >= SEEDS[stage]]
        if len(whole) == len(datasets_of(stage)):
            points = [
                100 * fmean(row["effects"][figure]["mean"] for row in whole) for figure in ("mean_iou", "boundary_f1")
            ]
            rows.append(Ranked(name, *points, fmean(row["seconds_ratio"] for row in whole)))
    rows.sort(key=lambda row: -row.mean_iou)
    near = [row for row in rows if row.mean_iou >= rows[0].mean_iou - NEAR]
    return sorted(near, key=lambda row: (-row.boundary_f1, row.cost)) + rows[len(near) :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", type=int, choices=list(SEEDS))
    parser.add_argument("--camvid", type=Path, required=True)
    parser.add_argument("--membrane", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="Folder of the runs.")
    parser.add_argument("--minutes", type=float, default=3.0, help="Of the dearest arm; fixes the steps of all.")
    parser.add_argument("--kept", type=int, default=KEPT, help="Variants that go on to stage 2.")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--table", action="store_true", help="Write the table of what is done; run nothing.")
    parser.add_argument("--ranking", type=Path, help="Written by the stage before, where its runs are gone.")
    parser.add_argument("--out", type=Path, help="JSON to write.")
    arguments = parser.parse_args()
    names = list(VARIANTS)
    if arguments.stage > 1:
        before = json.loads(arguments.ranking.read_text(encoding="utf-8"))["ranked"] if arguments.ranking else None
        order = [row["name"] for row in before] if before else None
        searched = min(arguments.stage, TEST) - 1
        ranked_before = order or [row.name for row in rank(read_effects(arguments.work, list(CONFIGS)), searched)]
        names = ranked_before[: arguments.kept if arguments.stage < TEST else 1]
    datasets = datasets_of(arguments.stage)
    running = [prove(dataset, names, arguments, table=arguments.table) for dataset in datasets]
    for process in running:
        process.wait()  # Arms that failed are told in the log, and are out.
    effects = read_effects(arguments.work, datasets, "_test" if arguments.stage >= TEST else "")
    ranked = rank(effects, arguments.stage)
    print("| variant | mean IoU, points | boundary F1, points | time |\n| --- | --- | --- | --- |")
    for row in ranked:
        print(f"| {row.name} | {row.mean_iou:+.2f} | {row.boundary_f1:+.2f} | {row.cost:.2f} |")
    if arguments.out:
        facts = {
            "date": date.today().isoformat(),
            "command": shlex.join(["python", "benchmarks/search_recipe.py", *sys.argv[1:]]),
            "machine": platform.processor() or platform.machine(),
            "variants": {name: VARIANTS[name] for name in names},
            "ranked": [vars(row) for row in ranked],
            "effects": effects,
        }
        if arguments.stage > TEST:
            facts["further_seeds"] = {name: compare_further(arguments.work / f"{name}_test") for name in datasets}
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
