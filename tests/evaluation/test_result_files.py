import json

import numpy as np
import pytest

from segan.errors import DataError, UsageError
from segan.evaluation.result import COUNTS, Evaluation, ImageCounts, read_evaluation, write_evaluation


def build_evaluation(names=("a", "night/b"), split="test"):
    random = np.random.default_rng(0)
    images = tuple(ImageCounts(name, (8, 9), random.integers(0, 40, (2, 2))) for name in names)
    return Evaluation(("wall", "cell"), images, split)


@pytest.mark.parametrize("place", ["", "metrics.json", COUNTS])
def test_counts_read_back_exactly(tmp_path, place):
    evaluation = build_evaluation(("a", "night/b", "Zellkörper", "odd\udcff"), split="")
    write_evaluation(evaluation, tmp_path)
    again = read_evaluation(tmp_path / place)
    assert again.to_json() == evaluation.to_json() == json.loads((tmp_path / "metrics.json").read_text())
    assert [(image.name, image.size) for image in again.per_image] == [
        (image.name, image.size) for image in evaluation.per_image
    ]
    for ours, theirs in zip(again.per_image, evaluation.per_image, strict=True):
        assert ours.matrix.dtype == np.int64
        assert (ours.matrix == theirs.matrix).all()


def test_the_same_evaluation_gives_the_same_bytes(tmp_path):
    write_evaluation(build_evaluation(), tmp_path / "one")
    write_evaluation(build_evaluation(), tmp_path / "two")
    assert (tmp_path / "one" / COUNTS).read_bytes() == (tmp_path / "two" / COUNTS).read_bytes()


def test_the_order_of_images_plays_no_part():
    evaluation = build_evaluation(tuple("abcdef"))
    turned = Evaluation(evaluation.classes, evaluation.per_image[::-1], "test")
    assert turned.to_json() == evaluation.to_json()


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere: not found, expected the folder that segan evaluate --out wrote"):
        read_evaluation(tmp_path / "nowhere")
    (tmp_path / "metrics.json").write_text("{}")
    for place in (tmp_path, tmp_path / "metrics.json"):
        with pytest.raises(UsageError, match=r"no counts\.npz seen, .* Evaluate again with --out"):
            read_evaluation(place)


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "empty", "lacking", "misshapen"])
def test_damaged_counts_are_told(tmp_path, damage):
    write_evaluation(build_evaluation(), tmp_path)
    path = tmp_path / COUNTS
    content = path.read_bytes()
    if damage == "lacking":
        np.savez(path, images=np.array(["a"]))
    elif damage == "misshapen":
        arrays = dict(np.load(path))
        np.savez(path, **{**arrays, "images": np.array(["a"])})
    else:
        middle = content.index(b"matrices.npy") + 60
        flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
        path.write_bytes({"cut": content[:200], "flipped": flipped, "foreign": b"text", "empty": b""}[damage])
    with pytest.raises(DataError, match=r"counts\.npz: damaged or of another version .* Evaluate again"):
        read_evaluation(tmp_path)
