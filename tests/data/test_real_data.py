import os
import time
from pathlib import Path

import numpy as np
import pytest

from segan.data.check import check_dataset
from segan.data.dataset import scan_dataset

DATA = Path(os.environ.get("SEGAN_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


def folder(name):
    if not (DATA / name / "images").is_dir():
        pytest.skip(f"no real data: {DATA / name} is missing; set SEGAN_DATA to the folder that holds {name}")
    return DATA / name


def test_membrane_has_a_fixed_split():
    dataset = scan_dataset(folder("membrane"), card="membrane", val=0.15, test=0.15, seed=7)
    names = {split: [sample.name for sample in samples] for split, samples in dataset.samples.items()}
    assert [len(names[split]) for split in ("train", "val", "test", "unlabeled")] == [24, 0, 6, 30]
    assert names["test"] == ["05", "08", "10", "16", "26", "28"]
    report = check_dataset(dataset)
    assert (report.problems, report.warnings) == ((), ())
    shares = report.class_pixels("train") / report.class_pixels("train").sum()
    assert shares == pytest.approx([0.22, 0.78], abs=0.01)


def test_membrane_without_a_card():
    dataset = scan_dataset(folder("membrane"))
    assert dataset.labels.understood == "masks hold 0 and 255: read as 2 classes: background = 0, foreground = 255"


@pytest.mark.slow
def test_camvid():
    dataset = scan_dataset(folder("camvid"), card="camvid")
    assert [len(dataset.samples[split]) for split in ("train", "val", "test")] == [367, 101, 233]
    start = time.perf_counter()
    report = check_dataset(dataset)
    seconds = time.perf_counter() - start
    assert (report.problems, report.warnings) == ((), ())
    assert report.describe_sizes() == "all 360 x 480"
    pixels = report.class_pixels("train")
    assert pixels.sum() + report.statistics.ignored["train"] == 367 * 360 * 480
    frequent = np.array(dataset.labels.classes)[np.argsort(pixels)[-3:]]
    assert set(frequent) == {"sky", "building", "road"}
    assert seconds < 60
    found = scan_dataset(folder("camvid")).labels
    assert (len(found.classes), found.understood[:42]) == (12, "masks hold 0 to 11: read as 12 classes: cl")
