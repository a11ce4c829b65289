import numpy as np
import pytest

from segan.baselines.filters import NUM_FILTERS, SCALES_PX, eigenvalues, filter_image


def test_eigenvalues_equal_those_of_numpy():
    yy, xx, xy = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    matrices = np.moveaxis(np.array([[yy, xy], [xy, xx]]), (0, 1), (2, 3))
    larger, smaller = eigenvalues(yy, xx, xy)
    assert np.stack([smaller, larger], axis=-1) == pytest.approx(np.linalg.eigvalsh(matrices), abs=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_each_block_has_all_responses(stride):
    image = np.random.default_rng(0).integers(0, 256, (31, 44, 3), dtype=np.uint8)
    responses = filter_image(image, stride)
    assert responses.shape == (-(-31 // stride), -(-44 // stride), NUM_FILTERS)
    assert np.isfinite(responses).all()
    assert responses[-1, 0, -2:].tolist() == [1.0, 0.0]
    assert responses[0, -1, -2:].tolist() == [0.0, 1.0]


def test_a_flat_image_has_colour_alone():
    responses = filter_image(np.full((20, 20, 3), (200, 40, 90), np.uint8))
    shape = (20, 20, len(SCALES_PX), 8)
    per_scale = responses[..., 3:-2].reshape(shape)
    assert per_scale[..., :3] == pytest.approx(np.broadcast_to(responses[0, 0, :3], (20, 20, 4, 3)), abs=1e-2)
    assert np.abs(per_scale[..., 3:]).max() < 1e-2


def test_a_line_answers_across_and_not_along():
    image = np.full((40, 40, 3), 200, np.uint8)
    image[:, 19:22] = 20
    at_line = filter_image(image)[20, 20, 3:-2].reshape(len(SCALES_PX), 8)[1]
    _, _, _, _, laplacian, larger, smaller, _ = at_line
    assert larger > 10 * abs(smaller)
    assert laplacian == pytest.approx(larger + smaller, rel=1e-4)
