import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from segan.data.drawing import CLASSES, COLORS, draw_dataset, draw_sample
from segan.errors import ConfigError


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    draw_dataset(root, train=8, val=2, test=3, unlabeled=2, size=(96, 128))
    return root


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def size_and_values(path: Path) -> tuple[tuple[int, int], set[int]]:
    with Image.open(path) as picture:
        return picture.size, set(np.unique(np.asarray(picture)).tolist())


def test_the_folder_is_a_dataset(root):
    for split, count in {"train": 8, "val": 2, "test": 3, "unlabeled": 2}.items():
        images = sorted((root / "images" / split).iterdir())
        assert len(images) == count
        assert (root / "masks" / split).exists() == (split != "unlabeled")
        for image in images:
            assert size_and_values(image)[0] == (128, 96)
            if split != "unlabeled":
                size, values = size_and_values(root / "masks" / split / image.name)
                assert size == (128, 96)
                assert values <= set(range(len(CLASSES)))
    card = yaml.safe_load((root / "dataset.yaml").read_text(encoding="utf-8"))
    assert card == {"classes": list(CLASSES), "colors": [list(color) for color in COLORS]}


def test_drawing_is_reproducible_and_follows_the_seed(root, tmp_path):
    draw_dataset(tmp_path / "again", train=8, val=2, test=3, unlabeled=2, size=(96, 128))
    assert digests(tmp_path / "again") == digests(root)
    first, _ = draw_sample("train", 1, size=(96, 96), seed=0)
    for split, index, seed in [("train", 2, 0), ("val", 1, 0), ("train", 1, 1)]:
        assert not np.array_equal(first, draw_sample(split, index, size=(96, 96), seed=seed)[0])


def test_all_classes_occur_and_rods_are_rare():
    masks = [draw_sample("train", index, size=(160, 160), seed=3)[1] for index in range(16)]
    counts = np.sum([np.bincount(mask.ravel(), minlength=5) for mask in masks], axis=0)
    shares = counts / counts.sum()
    assert shares[1:4].min() > 0.003
    assert 0.001 < shares[4] < 0.01
    assert [index for index, mask in enumerate(masks) if (mask == 4).any()] == [0, 4, 8, 12]


def test_no_threshold_solves_it():
    """The best two thresholds on any channel tell cells from background far worse than a network should."""
    pairs = [draw_sample("train", index, size=(160, 160), seed=0) for index in range(8)]
    values = np.concatenate([image.reshape(-1, 3) for image, _ in pairs])
    cells = np.concatenate([mask.ravel() for _, mask in pairs]) == 1
    best = 0.0
    for channel in range(3):
        for low in range(0, 200, 20):
            for high in range(low + 20, 220, 20):
                chosen = (values[:, channel] >= low) & (values[:, channel] < high)
                best = max(best, (chosen & cells).sum() / (chosen | cells).sum())
    assert 0.2 < best < 0.8


def test_a_size_too_small_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"size: seen \(24, 160\).*expected 32 pixels at least"):
        draw_dataset(tmp_path, train=1, val=0, test=0, size=(24, 160))
