"""Batches and the iterator that hands them out, wherever they are made."""

from collections.abc import Iterator, Sequence
from typing import Self, TypedDict

import numpy as np
import torch

from segan.data.prefetch import Prefetcher
from segan.errors import DataError, SeganError


class Item(TypedDict):
    """One sample: `image` float32 [3, h, w], `mask` uint8 [h, w], `index` in the split."""

    image: torch.Tensor
    mask: torch.Tensor
    index: int


class Batch(TypedDict):
    """N samples: `image` float32 [N, 3, h, w], `mask` uint8 [N, h, w], `index` int64 [N].

    Masks stay bytes until they are where the loss is computed, an eighth of the copying: `mask.to(device).long()`.
    """

    image: torch.Tensor
    mask: torch.Tensor
    index: torch.Tensor


class Loader:
    """Iterator over the batches of a run; `close` it, or use it in a `with` block, to stop its thread or processes."""

    def __init__(self, batches: "Prefetcher[Batch | SeganError] | Iterator[Batch | SeganError]") -> None:
        self._batches: Prefetcher[Batch | SeganError] | Iterator[Batch | SeganError] = batches

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        batch = next(self._batches)
        if isinstance(batch, SeganError):
            self.close()
            raise batch
        return batch

    def close(self) -> None:
        """Stop what runs in the background; harmless when repeated."""
        if isinstance(self._batches, Prefetcher):
            self._batches.close()
        self._batches = iter(())  # The worker processes end with their iterator.

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()


def stack_items(items: Sequence[Item]) -> Batch:
    """Stack samples of one size.

    Raises:
        DataError: The sizes differ.
    """
    shapes = sorted({(item["mask"].shape[0], item["mask"].shape[1]) for item in items})
    if len(shapes) > 1:
        raise DataError(
            f"batch: samples of sizes {', '.join(map(str, shapes))} (height, width), expected one size. Set a `resize` "
            "step of mode crop, letterbox or stretch in `preprocessing`, or training.batch_size=1."
        )
    # numpy stacks in this thread; torch would start a second pool of threads beside the network's.
    images = np.stack([item["image"].numpy() for item in items])
    masks = np.stack([item["mask"].numpy() for item in items])
    return {
        "image": torch.from_numpy(images),
        "mask": torch.from_numpy(masks),
        "index": torch.tensor([item["index"] for item in items]),
    }


def pin_batch(batch: Batch) -> Batch:
    """Move a batch to page-locked memory, from which a GPU copies in the background."""
    return {
        "image": batch["image"].pin_memory(),
        "mask": batch["mask"].pin_memory(),
        "index": batch["index"].pin_memory(),
    }
