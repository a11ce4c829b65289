from pathlib import Path

import numpy as np

from segan.data.images import decode_image
from segan.explain.maps import MAPS
from segan.explain.panel import draw_panel

COLORS = [(255, 0, 0), (0, 0, 255)]


def draw(size=(40, 60), classes=("$a$", "_b"), **options):
    image, mask = np.full((*size, 3), 128, np.uint8), np.zeros(size, np.uint8)
    mask[:, size[1] // 2 :] = 1
    maps = {name: np.linspace(0, 1, mask.size, dtype=np.float32).reshape(size) for name in MAPS}
    content = draw_panel(image, mask, maps, classes=classes, colors=COLORS, class_name="$a$", **options)
    return decode_image(content, Path("panel.png"))


def test_all_tiles_are_in_one_picture():
    picture = draw(truth=np.full((40, 60), 255, np.uint8))
    assert picture.shape[1] > 1000
    assert picture.shape[0] > 400
    # The two halves of the prediction show their colours over grey.
    for color in ([191, 64, 64], [64, 64, 191]):
        assert (np.abs(picture.astype(int) - color).max(axis=2) < 4).sum() > 100


def test_odd_shapes_are_drawn():
    for size in ((5, 200), (200, 5), (1, 1)):
        assert draw(size).ndim == 3


def test_colors_of_a_signed_map_are_even_on_both_sides():
    values = np.array([[-0.5, 0.25]], np.float32)
    assert MAPS["occlusion"].limits(values) == (-0.5, 0.5)
    assert MAPS["tta"].limits(values + 0.5) == (0.0, 0.75)
    assert MAPS["entropy"].limits(values) == (0.0, 1.0)
    assert MAPS["tta"].limits(np.zeros((1, 1), np.float32)) == (0.0, 1e-6)
