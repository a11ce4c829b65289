import numpy as np
import pytest
import torch
from scipy.special import expit
from toy_models import Red, make_discriminator, make_meta, make_segmenter

from segan.explain.realism import realism_map, spread
from segan.inference.discriminator_file import TrainedDiscriminator
from segan.inference.scene import look
from segan.models import build_discriminator


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (20, 28, 3), dtype=np.uint8)


def test_fixed_weights_give_the_sigmoid_of_the_probability(image):
    segmenter = make_segmenter(Red())
    cell = look(segmenter, image).probs[0, 1].numpy()
    np.testing.assert_allclose(realism_map(make_discriminator(2.0), segmenter, image), expit(2.0 * cell), atol=1e-6)


def test_least_squares_is_cut_to_zero_and_one(image):
    segmenter = make_segmenter(Red())
    cell = look(segmenter, image).probs[0, 1].numpy()
    found = realism_map(make_discriminator(2.0, adversarial="lsgan"), segmenter, image)
    np.testing.assert_allclose(found, np.minimum(2.0 * cell, 1.0), atol=1e-6)


def test_a_discriminator_that_saw_one_hot_masks_is_shown_one_hot_masks(image):
    segmenter = make_segmenter(Red())
    hard = (look(segmenter, image).probs[0, 1] > 0.5).numpy()
    found = realism_map(make_discriminator(2.0, real_masks="straight_through"), segmenter, image)
    np.testing.assert_allclose(found, expit(2.0 * hard), atol=1e-6)


def test_the_border_of_a_letterbox_is_blank_to_it():
    letterbox = {"name": "resize", "mode": "letterbox", "height": 32, "width": 32}
    segmenter = make_segmenter(Red(), letterbox)
    bright = np.full((16, 32, 3), 255, np.uint8)
    scene = look(segmenter, bright)
    shown = make_discriminator().show(scene.unlabelled(), scene.probs)[1]
    assert (shown[0, :, :8] == 0.0).all()
    assert (shown[0, :, 8:24] > 0.0).any()
    assert realism_map(make_discriminator(), segmenter, bright).shape == (16, 32)


def test_a_single_odd_place_is_lowest_where_it_is():
    """A patch discriminator that dislikes `cell` marks the one spot of it, off the middle of the image."""
    network = build_discriminator("patch", num_classes=2, depth=2, channels=1, norm="none", input_scale=0.5)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.fill_(0.0 if name.endswith("bias") else 0.05)
        first = network.hidden[0].conv
        first.weight.zero_()
        first.weight[:, 4] = 1.0
        network.last.weight.fill_(-1.0)
    judge = TrainedDiscriminator(network.eval(), make_meta())
    image = np.zeros((128, 160, 3), np.uint8)
    image[36:44, 100:108, 0] = 255
    realism = realism_map(judge, make_segmenter(Red(20.0)), image)
    low = np.argwhere(realism <= realism.min() + 1e-7)
    assert realism.shape == (128, 160)
    # The grid of logits is 8 px wide; the middle of the lowest place is the spot, within half a cell.
    assert np.abs(low.mean(axis=0) - [39.5, 103.5]).max() <= 4.0


def test_values_between_centers_lie_between():
    values = np.array([[0.0, 1.0], [2.0, 3.0]], np.float32)
    wide = spread(values, np.array([2.5, 6.5]), np.array([1.5, 5.5]), (9, 7))
    assert wide[2, 1] == 0.0
    assert wide[4, 3] == pytest.approx(1.5)
    assert wide[0, 0] == 0.0
    assert wide[8, 6] == 3.0
