"""The centres of patches are the middles of what the gradient of each logit touches."""

import numpy as np
import pytest
import torch

from segan.models import DISCRIMINATORS, build_discriminator
from segan.models.patch_grid import patch_centers


def middles(discriminator: torch.nn.Module, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Measure the middle of the rows and columns that move each logit of the diagonal."""
    image = torch.randn(1, 3, *size, dtype=torch.float64)
    mask = torch.rand(1, 2, *size, dtype=torch.float64, requires_grad=True)
    logits, _ = discriminator.double()(image, mask)
    found = []
    for dim, count in ((2, logits.shape[2]), (3, logits.shape[3])):
        places = []
        for index in range(count):
            (gradient,) = torch.autograd.grad(logits.select(dim, index).sum(), mask, retain_graph=True)
            touched = (gradient != 0).any(dim=1)[0].any(dim=3 - dim).nonzero()
            places.append((int(touched.min()) + int(touched.max()) + 1) / 2)
        found.append(np.array(places))
    return found[0], found[1]


@pytest.mark.parametrize(("kind", "depth", "scale"), [("patch", 1, 1.0), ("patch", 2, 0.5), ("pixel", 2, 0.5)])
def test_centers_are_those_of_the_gradient(kind: str, depth: int, scale: float) -> None:
    torch.manual_seed(0)
    discriminator = build_discriminator(kind, num_classes=2, depth=depth, channels=2, norm="none", input_scale=scale)
    rows, columns = patch_centers(discriminator, (96, 128))
    inner = slice(4, -4)  # At the border the square is cut off, and its middle moves.
    for expected, found in zip(middles(discriminator, (96, 128)), (rows, columns), strict=True):
        assert len(found) == len(expected)
        np.testing.assert_allclose(found[inner], expected[inner], atol=1e-9)


@pytest.mark.parametrize("kind", DISCRIMINATORS)
@pytest.mark.parametrize("scale", [1.0, 0.5, 0.75])
@pytest.mark.parametrize("size", [(64, 64), (37, 51), (5, 40)])
def test_there_is_a_center_for_each_logit(kind: str, scale: float, size: tuple[int, int]) -> None:
    discriminator = build_discriminator(kind, num_classes=2, depth=2, channels=2, input_scale=scale)
    logits, _ = discriminator(torch.zeros(1, 3, *size), torch.zeros(1, 2, *size))
    rows, columns = patch_centers(discriminator, size)
    assert (len(rows), len(columns)) == tuple(logits.shape[2:])


def test_the_patch_of_pix2pix_by_hand() -> None:
    discriminator = build_discriminator("patch", num_classes=2, depth=3)
    rows, _ = patch_centers(discriminator, (64, 64))
    # Half a pixel, then half a step of 1, 2, 4, 8 and 8: 12; the last one lies as far from the other border.
    assert rows.tolist() == [12.0, 20.0, 28.0, 36.0, 44.0, 52.0]


@pytest.mark.parametrize("kind", ["confidence", "pixel_class"])
def test_one_logit_for_each_seen_pixel_stands_in_its_middle(kind: str) -> None:
    discriminator = build_discriminator(kind, num_classes=2, depth=2, channels=2, input_scale=0.5)
    rows, columns = patch_centers(discriminator, (7, 4))
    assert (rows.tolist(), columns.tolist()) == ([1.0, 3.0, 5.0, 7.0], [1.0, 3.0])


def test_scales_share_the_grid_of_the_finest() -> None:
    several, one = (build_discriminator(kind, num_classes=2, depth=2) for kind in ("multiscale", "patch"))
    for here, there in zip(patch_centers(several, (50, 70)), patch_centers(one, (50, 70)), strict=True):
        assert here.tolist() == there.tolist()


def test_a_whole_image_has_its_middle() -> None:
    discriminator = build_discriminator("image", num_classes=2, depth=2)
    assert [places.tolist() for places in patch_centers(discriminator, (30, 50))] == [[15.0], [25.0]]
