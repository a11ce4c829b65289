"""Averaging pictures down."""

import pytest
import torch
import torch.nn.functional as F

from segan.models.shrink import shrink, whole_factor


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.25, 0.75, 0.4])
def test_a_constant_stays_constant(scale: float) -> None:
    shrunk = shrink(torch.full((1, 2, 13, 10), 3.0), scale)
    torch.testing.assert_close(shrunk, torch.full_like(shrunk, 3.0))


@pytest.mark.parametrize(("scale", "size"), [(0.5, (6, 4)), (0.25, (3, 2)), (0.75, (9, 6))])
def test_areas_are_averaged(scale: float, size: tuple[int, int]) -> None:
    picture = torch.randn(2, 3, 12, 8)
    # Twelve copies of each pixel make the borders of cells fall between pixels; torch's area mode is then exact.
    fine = picture.repeat_interleave(12, dim=2).repeat_interleave(12, dim=3)
    torch.testing.assert_close(
        shrink(picture, scale), F.interpolate(fine, size=size, mode="area"), atol=1e-5, rtol=1e-4
    )


def test_odd_sizes_keep_their_last_row() -> None:
    picture = torch.tensor([1.0, 3.0, 7.0]).view(1, 1, 3, 1)
    assert shrink(picture, 0.5).flatten().tolist() == [2.0, 7.0]
    assert shrink(torch.ones(1, 1, 1, 1), 0.25).shape == (1, 1, 1, 1)
    assert shrink(torch.ones(1, 1, 1, 1), 0.3).shape == (1, 1, 1, 1)


def test_scale_one_copies_nothing() -> None:
    picture = torch.randn(1, 1, 3, 3)
    assert shrink(picture, 1.0) is picture


def test_whole_factor() -> None:
    assert [whole_factor(scale) for scale in (1.0, 0.5, 1 / 3, 0.75)] == [1, 2, 3, None]
