import errno
import json
import os

import numpy as np
import pytest
from toy_folders import draw_folders, draw_splits, mask_of, noise, save

from segan.data.check import check_dataset
from segan.data.dataset import SPLITS, scan_dataset, scan_folders
from segan.errors import ConfigError, DataError
from segan.files import write_json


def counts(dataset):
    return {split: len(dataset.samples[split]) for split in SPLITS}


def names(dataset, split):
    return [sample.name for sample in dataset.samples[split]]


def test_split_folders_stay_as_they_are(tmp_path):
    dataset = scan_dataset(draw_splits(tmp_path, {"train": 4, "val": 2, "test": 3, "unlabeled": 2}))
    assert counts(dataset) == {"train": 4, "val": 2, "test": 3, "unlabeled": 2}
    assert dataset.split_source == "folders train, val, test, unlabeled"
    assert all(sample.mask is None for sample in dataset.samples["unlabeled"])
    assert not dataset.problems
    sample = dataset.samples["val"][0]
    assert (sample.name, sample.image, sample.mask) == (
        "val_0", tmp_path / "images/val/val_0.png", tmp_path / "masks/val/val_0.png",
    )  # fmt: skip


def test_flat_folders_are_divided(tmp_path):
    dataset = scan_dataset(draw_folders(tmp_path, [f"n{index}" for index in range(20)]), val=0.1, test=0.2, seed=3)
    assert counts(dataset) == {"train": 14, "val": 2, "test": 4, "unlabeled": 0}
    assert dataset.split_source == "train divided by seed 3 into 14 train, 2 val, 4 test"


def test_train_alone_is_divided_and_test_alone_lends_to_val(tmp_path):
    alone = scan_dataset(draw_splits(tmp_path / "a", {"train": 10, "unlabeled": 2}), val=0.0, test=0.2)
    assert counts(alone) == {"train": 8, "val": 0, "test": 2, "unlabeled": 2}
    lent = scan_dataset(draw_splits(tmp_path / "b", {"train": 10, "test": 2}), val=0.2)
    assert counts(lent) == {"train": 8, "val": 2, "test": 2, "unlabeled": 0}
    assert names(lent, "test") == ["test_0", "test_1"]
    assert lent.split_source == "folders train, test; train divided by seed 0 into 8 train, 2 val"


def test_without_a_test_folder_there_is_no_test(tmp_path):
    dataset = scan_dataset(draw_splits(tmp_path, {"train": 5, "val": 2}))
    assert counts(dataset)["test"] == 0
    assert dataset.split_source == "folders train, val; there is no test split"


def test_a_test_folder_alone_can_be_scanned(tmp_path):
    assert counts(scan_dataset(draw_splits(tmp_path, {"test": 2}))) == {"train": 0, "val": 0, "test": 2, "unlabeled": 0}


def test_samples_pair_by_stem_in_nested_folders(tmp_path):
    draw_folders(tmp_path, ["day/1", "night/1", "z.9"], images="images/train", masks="masks/train")
    (tmp_path / "masks/train/z.9.png").rename(tmp_path / "masks/train/z.9.tif.png")
    (tmp_path / "images/train/z.9.png").rename(tmp_path / "images/train/z.9.tif.PNG")
    (tmp_path / "images/train/.hidden.png").write_bytes(b"")
    (tmp_path / "images/train/.cache").mkdir()
    dataset = scan_dataset(tmp_path, val=0, test=0)
    assert names(dataset, "train") == ["day/1", "night/1", "z.9.tif"]
    assert not dataset.problems
    assert not dataset.warnings


def test_linked_folders_are_followed_once(tmp_path):
    draw_folders(tmp_path, ["a", "b"])
    (tmp_path / "images" / "again").symlink_to(tmp_path / "images")
    assert names(scan_dataset(tmp_path, val=0, test=0), "train") == ["a", "b"]


def test_unpaired_and_repeated_files(tmp_path):
    draw_folders(tmp_path, ["a", "b", "c", "d"])
    (tmp_path / "masks/a.png").unlink()
    (tmp_path / "images/b.png").unlink()
    (tmp_path / "masks/c.png").rename(tmp_path / "masks/c_mask.png")
    save(tmp_path / "images/d.bmp", noise())
    (tmp_path / "images/notes.txt").write_text("x")
    dataset = scan_dataset(tmp_path, val=0, test=0)
    text = "\n".join(dataset.problems)
    assert "images/d.png: the stem of d.bmp seen again, expected one file a stem. Remove or rename" in text
    assert "images/a.png: no mask seen, expected " in text
    assert "masks/a.png. Add it, or move the image to images/unlabeled." in text
    assert "images/c.png: no mask seen, expected " in text
    assert "c_mask.png looks like it: give both the same stem." in text
    assert "masks/b.png: a mask without image seen, expected an image of the same stem" in text
    assert len(dataset.problems) == 5
    assert any("no pictures are passed over (1 .txt)" in warning for warning in dataset.warnings)


