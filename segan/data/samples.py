"""Training samples and the batches of a run: what step k sees depends on the seed and on k, and on nothing else."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from segan.data.augment import build_augmentation
from segan.data.batches import Batch, Item, Loader, pin_batch, stack_items
from segan.data.cached import Decoded, DecodedSamples
from segan.data.crops import cut_window, draw_scale, draw_window, rarity
from segan.data.dataset import Sample
from segan.data.intensity import SixteenBit
from segan.data.labels import IGNORE, Labels
from segan.data.order import batch_indices
from segan.data.prefetch import Prefetcher
from segan.data.preprocess import Chain
from segan.errors import SeganError

_PREFETCHED_BATCHES = 2


class TrainingSamples(Dataset[Item]):
    """Labelled images, preprocessed, cropped and augmented; item `(epoch, index)` is a pure function of the seed.

    Args:
        samples: Of the training split; each has a mask.
        labels: What the masks mean.
        chain: The preprocessing.
        preset: Of the augmentation, one of `segan/data/augment.py`.
        rare_class_crops: Share of crops around a pixel of a class drawn by rarity.
        class_pixels: Pixels of each class in the split; `None`: all classes count as equally rare.
        seed: Of crops and augmentation.
        cache_mb: Memory for decoded images in MiB, divided among workers.
        sixteen_bit: How 16-bit images become 8-bit; see `read_image`.

    Raises:
        DataError: There are no samples, or some have no mask.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        labels: Labels,
        chain: Chain,
        *,
        preset: str = "none",
        rare_class_crops: float = 0.0,
        class_pixels: Sequence[int] | None = None,
        seed: int = 0,
        cache_mb: int = 2048,
        sixteen_bit: SixteenBit = "percentile",
    ) -> None:
        self._decoded = DecodedSamples(samples, labels, chain, cache_mb=cache_mb, sixteen_bit=sixteen_bit)
        self._chain = chain
        self._augment = build_augmentation(preset)
        self._rare_share = rare_class_crops
        self._rarity = rarity(class_pixels if class_pixels is not None else [1] * len(labels.classes))
        self._seed = seed

    def __len__(self) -> int:
        return len(self._decoded)

    def __getitem__(self, key: tuple[int, int]) -> Item:
        """Make the sample `index` as epoch `epoch` sees it; `key` is `(epoch, index)`.

        Raises:
            DataError: The image or the mask cannot be read.
        """
        epoch, index = key
        generator = np.random.default_rng([self._seed, epoch, index])
        decoded = self._decoded[index]
        image, mask = self._crop(decoded, generator)
        image, mask = self._augment(image, mask, int(generator.integers(2**63)))
        planes = self._chain.normalize(image, decoded.statistics)
        return {"image": torch.from_numpy(planes), "mask": torch.from_numpy(np.ascontiguousarray(mask)), "index": index}

    def _crop(self, decoded: Decoded, generator: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return a copy, so that nothing downstream can change the cache."""
        whole = (decoded.mask.shape[0], decoded.mask.shape[1])
        size = self._chain.crop_size or whole
        smallest, largest = self._chain.random_scale
        if size == whole and smallest == largest == 1.0:
            return decoded.image.copy(), decoded.mask.copy()
        scale = draw_scale(generator, smallest, largest)
        window = draw_window(
            generator, decoded.mask, size, scale, class_probabilities=self._rarity, rare_share=self._rare_share
        )
        image, mask = cut_window(decoded.image, decoded.mask, window, size, fill=IGNORE)
        return image.copy(), mask.copy()


class _Batches(Dataset[Batch | SeganError]):
    """Batch of each step; an error of ours is an item, so that it leaves a worker without a traceback around it."""

    def __init__(self, samples: TrainingSamples, seed: int, batch_size: int, pin_memory: bool) -> None:
        self._samples, self._seed, self._batch_size, self._pin_memory = samples, seed, batch_size, pin_memory

    def __getitem__(self, step: int) -> Batch | SeganError:
        try:
            keys = batch_indices(self._seed, step, len(self._samples), self._batch_size)
            batch = stack_items([self._samples[key] for key in keys])
        except SeganError as error:
            return error
        return pin_batch(batch) if self._pin_memory else batch


def build_loader(
    samples: TrainingSamples,
    *,
    seed: int,
    start_step: int,
    steps: int,
    batch_size: int,
    workers: int,
    pin_memory: bool = False,
) -> Loader:
    """Build the iterator over the batches of steps `start_step` to `steps - 1`.

    Args:
        samples: The training samples.
        seed: Of the order.
        start_step: First step to load; above 0 after a resume.
        steps: Steps of the whole run.
        batch_size: Samples a step.
        workers: Processes; 0: one background thread, best where the processor also trains. The batches are the same.
        pin_memory: Put batches where a GPU can fetch them; for CUDA only.
    """
    order = range(start_step, steps)
    if workers == 0:
        batches = _Batches(samples, seed, batch_size, pin_memory)
        return Loader(Prefetcher(map(batches.__getitem__, order), depth=_PREFETCHED_BATCHES))
    loader = DataLoader(
        _Batches(samples, seed, batch_size, pin_memory=False),
        batch_size=None,
        sampler=order,
        num_workers=workers,
        collate_fn=_unchanged,
        worker_init_fn=_start_worker,
        prefetch_factor=_PREFETCHED_BATCHES,
        pin_memory=pin_memory,
        generator=torch.Generator(),  # Else it draws from the global one, which the model's dropout uses.
    )
    return Loader(iter(loader))


def _unchanged(batch: Any) -> Any:
    return batch


def _start_worker(worker: int) -> None:
    """Leave the cores to the training and signals to the parent, which saves and then ends its workers."""
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when the training is killed; torch's own watch misses it where a fork server made the worker."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
