import pytest
from toy_benchmark import toy_cells

from segan.data.drawing import draw_dataset
from segan.errors import DataError, UsageError
from segan.experiments.benchmark_file import DrawnEntry
from segan.experiments.sources import digest_data, draw_missing, scan_data


def config_of(root, **keys):
    return toy_cells(datasets={"toy": {"root": str(root), "set": keys}})[0].config


def test_data_are_known_by_their_content(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for root in (one, two):
        draw_dataset(root, train=2, val=1, test=1, size=(32, 32), seed=0)
    assert digest_data(config_of(one)) == digest_data(config_of(two))
    mask = next((two / "masks" / "test").iterdir())
    mask.write_bytes(mask.read_bytes() + b"\0")
    assert digest_data(config_of(one)) != digest_data(config_of(two))
    before = digest_data(config_of(one))
    assert digest_data(config_of(one, **{"data.card": "demo"})) != before
    (one / "dataset.yaml").unlink()
    assert digest_data(config_of(one)) != before


def test_what_stands_is_not_drawn_again(tmp_path):
    root = tmp_path / "toy"
    drawn = DrawnEntry(train=2, val=0, test=1, size=(32, 32))
    draw_missing(drawn, root)
    assert {split: len(samples) for split, samples in scan_data(config_of(root)).samples.items()} == {
        "train": 1,
        "val": 1,
        "test": 1,
        "unlabeled": 0,
    }
    image = next((root / "images" / "train").iterdir())
    image.write_bytes(b"mine")
    draw_missing(drawn, root)
    assert image.read_bytes() == b"mine"


def test_what_was_drawn_otherwise_is_told_and_redone(tmp_path):
    root, drawn = tmp_path / "toy", DrawnEntry(train=3, val=1, test=1, size=(32, 32))
    draw_missing(drawn, root)
    fewer = drawn.model_copy(update={"train": 2})
    with pytest.raises(UsageError, match=r"toy: drawn with \{'train': 3.* expected \{'train': 2.* add --redo"):
        draw_missing(fewer, root)
    draw_missing(fewer, root, redo=True)
    assert len(list((root / "images" / "train").iterdir())) == 2


def test_half_a_drawing_is_drawn_again(tmp_path):
    root, drawn = tmp_path / "toy", DrawnEntry(train=2, val=1, test=1, size=(32, 32))
    draw_missing(drawn, root)
    (root / "dataset.yaml").unlink()
    draw_missing(drawn, root)
    assert (root / "dataset.yaml").is_file()


def test_nothing_is_drawn_over_the_files_of_others(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds files that segan benchmark did not draw"):
        draw_missing(DrawnEntry(), tmp_path)


def test_data_without_a_test_split_or_with_problems_are_refused(tmp_path):
    draw_dataset(tmp_path, train=2, val=1, test=0, size=(32, 32), seed=0)
    with pytest.raises(DataError, match=r"no test split seen .*expected one to score"):
        scan_data(config_of(tmp_path))
    next((tmp_path / "masks" / "train").iterdir()).unlink()
    with pytest.raises(DataError, match="the dataset has problems, expected none"):
        scan_data(config_of(tmp_path))
