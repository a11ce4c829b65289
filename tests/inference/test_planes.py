"""Planes on the processor and as tensors do the same."""

import numpy as np
import pytest
import torch

from segan.inference.planes import ArrayPlanes
from segan.inference.torch_planes import TensorPlanes

ARRAYS, TENSORS = ArrayPlanes(), TensorPlanes(torch.device("cpu"))


@pytest.fixture
def planes():
    return np.random.default_rng(0).random((5, 31, 47), np.float32)


@pytest.mark.parametrize("size", [(31, 47), (62, 94), (26, 40), (1, 3)])
def test_both_resize_alike(planes, size):
    found = TENSORS.to_array(TENSORS.resize(TENSORS.place(planes), size))
    np.testing.assert_allclose(ARRAYS.resize(planes, size), found, rtol=0, atol=1e-5)


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_both_flip_and_transpose_alike(planes, axes):
    found = TENSORS.to_array(TENSORS.transpose(TENSORS.flip(TENSORS.place(planes), axes)))
    np.testing.assert_array_equal(ARRAYS.transpose(ARRAYS.flip(planes, axes)), found)


@pytest.mark.parametrize("shape", [(5, 31, 47), (1, 4, 4), (254, 3, 200), (3, 2, 40_000), (4, 400, 300)])
def test_both_find_the_first_of_the_highest(shape):
    planes = np.random.default_rng(1).integers(0, 9, shape).astype(np.float32)
    for found in (ARRAYS.highest(planes), TENSORS.highest(TENSORS.place(planes))):
        np.testing.assert_array_equal(found.mask, planes.argmax(axis=0))
        assert found.mask.dtype == np.uint8
        assert found.mean == pytest.approx(planes.max(axis=0).mean(dtype=np.float64), rel=1e-12)


def test_zeros_are_float32():
    assert ARRAYS.zeros((2, 3)).dtype == np.float32
    assert TENSORS.zeros((2, 3)).dtype == torch.float32