def test_a_split_without_masks_is_one_problem(tmp_path):
    draw_splits(tmp_path, {"train": 3})
    for index in range(4):
        save(tmp_path / f"images/test/{index}.png", noise(index))
    (tmp_path / "images/val").mkdir()
    problems = scan_dataset(tmp_path).problems
    assert [problem.partition(": ")[2].partition(",")[0] for problem in problems] == [
        "no image seen",
        "none of 4 images has a mask",
    ]


def test_misnamed_and_stray_folders(tmp_path):
    draw_splits(tmp_path, {"train": 4, "test": 2})
    draw_folders(tmp_path, ["v"], images="images/validation", masks="masks/val")
    draw_folders(tmp_path, ["x"], images="images/extra", masks="masks/extra")
    dataset = scan_dataset(tmp_path)
    assert any("validation: folder validation seen, expected val. Rename it" in problem for problem in dataset.problems)
    assert any("masks/val: a split of masks without images seen" in problem for problem in dataset.problems)
    assert [warning.endswith("extra: lies beside the split folders and is passed over") for warning in dataset.warnings]


def test_split_folders_in_other_letter_case_are_problems(tmp_path):
    for split in ("Train", "VAL", "Test"):
        draw_folders(tmp_path, [f"{split}{index}" for index in range(3)], (0, 1), f"images/{split}", f"masks/{split}")
    problems = "\n".join(scan_dataset(tmp_path).problems)
    for seen, expected in (("Train", "train"), ("VAL", "val"), ("Test", "test")):
        assert f"images/{seen}: folder {seen} seen, expected {expected}. Rename it" in problems
        assert f"masks/{seen}: folder {seen} seen, expected {expected}" in problems


def test_a_second_folder_for_a_split_is_a_problem(tmp_path):
    draw_splits(tmp_path, {"train": 2, "val": 1, "test": 1})
    draw_folders(tmp_path, ["lost"], (0, 1), "images/validation", "masks/validation")
    problems = scan_dataset(tmp_path).problems
    assert [problem.partition(": ")[0].rpartition("/")[2] for problem in problems] == ["validation", "validation"]
    assert "or move its files" in problems[0]


def test_links_that_lead_nowhere_are_listed(tmp_path):
    draw_folders(tmp_path, ["a", "b"])
    (tmp_path / "images" / "b.png").unlink()
    (tmp_path / "images" / "b.png").symlink_to("gone.png")
    dataset = scan_dataset(tmp_path, val=0, test=0)
    assert (names(dataset, "train"), dataset.problems) == (["a", "b"], ())
    assert "b.png: cannot be read (No such file or directory)" in check_dataset(dataset).problems[0]


def test_folders_that_cannot_be_read_are_told(tmp_path, monkeypatch):
    draw_folders(tmp_path, ["a", "closed/b"])
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        DataError, match=r"images/closed: cannot be read \(Permission denied\), expected a folder\. Give"
    ):
        scan_dataset(tmp_path)


def test_missing_folders(tmp_path):
    with pytest.raises(DataError, match="none: no folder seen, expected a dataset folder"):
        scan_dataset(tmp_path / "none")
    with pytest.raises(DataError, match="no folder images seen, expected images and masks in it"):
        scan_dataset(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match="no folder masks seen"):
        scan_dataset(tmp_path)
    (tmp_path / "masks").mkdir()
    with pytest.raises(DataError, match=r"(?s)the dataset has problems:.*no image seen.*no masks seen"):
        scan_dataset(tmp_path)


def test_too_few_images_to_divide(tmp_path):
    with pytest.raises(
        DataError, match=r"split: 2 labelled images seen, expected at least 3 to take 0\.15 of them for"
    ):
        scan_dataset(draw_folders(tmp_path, ["a", "b"]))


def test_two_plain_folders(tmp_path):
    draw_folders(tmp_path, [f"n{index}" for index in range(10)], images="photos", masks="labels")
    dataset = scan_folders(tmp_path / "photos", tmp_path / "labels", val=0.1, test=0.1)
    assert (counts(dataset)["train"], dataset.root) == (8, tmp_path)
    assert dataset.labels.classes == ("background", "foreground")
    with pytest.raises(DataError, match=r"--images .*none: no folder seen"):
        scan_folders(tmp_path / "none", tmp_path / "labels")
    with pytest.raises(DataError, match=r"--masks .*: the folder of the images seen, expected another one"):
        scan_folders(tmp_path / "photos", tmp_path / "photos")


def test_plain_folders_with_split_folders_in_them(tmp_path):
    draw_splits(tmp_path, {"train": 4, "val": 1, "test": 1})
    assert counts(scan_folders(tmp_path / "images", tmp_path / "masks"))["train"] == 4


