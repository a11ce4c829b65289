"""A proof from its config to its verdict: plan, length, runs, effects."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segan.errors import UsageError
from segan.experiments.arms import PIXEL, Arm, plan_arms
from segan.experiments.cells import Cell
from segan.experiments.execute import Limits, execute_cells
from segan.experiments.expectation import expect_all_s
from segan.experiments.runner import Report, is_done, past_times
from segan.files import refuse_inside, write_json
from segan.training.display import Display
from segan.training.setup import set_up
from segan.training.signals import StopRequest

PLAN = "plan.json"


@dataclass(frozen=True)
class Proof:
    """A planned proof.

    Args:
        config: As the user named it.
        cells: All runs, in the order they run.
        out: Folder of its results.
        seeds: Of each arm.
        minutes: Time budget that the number of steps was measured for; `None`: none.
        run_s: Expected seconds of a run by arm, where they were measured.
    """

    config: str
    cells: tuple[Cell, ...]
    out: Path
    seeds: tuple[int, ...]
    minutes: float | None
    run_s: Mapping[str, float]

    @property
    def arms(self) -> list[str]:
        """Names of the arms, `pixel` first."""
        names = list(dict.fromkeys(cell.method for cell in self.cells))
        return [PIXEL, *(name for name in names if name != PIXEL)]


def plan_proof(
    config: str,
    keys: Mapping[str, Any],
    arms: Sequence[Arm],
    seeds: int,
    out: Path,
    *,
    device: str,
    split: str | None,
    redo: bool = False,
    display: Display,
) -> Proof:
    """Fix the length of the runs and list them.

    All arms take the same number of steps. Where the config has a time budget, it is measured how many steps of the
    dearest arm fit it; the number is kept in `plan.json`, so that more seeds or a resumed proof take the same.

    Args:
        config: A shipped name or a path.
        keys: Dotted keys for all arms, `data.root` among them.
        arms: From `parse_arms`.
        seeds: How many; they are 0, 1, 2 ...
        out: Folder of the results.
        device: On which a step is timed.
        split: Where arms are scored; `None`: test.
        redo: Forget the length that was fixed for other settings.
        display: Where news go.

    Raises:
        ConfigError: Anything wrong in an arm.
        DataError: All problems of the dataset.
        UsageError: OUT lies in the data or holds another proof.
    """
    numbers = tuple(range(seeds))
    cells = plan_arms(config, keys, arms, numbers, split=split)
    refuse_inside(out, [Path(place) for place in (cells[0].config.data.root,) if place is not None])
    minutes = cells[0].config.training.max_minutes
    record = {} if redo else _read_plan(out, minutes)
    steps, run_s = record.get("steps"), record.get("run_s", {})
    first = [cell for cell in cells if cell.seed == 0]
    if not run_s.keys() >= {cell.method for cell in first}:
        steps, run_s = _measure(first, steps, device, display)
    cells = plan_arms(config, keys, arms, numbers, steps=steps, split=split)
    return Proof(config, tuple(cells), out, numbers, minutes, run_s)


def write_plan(proof: Proof) -> None:
    """Keep what was measured before the first run, for all that follow."""
    steps = proof.cells[0].config.training.steps
    write_json(
        proof.out / PLAN, {"steps": steps, "minutes": proof.minutes, "run_s": dict(proof.run_s), "arms": proof.arms}
    )


def run_proof(proof: Proof, *, devices: Sequence[str], limits: Limits, display: Display) -> tuple[Report, StopRequest]:
    """Run what is not done yet, each run in a process of its own; see `execute_cells`."""
    write_plan(proof)
    words = ["prove", proof.config, "--out", str(proof.out)]
    return execute_cells(proof.cells, proof.cells, proof.out, words, devices=devices, limits=limits, display=display)


def expect_left_s(proof: Proof, devices: int) -> float:
    """Expect the seconds until all runs are done, from finished runs, else from the steps that were timed."""
    done = [cell for cell in proof.cells if is_done(proof.out, cell)]
    left = [cell for cell in proof.cells if cell not in done]
    timed = past_times(done, proof.out)
    known = {cell.method for cell, _ in timed}
    measured = [(cell, proof.run_s[cell.method]) for cell in left if cell.method not in known]
    seconds, _ = expect_all_s(left, [*timed, *measured])
    return seconds / devices


def _read_plan(out: Path, minutes: float | None) -> dict[str, Any]:
    """Read the length that was fixed before the first run; nothing where there was none."""
    path = out / PLAN
    if not path.is_file():
        return {}
    try:
        content = dict(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise UsageError(
            f"{path}: cannot be read ({error}), expected the plan of a proof. Choose another --out, or add --redo."
        ) from error
    if content.get("minutes") != minutes:
        raise UsageError(
            f"{path}: the length was fixed for {content.get('minutes')} minutes a run, now {minutes} seen, expected as "
            "many. Undo the change, choose another --out, or add --redo to do all runs again."
        )
    return content


def _measure(
    cells: Sequence[Cell], steps: int | None, device: str, display: Display
) -> tuple[int | None, dict[str, float]]:
    """Time a few steps of each arm; the dearest one decides how many steps fit a time budget.

    Arms that differ in nothing a step costs, such as a control and its original, are timed once.
    """
    seconds: dict[str, float] = {}
    fitting: list[int] = []
    known: dict[str, tuple[float, int]] = {}
    for cell in cells:
        kind = _cost_key(cell)
        if kind not in known:
            display.line(f"timing a few steps of {cell.method}")
            with tempfile.TemporaryDirectory() as folder:
                setting, state = set_up(
                    cell.config,
                    Path(folder) / "run",
                    resume=False,
                    device=device,
                    display=Display(quiet=True),
                    dry_run=True,
                )
            assert setting.estimated_s is not None
            known[kind] = setting.estimated_s, state.progress.total_steps
        seconds[cell.method] = known[kind][0]
        fitting.append(known[kind][1])
    fixed = min(fitting) if steps is None else steps
    return fixed, {name: value * fixed / taken for (name, value), taken in zip(seconds.items(), fitting, strict=True)}


def _cost_key(cell: Cell) -> str:
    tree = cell.config.model_dump(mode="json")
    tree["discriminator"].pop("control")
    return json.dumps({**tree, "seed": 0}, sort_keys=True)
