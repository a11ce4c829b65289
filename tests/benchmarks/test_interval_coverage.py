"""The intervals cover as often as they say, by a small copy of the benchmark; the table is in its results."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parent.parent.parent / "benchmarks" / "interval_coverage.py"
SPEC = importlib.util.spec_from_file_location("interval_coverage", PATH)
assert SPEC is not None
assert SPEC.loader is not None
COVERAGE = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = COVERAGE
SPEC.loader.exec_module(COVERAGE)


def test_images_are_drawn_whole() -> None:
    population = COVERAGE.POPULATIONS["three classes"]
    matrices = COVERAGE.draw_images(np.random.default_rng(0), 50, population, methods=2)
    assert matrices.shape == (2, 50, 3, 3)
    assert (matrices >= 0).all()
    assert (matrices[0].sum(axis=-1) - matrices[1].sum(axis=-1)).max() <= 2  # One truth, up to rounding.


def test_intervals_cover_in_a_few_hundred_simulations() -> None:
    """Within four standard errors of 95 %: 300 simulations cannot tell more."""
    population = COVERAGE.POPULATIONS["two classes"]
    truth = COVERAGE.true_figures(population, 100_000)
    random = np.random.default_rng(3)
    covered = [
        (low <= truth) & (truth <= high)
        for low, high in (
            COVERAGE.bootstrap_interval(
                COVERAGE.margins(COVERAGE.draw_images(random, 30, population)[0]), COVERAGE.figures
            )
            for _ in range(300)
        )
    ]
    share = np.mean(covered, axis=0)
    assert (np.abs(share - 0.95) < 4 * (0.95 * 0.05 / 300) ** 0.5).all()


def test_the_script_writes_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "coverage.json"
    monkeypatch.setattr(COVERAGE, "POPULATIONS", {"two": COVERAGE.POPULATIONS["two classes"]})
    monkeypatch.setattr(
        sys, "argv", ["interval_coverage.py", "--simulations", "2", "--images", "10", "--out", str(out)]
    )
    COVERAGE.main()
    row = json.loads(out.read_text())["populations"]["two"]["by_images"][0]
    assert row["images"] == 10
    assert row["coverage"]["shipped"]["mean_iou"] in {0.0, 50.0, 100.0}
