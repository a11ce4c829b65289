import re

import numpy as np
import pytest
from PIL import Image
from toy_folders import mask_of, noise, save

from segan.data.label_search import find_labels
from segan.data.labels import IGNORE
from segan.errors import DataError


def find(tmp_path, *arrays):
    return find_labels([save(tmp_path / f"{index}.png", array) for index, array in enumerate(arrays)])


def palette_file(path, values, colors):
    picture = Image.fromarray(mask_of(values))
    picture.putpalette([channel for color in colors for channel in color])
    picture.save(path)
    return path


@pytest.mark.parametrize(
    ("values", "mapping", "sentence"),
    [
        ([0, 1], {0: 0, 1: 1}, "masks hold 0 and 1: read as 2 classes: background = 0, foreground = 1"),
        ([0, 255], {0: 0, 255: 1}, "masks hold 0 and 255: read as 2 classes: background = 0, foreground = 255"),
        ([1, 255], {1: 0, 255: 1}, "masks hold 1 and 255: read as 2 classes"),
        ([0, 1, 2, 3], {0: 0, 1: 1, 2: 2, 3: 3}, "masks hold 0 to 3: read as 4 classes: class_0 = 0"),
        ([0, 1, 255], {0: 0, 1: 1, 255: IGNORE}, "masks hold 0, 1 and 255: .*; 255 is ignored"),
        ([0, 1, 2, 3, 255], {0: 0, 1: 1, 2: 2, 3: 3, 255: IGNORE}, "masks hold 0 to 3 and 255: "),
        ([1, 2, 3], {1: 0, 2: 1, 3: 2}, "read as 3 classes in ascending order: class_0 = 1"),
        ([0, 128, 255], {0: 0, 128: 1, 255: 2}, "masks hold 0, 128 and 255: read as 3 classes in ascending order"),
        ([0, 1, 2, 4], {0: 0, 1: 1, 2: 2, 3: 3, 4: 4}, "masks hold 0 to 2 and 4: read as 5 classes"),
        (range(0, 250, 25), {25 * index: index for index in range(10)}, "masks hold 0, 25, .* and 2 more: read as"),
    ],
)
def test_grey_values(tmp_path, values, mapping, sentence):
    labels = find(tmp_path, mask_of(list(values)))
    assert labels.mapping == mapping
    assert labels.ignore_index == (255 if IGNORE in mapping.values() else None)
    assert re.search(sentence, labels.understood)


def test_values_of_all_masks_count(tmp_path):
    labels = find(tmp_path, *(mask_of([0, 1]) for _ in range(5)), mask_of([2]))
    assert labels.classes == ("class_0", "class_1", "class_2")


def test_one_bit_masks_beside_others(tmp_path):
    bits = mask_of([0, 1]).astype(bool)
    assert find(tmp_path / "a", bits).mapping == {0: 0, 1: 1}
    assert find(tmp_path / "b", bits, mask_of([0, 255])).mapping == {0: 0, 255: 1}


def test_colours(tmp_path):
    red_blue = np.array([(255, 0, 0), (0, 0, 255)], np.uint8)[mask_of([0, 1])]
    labels = find(tmp_path, red_blue, np.zeros((4, 4, 3), np.uint8))
    assert labels.mapping == {(0, 0, 0): 0, (0, 0, 255): 1, (255, 0, 0): 2}
    assert labels.colors == ((0, 0, 0), (0, 0, 255), (255, 0, 0))
    assert labels.understood.startswith("masks hold 3 colours: read as 3 classes in their order: class_0 = #000000")
    two = find(tmp_path, np.array([(0, 0, 0), (0, 0, 255)], np.uint8)[mask_of([0, 1])])
    assert two.classes == ("background", "foreground")


def test_palette_gives_indices_and_colours(tmp_path):
    path = palette_file(tmp_path / "p.png", [0, 1], [(5, 5, 5), (9, 0, 0)])
    labels = find_labels([path])
    assert labels.mapping == {0: 0, 1: 1}
    assert labels.colors == ((5, 5, 5), (9, 0, 0))


def test_palettes_that_disagree(tmp_path):
    first = palette_file(tmp_path / "p.png", [0, 1], [(0, 0, 0), (9, 0, 0)])
    second = palette_file(tmp_path / "q.png", [0, 1], [(0, 0, 0), (0, 9, 0)])
    with pytest.raises(
        DataError, match=r"index 1 is #090000 in .*p\.png and #000900 in .*q\.png, expected one palette"
    ):
        find_labels([first, second])


def test_unreadable_masks_are_passed_over(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"?")
    photo = save(tmp_path / "photo.png", noise(size=(30, 30)))
    good = save(tmp_path / "good.png", mask_of([0, 1]))
    assert find_labels([tmp_path / "bad.png", photo, good]).mapping == {0: 0, 1: 1}
    with pytest.raises(DataError, match="masks: none can be used, expected at least one") as caught:
        find_labels([tmp_path / "bad.png", photo])
    assert "900 different colours seen, expected at most 64" in caught.value.problems[1]


def test_too_many_values_in_all(tmp_path):
    with pytest.raises(DataError, match=r"masks: 100 different values seen, expected at most 64 .*saved as JPEG"):
        find(tmp_path, mask_of(list(range(50))), mask_of(list(range(50, 100))))
    colors = np.zeros((2, 50, 3), np.uint8)
    colors[..., 0] = np.arange(100).reshape(2, 50)
    with pytest.raises(DataError, match="masks: 100 different colours seen, expected at most 64"):
        find(tmp_path, *colors[:, None])


def test_compression_noise(tmp_path):
    with pytest.raises(DataError, match="values 0, 1, 2, 253, 254, 255 seen, expected clearly separate ones"):
        find(tmp_path, mask_of([0, 1, 2, 253, 254, 255]))


def test_a_single_value(tmp_path):
    with pytest.raises(DataError, match="the one value 0 seen everywhere, expected at least two"):
        find(tmp_path, mask_of([0]))
    with pytest.raises(DataError, match="the one value #010203 seen everywhere"):
        find(tmp_path, np.full((2, 2, 3), (1, 2, 3), np.uint8))
