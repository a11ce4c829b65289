"""Gather the test scores of several runs into one table: mean and standard deviation over seeds for each arm.

`python benchmarks/collect.py OUT --pattern 'camvid_*.json' --out camvid.json` reads what `segan evaluate --json` wrote
to files named `<data>_<arm>_<seed>.json`.
"""

import argparse
import json
import statistics
from collections import defaultdict
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pattern", default="*.json")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    arms: dict[str, dict[str, float]] = defaultdict(dict)
    for path in sorted(arguments.folder.glob(arguments.pattern)):
        arm, _, seed = path.stem.rpartition("_")
        arms[arm][seed] = json.loads(path.read_text(encoding="utf-8"))["mean_iou"]
    table = {}
    for arm, scores in arms.items():
        values = list(scores.values())
        spread = statistics.stdev(values) if len(values) > 1 else None
        table[arm] = {"mean_iou": statistics.mean(values), "standard_deviation": spread, "seeds": scores}
        shown = "one seed" if spread is None else f"s.d. {100 * spread:.2f}, {len(values)} seeds"
        print(f"{arm:32s} test mean IoU {100 * statistics.mean(values):.2f} ({shown})")
    if arguments.out:
        arguments.out.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
