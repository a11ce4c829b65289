import pytest
from toy_benchmark import TINY, toy_cells

from segan.experiments.expectation import expect_all_s, expect_s, show_left

DATASETS = {"a": {"root": "a"}, "b": {"root": "b"}}


def cells_of(**changes):
    return {cell.id: cell for cell in toy_cells(datasets=DATASETS, methods={"unet": {}, "fpn": {}}, **changes)}


def test_twins_come_before_others_of_the_kind():
    cells = cells_of()
    cell = cells["a/unet-pixel/seed_1"]
    done = [(cells["b/fpn-pixel/seed_0"], 10.0), (cells["a/unet-adversarial/seed_0"], 99.0)]
    assert expect_s(cell, []) is None
    assert expect_s(cell, done) == 10.0
    done.append((cells["a/fpn-pixel/seed_0"], 20.0))
    assert expect_s(cell, done) == 20.0
    done.append((cells["a/unet-pixel/seed_0"], 30.0))
    assert expect_s(cell, done) == 30.0


def test_a_budget_comes_before_others_of_the_kind():
    cells = cells_of(set={**TINY, "training.max_minutes": 4})
    done = [(cells["a/fpn-pixel/seed_0"], 20.0)]
    assert expect_s(cells["a/unet-pixel/seed_0"], done) == 270.0
    assert expect_all_s(cells.values(), done) == (20.0 * 2 + 270.0 * 14, 0)


@pytest.mark.parametrize(
    ("done", "shown"),
    [([], "2 cells left"), ([60.0], "about 1 min left and 1 cells of unknown length"), ([60.0, 120.0], "3 min left")],
)
def test_time_left_is_told(done, shown):
    pixel, adversarial, *left = toy_cells(seeds=[0, 1])
    timed = list(zip([pixel, adversarial], done, strict=False))
    assert show_left(left, timed).endswith(shown)
