"""The order of the training data as a pure function, so that a resumed run sees what it would have seen."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def batch_indices(seed: int, step: int, n: int, batch_size: int) -> list[tuple[int, int]]:
    """Compute which samples make up the batch of a step.

    Batches follow one another through the epochs: none is smaller, no sample is left out, and one batch may hold the
    end of an epoch and the start of the next.

    Args:
        seed: Of the run.
        step: From 0.
        n: Samples in the training split, at least 1.
        batch_size: May exceed `n`.

    Returns:
        `(epoch, index)` of each sample; the pair seeds the sample's own randomness.

    >>> sorted(index for _, index in batch_indices(0, 0, 4, 4))
    [0, 1, 2, 3]
    >>> [epoch for epoch, _ in batch_indices(0, 1, 3, 2)]
    [0, 1]
    """
    first = step * batch_size
    places = (divmod(position, n) for position in range(first, first + batch_size))
    return [(epoch, int(_permutation(seed, epoch, n)[place])) for epoch, place in places]


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch])))
    return generator.permutation(n)
