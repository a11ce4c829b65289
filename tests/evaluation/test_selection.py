import json

import numpy as np
import pytest
from PIL import Image

from segan.data.dataset import scan_dataset
from segan.data.labels import build_labels
from segan.data.source import Source
from segan.errors import DataError, UsageError
from segan.evaluation.selection import select_masks, select_samples

MODEL_LABELS = build_labels(["earth", "water"], mapping={0: 0, 255: 1})


def draw(root, names):
    mask = np.zeros((4, 4), np.uint8)
    mask[:2] = 255
    for name in names:
        for kind, pixels in (("images", np.zeros((4, 4, 3), np.uint8)), ("masks", mask)):
            path = root / kind / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)


def test_equal_names_in_two_splits_stay_apart(tmp_path):
    for split in ("train", "test"):
        for kind in ("images", "masks"):
            draw(tmp_path / "source", ["000", "001"])
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / "source" / kind).rename(tmp_path / "data" / kind / split)
    source = Source.of_dataset(tmp_path / "data")
    names = [sample.name for sample in select_samples(source, "all").samples]
    assert names == ["train/000", "train/001", "test/000", "test/001"]
    assert [sample.name for sample in select_samples(source, "test").samples] == ["000", "001"]


@pytest.fixture
def flat(tmp_path):
    draw(tmp_path / "flat", [f"{index:02d}" for index in range(10)])
    return tmp_path / "flat"


@pytest.fixture
def run(tmp_path, flat):
    (tmp_path / "run").mkdir()
    dataset = scan_dataset(flat, val=0.3, test=0.3, seed=5)
    (tmp_path / "run" / "split.json").write_text(json.dumps(dataset.split_json()))
    (tmp_path / "run" / "dataset.yaml").write_text(MODEL_LABELS.to_yaml())
    return tmp_path / "run"


def names(selection):
    return [sample.name for sample in selection.samples]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_split_of_the_run_is_repeated(flat, run, split):
    recorded = json.loads((run / "split.json").read_text())["splits"]
    selection = select_samples(Source.of_dataset(flat), split, run=run, model_labels=MODEL_LABELS)
    assert names(selection) == recorded[split]
    assert selection.labels == MODEL_LABELS


def test_a_division_that_nobody_recorded_is_refused(flat, tmp_path):
    with pytest.raises(UsageError, match=r"no run folder with a split.json is named.*--split all"):
        select_samples(Source.of_dataset(flat), "test", run=tmp_path)


def test_another_dataset_without_folders_is_refused(run, tmp_path):
    draw(tmp_path / "new", ["x", "y", "z"])
    with pytest.raises(UsageError, match=r"its images are not those of the run's split\.json"):
        select_samples(Source.of_dataset(tmp_path / "new"), "test", run=run)


def test_what_the_runs_images_lack_is_told_as_it_is(flat, run):
    (flat / "masks" / "03.png").unlink()
    with pytest.raises(DataError, match="the dataset has problems") as caught:
        select_samples(Source.of_dataset(flat), "test", run=run)
    assert "03.png: no mask seen" in caught.value.problems[0]
    assert "--split all" not in str(caught.value)


def test_missing_folders_are_told_first(run, tmp_path):
    for place in (run, None):
        with pytest.raises(DataError, match="nothing: no folder seen, expected a dataset folder"):
            select_samples(Source.of_dataset(tmp_path / "nothing"), "test", run=place)
        with pytest.raises(DataError, match=r"--masks .*no-masks: no folder seen"):
            select_samples(Source(run, tmp_path / "no-masks"), "test", run=place)


def test_another_dataset_with_a_folder_for_the_split_is_taken(run, tmp_path):
    draw(tmp_path / "new", ["train/x", "test/y"])
    assert names(select_samples(Source.of_dataset(tmp_path / "new"), "test", run=run)) == ["y"]


def test_all_takes_every_image_with_a_mask(flat, run, tmp_path):
    draw(tmp_path / "new", ["train/x", "val/y", "test/z"])
    assert len(names(select_samples(Source.of_dataset(flat), "all", run=run))) == 10
    assert names(select_samples(Source.of_dataset(tmp_path / "new"), "all")) == ["x", "y", "z"]


def test_the_datasets_own_description_wins_over_the_models(flat, run):
    own = build_labels(["dry", "wet"], mapping={0: 1, 255: 0})
    (flat / "dataset.yaml").write_text(own.to_yaml())
    assert select_samples(Source.of_dataset(flat), "test", run=run, model_labels=MODEL_LABELS).labels == own


def test_a_model_outside_a_run_brings_its_labels(flat):
    assert select_samples(Source.of_dataset(flat), "all", model_labels=MODEL_LABELS).labels == MODEL_LABELS


def test_an_unknown_split_is_told(run, tmp_path):
    draw(tmp_path / "new", ["train/x", "test/y"])
    with pytest.raises(UsageError, match="has no folder images/holdout"):
        select_samples(Source.of_dataset(tmp_path / "new"), "holdout", run=run)


def test_a_split_without_samples_is_told(tmp_path):
    draw(tmp_path / "new", ["train/x", "test/y"])
    Image.new("RGB", (4, 4)).save((tmp_path / "new" / "images").joinpath("x.png"))
    (tmp_path / "new" / "images" / "unlabeled").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "new" / "images" / "unlabeled" / "u.png")
    with pytest.raises(DataError, match="--split unlabeled: no images with masks"):
        select_samples(Source.of_dataset(tmp_path / "new"), "unlabeled")


def test_problems_of_the_dataset_are_listed(tmp_path):
    draw(tmp_path / "new", ["test/x", "test/y"])
    (tmp_path / "new" / "masks" / "test" / "y.png").unlink()
    with pytest.raises(DataError, match="the dataset has problems") as caught:
        select_samples(Source.of_dataset(tmp_path / "new"), "test")
    assert "y.png: no mask seen" in caught.value.problems[0]


def test_a_damaged_split_file_is_told(flat, run):
    (run / "split.json").write_text("{")
    with pytest.raises(DataError, match=r"split\.json: damaged"):
        select_samples(Source.of_dataset(flat), "test", run=run)


@pytest.mark.parametrize("place", ["", "masks", "masks/test"])
def test_masks_are_described_by_the_nearest_dataset_file(tmp_path, place):
    draw(tmp_path / "new", ["test/x", "train/y"])
    (tmp_path / "new" / place / "dataset.yaml").write_text(MODEL_LABELS.to_yaml())
    truths, labels = select_masks(tmp_path / "new" / "masks" / "test")
    assert list(truths) == ["x"]
    assert labels == MODEL_LABELS


def test_masks_are_described_by_a_card_or_by_themselves(flat, tmp_path):
    (tmp_path / "card.yaml").write_text(MODEL_LABELS.to_yaml())
    assert select_masks(flat / "masks", card=str(tmp_path / "card.yaml"))[1] == MODEL_LABELS
    assert select_masks(flat / "masks", model_labels=MODEL_LABELS)[1] == MODEL_LABELS
    assert select_masks(flat / "masks")[1].mapping == {0: 0, 255: 1}
