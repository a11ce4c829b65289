"""Regions of interest and probabilities as files: how they are found and read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from toy_masks import LABELS, read_pairs, write_pairs

from segan.errors import DataError
from segan.evaluation.confusion import confusion_matrix
from segan.evaluation.evaluate import evaluate_predictions
from segan.evaluation.measures import Measures
from segan.evaluation.pairing import (
    find_probability_folder,
    list_probabilities,
    pair_masks,
    pair_regions,
    read_probabilities,
    read_region,
)


def draw_regions(folder, pairs, size=(24, 32)):
    folder.mkdir()
    region = np.zeros(size, np.uint8)
    region[8:20, 8:24] = 255
    for pair in pairs:
        Image.fromarray(region).save(folder / f"{pair.name}.png")
    return region > 0


def test_only_what_is_inside_counts(tmp_path):
    pairs = write_pairs(tmp_path)
    inside = draw_regions(tmp_path / "roi", pairs)
    regions = pair_regions(tmp_path / "roi", {pair.name: pair.truth for pair in pairs})
    measures = Measures(("boundary", "sizes"))
    evaluation = evaluate_predictions(pairs, LABELS, measures=measures, regions=regions)
    expected = sum(confusion_matrix(mask, np.where(inside, truth, 255), 3) for mask, truth in read_pairs(pairs))
    assert evaluation.confusion_matrix.tolist() == expected.tolist()
    for pair, (mask, truth) in zip(pairs, read_pairs(pairs), strict=True):
        noise = np.random.default_rng(0).integers(0, 3, truth.shape)
        for path, own in ((pair.prediction, mask), (pair.truth, truth)):
            Image.fromarray(np.where(inside, np.where(own == 255, 9, own), noise).astype(np.uint8)).save(path)
    again = evaluate_predictions(pairs, LABELS, measures=measures, regions=regions)
    assert again.to_json() == evaluation.to_json()


def test_missing_regions_and_other_sizes_are_told(tmp_path):
    pairs = write_pairs(tmp_path, 2)
    truths = {pair.name: pair.truth for pair in pairs}
    draw_regions(tmp_path / "roi", pairs, (20, 30))
    with pytest.raises(DataError, match="2 files cannot be scored") as caught:
        evaluate_predictions(pairs, LABELS, regions=pair_regions(tmp_path / "roi", truths))
    assert "roi/0.png: region of interest: height and width (20, 30), expected (24, 32)" in caught.value.problems[0]
    (tmp_path / "roi" / "1.png").unlink()
    with pytest.raises(DataError, match=r"1 of 2 true masks have no region of interest.* white pixels count"):
        pair_regions(tmp_path / "roi", truths)


def test_regions_of_any_kind_are_read(tmp_path):
    Image.fromarray(np.array([[0, 7]], np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(np.array([[[0, 0, 0], [9, 0, 1]]], np.uint8)).save(tmp_path / "colour.png")
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "bit.png")
    painted = Image.fromarray(np.array([[1, 0]], np.uint8), mode="L").convert("P")
    painted.putpalette([255, 255, 255, 0, 0, 0])  # White has index 0.
    painted.save(tmp_path / "palette.png")
    for name in ("grey", "colour", "bit", "palette"):
        assert read_region(tmp_path / f"{name}.png").tolist() == [[False, True]]


@pytest.fixture
def output(tmp_path):
    """What `segan predict --probabilities` leaves."""
    (tmp_path / "out" / "masks" / "day").mkdir(parents=True)
    (tmp_path / "out" / "probabilities" / "day").mkdir(parents=True)
    (tmp_path / "out" / "manifest.csv").touch()
    Image.new("L", (3, 2)).save(tmp_path / "out" / "masks" / "day" / "a.png")
    np.save(tmp_path / "out" / "probabilities" / "day" / "a.npy", np.full((3, 2, 3), 1 / 3, np.float16))
    return tmp_path / "out"


def test_probabilities_are_found_beside_the_masks(output):
    for folder in (output, output / "masks"):
        pairs = pair_masks(folder, {"day/a": output})
        place = find_probability_folder(folder)
        assert place == output / "probabilities"
        found = list_probabilities(place, pairs)
        assert found == {"day/a": output / "probabilities" / "day" / "a.npy"}
        assert read_probabilities(found["day/a"], 3).shape == (3, 2, 3)
    (output / "probabilities" / "day" / "a.npy").unlink()
    with pytest.raises(DataError, match=r"1 of 1 files missing, .* Run segan predict again with --probabilities"):
        list_probabilities(place, pairs)
    (output / "probabilities" / "day").rmdir()
    (output / "probabilities").rmdir()
    assert find_probability_folder(output) is None


def test_probabilities_are_found_from_inside_the_folder_of_masks(output, monkeypatch):
    monkeypatch.chdir(output / "masks")
    here = Path()
    place = find_probability_folder(here)
    assert place is not None
    assert list_probabilities(place, pair_masks(here, {"day/a": output})) == {"day/a": place / "day" / "a.npy"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no", r"a\.npy: cannot be read .* Predict again"),
        (np.zeros((2, 2, 3), np.float16), r"a\.npy: float16 \(2, 2, 3\) seen, expected floats or uint8 \(3, height"),
        (np.zeros((3, 2, 3), np.uint16), "uint16 .* seen, expected floats or uint8 .* or --eight-bit"),
        (np.zeros((3, 2, 3), np.int8), "int8 .* seen, expected floats or uint8"),
        (np.full((3, 2, 3), 255, np.uint8), "add up to 1 only within 2 seen, expected 0.0159. Apply one softmax"),
        (np.full((3, 2, 3), 1.5, np.float16), "values outside 0 to 1 seen, .* Apply a softmax"),
        (np.full((3, 2, 3), np.nan, np.float16), "values outside 0 to 1 seen"),
        (np.full((3, 2, 3), 0.5, np.float16), "add up to 1 only within 0.5 seen, expected 0.01. Apply one softmax"),
    ],
)
def test_what_is_no_probability_is_told(output, content, message):
    path = output / "probabilities" / "day" / "a.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(DataError, match=message):
        read_probabilities(path, 3)


@pytest.mark.parametrize("count", [2, 3, 254])
def test_bytes_are_255_times_the_probabilities(tmp_path, count):
    """However many classes there are: each may be off by half a step."""
    shares = np.random.default_rng(0).dirichlet(np.full(count, 0.3), (5, 6)).transpose(2, 0, 1)
    shares[:, 0, 0] = 1 / count
    np.save(tmp_path / "a.npy", np.rint(255 * shares).astype(np.uint8))
    probs = read_probabilities(tmp_path / "a.npy", count)
    assert probs.dtype == np.float32
    np.testing.assert_allclose(probs, shares, atol=0.5 / 255 + 1e-6)