def test_labels_come_from_yaml_then_card_then_masks(tmp_path):
    draw_folders(tmp_path, ["a", "b"], values=(0, 255))
    assert scan_dataset(tmp_path, val=0, test=0).labels.classes == ("background", "foreground")
    carded = scan_dataset(tmp_path, card="membrane", val=0.3, test=0)
    assert carded.labels.classes == ("membrane", "cell")
    assert carded.labels.understood == "card ISBI 2012 membrane: 2 classes: membrane = 0, cell = 255"
    (tmp_path / "dataset.yaml").write_text("classes: [x, y]\nmapping: {0: x, 255: y}\nsplit: {val: 0.5}\n")
    own = scan_dataset(tmp_path, card="membrane")
    assert own.labels.understood == "dataset.yaml: 2 classes: x = 0, y = 255"
    assert own.split_source == "train divided by seed 0 into 1 train, 1 val, 0 test (card dataset)"
    with pytest.raises(ConfigError, match=r"dataset card membran: not found.*Did you mean membrane"):
        scan_dataset(tmp_path, card="membran")


def test_colours_of_dataset_yaml_read_colour_masks(tmp_path):
    save(tmp_path / "images/a.png", noise())
    save(tmp_path / "masks/a.png", np.array([(9, 0, 0), (0, 0, 9)], np.uint8)[mask_of([0, 1])])
    (tmp_path / "dataset.yaml").write_text("classes: [x, y]\ncolors: ['#090000', '#000009']\n")
    labels = scan_dataset(tmp_path, val=0, test=0).labels
    assert labels.mapping == {(9, 0, 0): 0, (0, 0, 9): 1}
    assert labels.understood == "dataset.yaml: masks are read by colors: 2 classes: x = #090000, y = #000009"


def test_splits_do_not_depend_on_order_and_stay_when_images_are_added(tmp_path):
    stems = [f"n{index}" for index in range(30)]
    first = scan_dataset(draw_folders(tmp_path / "a", stems))
    second = scan_dataset(draw_folders(tmp_path / "b", stems[::-1]))
    assert first.split_json() == second.split_json()
    other = scan_dataset(tmp_path / "a", seed=1)
    assert other.split_json() != first.split_json()
    more = scan_dataset(draw_folders(tmp_path / "a", [*stems, "new"]))
    assert len(set(names(first, "test")) & set(names(more, "test"))) >= 4


def test_the_split_of_a_seed_is_the_same_on_every_machine(tmp_path):
    dataset = scan_dataset(draw_folders(tmp_path, [f"{index:02d}" for index in range(10)]), val=0.2, test=0.2)
    assert (names(dataset, "val"), names(dataset, "test")) == (["01", "06"], ["05", "08"])


def test_recorded_splits_are_repeated_exactly(tmp_path):
    odd = os.fsdecode(b"caf\xe9 \xff")
    draw_folders(tmp_path, [*(f"n{index}" for index in range(9)), odd, "line\nbreak"])
    before = scan_dataset(tmp_path)
    write_json(tmp_path / "split.json", before.split_json())
    record = json.loads((tmp_path / "split.json").read_text(encoding="utf-8"))
    draw_folders(tmp_path, ["later1", "later2"])
    again = scan_dataset(tmp_path, seed=5, split=record)
    assert (again.samples, again.split_source) == (before.samples, before.split_source)
    bare = scan_dataset(tmp_path, split={"train": ["n1"], "test": ["n2"]})
    assert (names(bare, "train"), names(bare, "test"), names(bare, "val")) == (["n1"], ["n2"], [])


def test_recorded_splits_with_folders_of_the_same_names(tmp_path):
    for split in ("train", "test"):
        draw_folders(tmp_path, ["1", "2", "3"], images=f"images/{split}", masks=f"masks/{split}")
    before = scan_dataset(tmp_path, val=0.3)
    assert scan_dataset(tmp_path, split=before.split_json()).samples == before.samples


def test_recorded_splits_that_no_longer_fit(tmp_path):
    draw_folders(tmp_path, ["a", "b"])
    with pytest.raises(DataError, match=r"(?s)the dataset has problems:.*train: c is missing or has no mask"):
        scan_dataset(tmp_path, split={"train": ["a", "c"]})
    with pytest.raises(DataError, match=r"split\.json: split trainn seen, expected train, val, test, unlabeled"):
        scan_dataset(tmp_path, split={"trainn": ["a"]})


def test_all_folder_problems_come_with_a_label_problem(tmp_path):
    draw_folders(tmp_path, ["a", "b"], values=(7,))
    (tmp_path / "masks/b.png").unlink()
    with pytest.raises(DataError) as caught:
        scan_dataset(tmp_path)
    assert len(caught.value.problems) == 2
    assert "the one value 7" in str(caught.value)
