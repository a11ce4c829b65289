"""The table of methods and what the pages say of it, and the real data where they lie."""

import os
import re
from pathlib import Path

import pytest

from segan.baselines import BASELINES, fit_baseline
from segan.data.source import Source
from segan.evaluation.evaluate import evaluate_model

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("SEGAN_DATA") or ROOT.parent / "shared" / "data")


def test_the_page_tells_of_each_method_and_how_many_images_it_looks_at():
    text = (ROOT / "docs" / "howto" / "baselines.md").read_text()
    told = {}
    for row in re.findall(r"^\| `.*$", text.partition("## The methods")[2].partition("\n## ")[0], re.MULTILINE):
        cells = row.strip("|").split(" | ")
        number = re.match(r"\d+", cells[3].strip())
        told |= {name: int(number[0]) if number else None for name in re.findall(r"`(\w+)`", cells[0])}
    assert told == {name: method.images if method.images < 1000 else None for name, method in BASELINES.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["otsu", "adaptive", "forest"])
def test_membranes_are_told_from_cells(name):
    if not (DATA / "membrane" / "images").is_dir():
        pytest.skip(f"no real data: {DATA / 'membrane'} is missing; set SEGAN_DATA to the folder that holds membrane")
    dataset = Source.of_dataset(DATA / "membrane").scan("membrane")
    fitted = fit_baseline(name, dataset.samples["train"], dataset.labels, max_images=6)
    floor = fit_baseline("majority", dataset.samples["train"], dataset.labels)
    test = dataset.samples["test"]
    gain = evaluate_model(fitted, test, dataset.labels).mean_iou - evaluate_model(floor, test, dataset.labels).mean_iou
    assert gain > 0.1


def test_scikit_learn_is_imported_inside_functions_alone():
    for path in (ROOT / "segan").rglob("*.py"):
        assert not re.search(r"^(from|import) sklearn", path.read_text(encoding="utf-8"), re.MULTILINE), path
