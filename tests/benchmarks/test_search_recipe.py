"""The search for the recipe orders variants by its rule, and all of them can be built."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from segan.config import load_config
from segan.experiments.arms import parse_arms

PATH = Path(__file__).parent.parent.parent / "benchmarks" / "search_recipe.py"
SPEC = importlib.util.spec_from_file_location("search_recipe", PATH)
assert SPEC is not None
assert SPEC.loader is not None
SEARCH = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(SEARCH)


@pytest.mark.parametrize("name", SEARCH.VARIANTS)
def test_variants_are_configs(name: str) -> None:
    for base in SEARCH.CONFIGS.values():
        load_config(None, extra=dict(SEARCH.VARIANTS[name]), base=base)
    (arm,) = parse_arms("pixel", [f"{name}={json.dumps(SEARCH.VARIANTS[name])}"])[1:]
    assert arm.keys == SEARCH.VARIANTS[name]


def test_variants_are_ordered_by_the_rule() -> None:
    effects = {
        "best": _both(0.010, 0.001, 1.1),
        "near, sharper": _both(0.009, 0.002, 1.4),
        "near, as sharp, dearer": _both(0.0085, 0.002, 1.5),
        "far": _both(0.007, 0.100, 1.0),
        "on one data set": {"camvid": _row(0.2, 0.2, 1.0)},
        "too few seeds": _both(0.2, 0.2, 1.0, seeds=1),
    }
    names = [row.name for row in SEARCH.rank(effects, stage=2)]
    assert names == ["near, sharper", "near, as sharp, dearer", "best", "far"]


def test_points_are_the_mean_over_data_sets() -> None:
    effects = {"a": {"camvid": _row(0.01, 0.0, 1.0), "membrane": _row(-0.02, 0.02, 2.0)}}
    (row,) = SEARCH.rank(effects, stage=1)
    assert (row.mean_iou, row.boundary_f1, row.cost) == pytest.approx((-0.5, 1.0, 1.5))


def test_further_seeds_are_of_one_data_set() -> None:
    rows = SEARCH.rank({"a": {"camvid": _row(0.01, 0.0, 1.0, seeds=15)}}, stage=4)
    assert [(row.name, row.mean_iou) for row in rows] == [("a", pytest.approx(1.0))]


def test_membrane_card_keeps_the_test_images(tmp_path: Path) -> None:
    text = SEARCH.write_card(tmp_path).read_text()
    assert "val: 0.2" in text
    assert "test: 0.2" in text


def _both(mean_iou: float, boundary_f1: float, cost: float, *, seeds: int = 3) -> dict[str, Any]:
    return {name: _row(mean_iou, boundary_f1, cost, seeds=seeds) for name in SEARCH.CONFIGS}


def _row(mean_iou: float, boundary_f1: float, cost: float, *, seeds: int = 3) -> dict[str, Any]:
    by_seed = {str(seed): mean_iou for seed in range(seeds)}
    effects = {"mean_iou": {"mean": mean_iou, "by_seed": by_seed}, "boundary_f1": {"mean": boundary_f1}}
    return {"effects": effects, "seconds_ratio": cost}
