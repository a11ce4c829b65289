import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segan.inference.tiling import blend_tiles, blend_weights, tile_starts

SIDES = st.tuples(st.integers(1, 300), st.integers(1, 120), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.89]))


def each(predict_tile):
    return lambda windows: [predict_tile(rows, columns) for rows, columns in windows]


def gather(height, width, tile, overlap, planes):
    found, visits = np.zeros_like(planes), np.zeros((height, width), int)
    read = each(lambda rows, columns: planes[:, rows, columns])
    for block in blend_tiles(read, (height, width), tile, overlap):
        found[:, *block.window] = block.planes
        visits[block.window] += 1
    assert (visits == 1).all()
    return found


@given(SIDES)
def test_tiles_cover_the_side_with_the_overlap(sides):
    length, tile, overlap = sides
    starts = tile_starts(length, tile, overlap)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    if length > tile:
        assert starts[-1] + tile == length
        assert all(b - a <= max(1, int(tile * (1 - overlap))) for a, b in itertools.pairwise(starts))
    else:
        assert starts == [0]


@given(SIDES)
def test_weights_of_all_tiles_sum_to_one_at_each_pixel(sides):
    length, tile, overlap = sides
    tile = min(tile, length)
    starts = tile_starts(length, tile, overlap)
    weights = blend_weights(length, tile, starts)
    total = np.zeros(length)
    for start, row in zip(starts, weights, strict=True):
        assert (row > 0).all()
        total[start : start + tile] += row
    np.testing.assert_allclose(total, np.ones(length), rtol=0, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 40), st.sampled_from([0.0, 0.25, 0.6]))
def test_blending_what_does_not_depend_on_the_tile_gives_it_back(height, width, tile, overlap):
    planes = np.random.default_rng(0).random((3, height, width), np.float32)
    np.testing.assert_allclose(gather(height, width, tile, overlap, planes), planes, rtol=0, atol=1e-5)


def test_a_pixel_near_a_seam_takes_most_from_the_tile_it_is_central_in():
    values = iter([0.0, 1.0])
    blocks = blend_tiles(each(lambda rows, columns: np.full((1, 8, 8), next(values), np.float32)), (8, 12), 8, 0.5)
    row = np.concatenate([block.planes[0, 0].copy() for block in blocks])
    assert (row[:4] == 0).all()
    assert (row[8:] == 1).all()
    assert (np.diff(row[4:8]) > 0).all()


def test_an_image_no_larger_than_a_tile_is_predicted_whole():
    calls = []
    blocks = list(
        blend_tiles(
            each(lambda rows, columns: calls.append((rows, columns)) or np.ones((2, 5, 7), np.float32)), (5, 7), 8, 0.25
        )
    )
    assert calls == [(slice(0, 5), slice(0, 7))]
    assert [(block.top, block.left) for block in blocks] == [(0, 0)]


MEMORY = """
import resource, numpy as np, torch
from torch import nn
from segan.data.labels import build_labels
from segan.data.preprocess import build_chain
from segan.inference.torch_engine import torch_segmenter
torch.set_num_threads(1)
network = nn.Conv2d(3, 11, 1).to(memory_format=torch.channels_last)
segmenter = torch_segmenter(network, build_labels([str(i) for i in range(11)]), build_chain([{"name": "normalize"}]))
segmenter.predict(np.zeros((64, 64, 3), np.uint8))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
mask = segmenter.predict(np.random.default_rng(0).integers(0, 256, (6000, 6000, 3), np.uint8)).mask
assert mask.shape == (6000, 6000)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
def test_a_6000_by_6000_image_takes_less_than_a_gibibyte():
    run = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 1024
