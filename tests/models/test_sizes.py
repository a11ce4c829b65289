"""Continuing images by their reflection, and cutting logits back."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from segan.models.sizes import AnySize, extend


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 9), width=st.integers(1, 9), more=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_extend_is_numpys_reflection(height: int, width: int, more: tuple[int, int]) -> None:
    image = torch.randn(1, 2, height, width)
    # numpy repeats the only pixel of a side of one.
    expected = np.pad(image.numpy(), ((0, 0), (0, 0), (0, more[0]), (0, more[1])), mode="reflect")
    extended = extend(image, (height + more[0], width + more[1]))
    np.testing.assert_array_equal(extended.numpy(), expected)


def test_extend_keeps_the_layout() -> None:
    image = torch.randn(1, 3, 5, 6).contiguous(memory_format=torch.channels_last)
    assert extend(image, (8, 8)).is_contiguous(memory_format=torch.channels_last)
    assert extend(image.contiguous(), (8, 8)).is_contiguous()
    assert extend(image, (5, 6)) is image


class _Strict(nn.Module):
    """Answers with the red channel, at full size or smaller, and refuses other sizes."""

    def __init__(self, shrink_by: int = 1) -> None:
        super().__init__()
        self.shrink_by = shrink_by
        self.seen: list[tuple[int, ...]] = []

    def forward(self, image: Tensor) -> Tensor:
        self.seen.append(tuple(image.shape[-2:]))
        return image[:, :1, :: self.shrink_by, :: self.shrink_by]


@pytest.mark.parametrize(
    ("size", "inside"), [((8, 16), (16, 16)), ((17, 33), (24, 40)), ((1, 1), (16, 16)), ((24, 16), (24, 16))]
)
def test_network_sees_a_size_it_takes_and_logits_stay_in_place(size: tuple[int, int], inside: tuple[int, int]) -> None:
    network = _Strict()
    image = torch.randn(2, 3, *size)
    logits = AnySize(network, multiple=8, minimum=16)(image)
    assert network.seen == [inside]
    assert torch.equal(logits, image[:, :1])


def test_logits_of_another_size_are_resized() -> None:
    assert AnySize(_Strict(shrink_by=4), multiple=8, minimum=16)(torch.randn(1, 3, 19, 30)).shape == (1, 1, 19, 30)
