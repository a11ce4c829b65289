import numpy as np
import torch
from torch import nn

from segan.data.labels import build_labels
from segan.data.preprocess import build_chain
from segan.inference.scene import look
from segan.inference.torch_engine import torch_segmenter

LABELS = build_labels(["red", "green", "blue"])


class Painter(nn.Module):
    def forward(self, image):
        return 2.0 * image


def make(*steps, **options):
    return torch_segmenter(Painter(), LABELS, build_chain([*steps, {"name": "normalize"}]), **options)


def test_tiles_come_together():
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    whole, tiled = look(make(), image), look(make(tile_px=32), image)
    assert whole.probs.shape == tiled.probs.shape == (1, 3, 70, 90)
    torch.testing.assert_close(tiled.probs, whole.probs)
    torch.testing.assert_close((2.0 * whole.planes).softmax(dim=1), whole.probs)


def test_the_border_of_a_letterbox_has_no_label():
    image = np.full((20, 40, 3), 90, np.uint8)
    scene = look(make({"name": "resize", "mode": "letterbox", "height": 32, "width": 32}), image)
    target = scene.unlabelled()[0]
    assert target.shape == (32, 32)
    assert (target[8:24] == 0).all()
    assert (target[:8] == 255).all()
    assert (target[24:] == 255).all()
    plane = np.zeros((32, 32), np.float32)
    plane[8:24] = 1.0
    assert (scene.restore(plane) == np.ones((20, 40), np.float32)).all()
