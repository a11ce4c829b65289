import numpy as np
import pytest
from PIL import Image

from segan.data.labels import build_labels
from segan.errors import DataError, UsageError
from segan.evaluation.pairing import find_prediction_labels, list_masks, pair_masks, read_prediction

LABELS = build_labels(["a", "b"])


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2)).save(path)


def test_names_pair_with_their_folders(tmp_path):
    touch(tmp_path / "p" / "x" / "1.png", tmp_path / "p" / "y" / "1.tif", tmp_path / "p" / "more.png")
    pairs = pair_masks(tmp_path / "p", {"x/1": tmp_path / "x1", "y/1": tmp_path / "y1"})
    assert [(pair.name, pair.prediction.name) for pair in pairs] == [("x/1", "1.png"), ("y/1", "1.tif")]


def test_stems_pair_where_folders_differ(tmp_path):
    touch(tmp_path / "p" / "1.png", tmp_path / "p" / "2.png")
    pairs = pair_masks(tmp_path / "p", {"test/1": tmp_path / "t1"})
    assert [(pair.name, pair.prediction) for pair in pairs] == [("test/1", tmp_path / "p" / "1.png")]


def test_stems_that_repeat_do_not_pair(tmp_path):
    touch(tmp_path / "p" / "x" / "1.png", tmp_path / "p" / "y" / "1.png")
    with pytest.raises(DataError, match="1 of 1 true masks have no prediction"):
        pair_masks(tmp_path / "p", {"1": tmp_path / "t1"})


def test_one_prediction_is_not_scored_for_several_masks(tmp_path):
    touch(tmp_path / "p" / "1.png", tmp_path / "p" / "2.png")
    with pytest.raises(DataError, match=r"2 true masks share the stem of a prediction.*same sub-folders") as caught:
        pair_masks(tmp_path / "p", {name: tmp_path / f"{name}.png" for name in ("x/1", "y/1", "x/2")})
    assert caught.value.problems == (str(tmp_path / "x/1.png"), str(tmp_path / "y/1.png"))


def test_the_output_of_predict_is_understood(tmp_path):
    touch(tmp_path / "p" / "masks" / "1.png", tmp_path / "p" / "overlays" / "1.png")
    (tmp_path / "p" / "manifest.csv").touch()
    assert pair_masks(tmp_path / "p", {"1": tmp_path})[0].prediction == tmp_path / "p" / "masks" / "1.png"


def test_the_labels_of_predictions_are_found(tmp_path):
    (tmp_path / "p" / ".segan").mkdir(parents=True)
    (tmp_path / "p" / ".segan" / "labels.yaml").write_text(LABELS.to_yaml())
    assert find_prediction_labels(tmp_path / "p") == find_prediction_labels(tmp_path / "p" / "masks") == LABELS
    assert find_prediction_labels(tmp_path) is None


def test_all_missing_predictions_are_listed(tmp_path):
    touch(tmp_path / "p" / "1.png")
    with pytest.raises(DataError, match="2 of 3 true masks have no prediction") as caught:
        pair_masks(tmp_path / "p", {name: tmp_path / f"{name}.png" for name in ("1", "2", "3")})
    assert [problem.rpartition("/")[2] for problem in caught.value.problems] == ["2.png", "3.png"]


def test_missing_and_empty_folders_are_told(tmp_path):
    with pytest.raises(UsageError, match="nothing: not found, expected a folder of masks"):
        list_masks(tmp_path / "nothing")
    with pytest.raises(UsageError, match="no masks found, expected PNG files"):
        list_masks(tmp_path)


def test_two_masks_with_one_name_are_told(tmp_path):
    touch(tmp_path / "1.png", tmp_path / "1.tif")
    with pytest.raises(DataError, match="masks have problems") as caught:
        list_masks(tmp_path)
    assert "1.tif" in caught.value.problems[0]


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB"])
def test_indices_are_read_from_any_kind_of_picture(tmp_path, mode):
    picture = Image.new(mode, (2, 1))
    picture.putpixel((1, 0), (1, 1, 1) if mode == "RGB" else 1)
    picture.save(tmp_path / "a.png")
    assert read_prediction(tmp_path / "a.png", LABELS).tolist() == [[0, 1]]


def test_colours_are_no_indices(tmp_path):
    Image.new("RGB", (2, 2), (1, 2, 3)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a\.png: colours or 16-bit values, expected class indices from 0"):
        read_prediction(tmp_path / "a.png", LABELS)


def test_large_numbers_are_no_indices(tmp_path):
    Image.fromarray(np.full((2, 2), 300, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="colours or 16-bit values"):
        read_prediction(tmp_path / "a.png", LABELS)
