import numpy as np
from toy_folders import draw_splits

from segan.data.dataset import scan_dataset
from segan.data.preview import draw_preview


def test_preview(tmp_path):
    draw_splits(tmp_path, {"train": 5, "val": 1, "test": 1, "unlabeled": 2})
    dataset = scan_dataset(tmp_path)
    dataset.samples["val"][0].image.write_bytes(b"?")
    picture = draw_preview(dataset, per_split=2, tile_px=64)
    assert picture.dtype == np.uint8
    assert picture.shape[1:] == (2 * (128 + 8) + 8, 3)
    tile = picture[24 : 24 + 48, 8 : 8 + 64]
    assert tile.std() > 20  # The first image, drawn below the line with the name of its split.


def test_preview_with_many_classes_wraps_its_legend(tmp_path):
    draw_splits(tmp_path, {"train": 1, "val": 1, "test": 1}, values=range(40))
    short = draw_preview(scan_dataset(draw_splits(tmp_path / "b", {"train": 1, "val": 1, "test": 1})))
    assert draw_preview(scan_dataset(tmp_path)).shape[0] > short.shape[0]
