"""Samples for the probe of leaks: regions drawn by seed, with stand-ins for predictions."""

import numpy as np
import torch
from torch import Tensor

from segan.evaluation.surrogates import surrogate_probs
from segan.losses.ignore import IGNORE

PADDING_PX = 8


def draw_target(
    seed: int, K: int = 4, *, size: tuple[int, int] = (64, 64), padding: bool = True, ignored: bool = True
) -> Tensor:
    """Draw regions around twelve points, one a class; a band above is padding, a square has no label."""
    random = np.random.default_rng(seed)
    points = random.uniform(0, min(size), (12, 2))
    rows, columns = np.mgrid[: size[0], : size[1]]
    distance = (rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2
    target = torch.from_numpy(random.integers(0, K, 12)[distance.argmin(axis=-1)])[None]
    if ignored:
        target[:, 30:42, 20:34] = IGNORE
    if padding:
        target[:, :PADDING_PX] = IGNORE
    return target


def draw_pairs(seed: int, count: int = 8, K: int = 4, **options: bool) -> list[tuple[Tensor, Tensor]]:
    """Draw labels and stand-ins for predictions of several samples."""
    targets = [draw_target(1000 * seed + index, K, **options) for index in range(count)]
    generator = torch.Generator().manual_seed(seed)
    return [(target, surrogate_probs(target, K, generator)) for target in targets]
