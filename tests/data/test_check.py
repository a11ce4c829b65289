import pytest
from PIL import Image
from toy_folders import draw_folders, draw_splits, mask_of, noise, save

from segan.data.check import check_dataset, raise_for_problems
from segan.data.dataset import scan_dataset
from segan.errors import DataError


def check(root, **options):
    return check_dataset(scan_dataset(root), **options)


def test_a_sound_dataset(tmp_path):
    draw_splits(tmp_path, {"train": 3, "val": 1, "test": 1})
    done = []
    report = check(tmp_path, workers=2, on_done=lambda: done.append(1))
    assert (report.problems, report.warnings, len(done)) == ((), (), 5)
    assert report.class_pixels("train").sum() == 3 * 12 * 16
    assert report.sizes == {(12, 16): 5}
    assert report.describe_sizes() == "all 12 x 16"
    raise_for_problems(report)


def test_all_problems_at_once(tmp_path):
    draw_splits(tmp_path, {"train": 9, "val": 1, "test": 1})
    (tmp_path / "dataset.yaml").write_text("classes: [a, b]")
    images, masks = tmp_path / "images/train", tmp_path / "masks/train"
    whole = (images / "train_0.png").read_bytes()
    (images / "train_0.png").write_bytes(whole[: len(whole) // 2])
    save(masks / "train_1.png", mask_of([0, 7]))
    save(masks / "train_2.png", mask_of([0, 1], (5, 4)))
    save(masks / "train_3.png", mask_of([0, 1], (16, 12)))
    (masks / "train_4.png").unlink()
    (masks / "train_5.png").unlink()
    save(masks / "train_5.jpg", mask_of([0, 1]))
    (masks / "train_6.png").write_bytes(b"no picture")
    (images / "train_7.png").write_bytes(b"")
    (images / "train_8.png").unlink()
    report = check(tmp_path)
    lines = "\n".join(report.problems)
    assert len(report.problems) == 9
    for text in (
        "images/train/train_0.png: damaged or incomplete",
        "masks/train/train_1.png: values 7 seen, expected 0, 1. Correct the mask, or add them to `mapping`",
        "train_2.png: mask of 5 x 4 seen, expected 12 x 16 (height x width) as its image. Export the mask again",
        "train_3.png: mask of 16 x 12 seen, expected 12 x 16 (height x width) as its image. One of the two was turned",
        "train_4.png: no mask seen",
        "train_5.jpg: JPEG mask seen, expected PNG",
        "train_6.png: no known picture format seen",
        "images/train/train_7.png: 0 bytes seen",
        "train_8.png: a mask without image seen",
    ):
        assert text in lines
    with pytest.raises(DataError, match=r"the dataset has 9 problems:\n  - ") as caught:
        raise_for_problems(report)
    assert caught.value.problems == report.problems


def test_long_lists_are_cut_in_the_message_only(tmp_path):
    draw_folders(
        tmp_path, [f"n{index}" for index in range(103)], values=(0, 1), images="images/train", masks="masks/train"
    )
    draw_splits(tmp_path, {"val": 1, "test": 1})
    for index in range(103):
        (tmp_path / f"masks/train/n{index}.png").write_bytes(b"?")
    report = check(tmp_path)
    assert len(report.problems) == 103
    with pytest.raises(DataError, match="and 3 more; `segan data check --json` lists all"):
        raise_for_problems(report)


def test_a_rotated_image_is_compared_as_displayed(tmp_path):
    draw_splits(tmp_path, {"train": 2, "val": 1, "test": 1})
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "images/train/train_0.png", noise(size=(16, 12)), exif=exif)
    report = check(tmp_path)
    assert (report.problems, report.warnings) == ((), ())


@pytest.mark.parametrize("decode", [True, False])
@pytest.mark.parametrize(("orientation", "size"), [(3, (12, 16)), (6, (12, 12))])
def test_masks_that_may_be_turned_are_one_warning(tmp_path, orientation, size, decode):
    draw_splits(tmp_path, {"train": 3, "val": 1, "test": 1})
    exif = Image.Exif()
    exif[0x0112] = orientation
    for index, kind in enumerate(["png", "tif", "png"]):
        (tmp_path / f"images/train/train_{index}.png").unlink()
        save(tmp_path / f"images/train/train_{index}.{kind}", noise(index, size), exif=exif)
        save(
            tmp_path / f"masks/train/train_{index}.png", mask_of([0, 1], size), **({"exif": exif} if index == 2 else {})
        )
    report = check(tmp_path, decode_images=decode)
    assert report.problems == ()
    (warning,) = report.warnings
    assert warning.startswith("images turned by EXIF: 2 seen whose masks carry no orientation")
    assert "train_0.png), expected masks of the images as displayed. Look at the preview" in warning


def test_empty_train(tmp_path):
    report = check(draw_splits(tmp_path, {"test": 1}))
    assert report.problems[0].endswith("train is empty, expected labelled images. Add images with masks.")


def test_absent_classes_are_a_warning(tmp_path):
    draw_splits(tmp_path, {"train": 2, "val": 1})
    draw_folders(tmp_path, ["t"], (0, 1, 2), "images/test", "masks/test")
    report = check(tmp_path)
    assert report.problems == ()
    assert report.warnings == (
        "class class_2: no pixel in train seen, expected some: it cannot be learned. "
        "Add images that show it, or drop the class.",
    )


def test_identical_images_in_two_splits(tmp_path):
    draw_splits(tmp_path, {"train": 3, "val": 1, "test": 2})
    for target in ("test/test_0", "train/train_1"):
        (tmp_path / f"images/{target}.png").write_bytes((tmp_path / "images/train/train_0.png").read_bytes())
    (tmp_path / "images/val/val_0.png").write_bytes((tmp_path / "images/test/test_1.png").read_bytes())
    warnings = check(tmp_path).warnings
    assert any(
        "identical images shared by train and test: 1 seen (" in line and "too good" in line for line in warnings
    )
    assert any("shared by val and test" in line for line in warnings)
    assert check(tmp_path, decode_images=False).warnings == ()


def test_identical_images_in_one_split(tmp_path):
    draw_splits(tmp_path, {"train": 3, "val": 1, "test": 1})
    (tmp_path / "images/train/train_1.png").write_bytes((tmp_path / "images/train/train_0.png").read_bytes())
    assert "identical images in train: 1 seen (" in check(tmp_path).warnings[0]


def test_headers_alone(tmp_path):
    draw_splits(tmp_path, {"train": 2, "val": 1, "test": 1})
    save(tmp_path / "images/train/train_0.png", noise(size=(3, 4)))
    report = check(tmp_path, decode_images=False)
    assert "mask of 12 x 16 seen, expected 3 x 4" in report.problems[0]
    assert report.describe_sizes() == "2 different sizes, 3 x 4 to 12 x 16"


def test_no_image_can_be_read(tmp_path):
    draw_splits(tmp_path, {"train": 1, "val": 1, "test": 1})
    for path in tmp_path.glob("images/*/*"):
        path.write_bytes(b"?")
    assert check(tmp_path).describe_sizes() == "no image could be read"


def test_nothing_is_written(tmp_path):
    draw_splits(tmp_path, {"train": 2, "val": 1, "test": 1})
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    check(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
