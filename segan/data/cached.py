"""Labelled images after all fixed preprocessing, kept in memory while there is room."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import get_worker_info

from segan.data.dataset import Sample
from segan.data.formats import show_path
from segan.data.intensity import SixteenBit
from segan.data.labels import IGNORE, Labels
from segan.data.pairs import read_pair
from segan.data.preprocess import Chain, Statistics
from segan.errors import DataError


@dataclass(frozen=True)
class Decoded:
    """What is the same at each visit of a sample; not to be written to.

    Args:
        image: RGB `uint8 [h, w, 3]`, at the size the chain gives it.
        mask: Class indices `uint8 [h, w]`.
        statistics: What `Chain.normalize` needs of the whole image.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    statistics: Statistics | None


class DecodedSamples:
    """Read samples by index; each process keeps those that fit its share of the memory.

    Args:
        samples: Each has a mask.
        labels: What the masks mean.
        chain: The preprocessing.
        cache_mb: Memory in MiB, divided among loading processes.
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
        cache_mb: int,
        sixteen_bit: SixteenBit,
    ) -> None:
        if not samples:
            raise DataError("training split: no samples seen, expected at least 1 image with a mask. Check the split.")
        bare = [f"{show_path(sample.image)}: no mask" for sample in samples if sample.mask is None]
        if bare:
            raise DataError("training split: images without masks, expected one each. Add them or remove these:", bare)
        self._paths = [(sample.image, sample.mask) for sample in samples if sample.mask is not None]
        self._labels = labels
        self._chain = chain
        self._sixteen_bit = sixteen_bit
        self._room_bytes = cache_mb * 2**20
        self._cache: dict[int, Decoded] = {}

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Decoded:
        """Return a sample from memory or from its files.

        Raises:
            DataError: A file cannot be read, or the sizes of image and mask differ.
        """
        known = self._cache.get(index)
        if known is not None:
            return known
        decoded = self._read(index)
        worker = get_worker_info()
        size_bytes = (decoded.image.nbytes + decoded.mask.nbytes) * (worker.num_workers if worker is not None else 1)
        if size_bytes <= self._room_bytes:
            self._room_bytes -= size_bytes
            self._cache[index] = decoded
        return decoded

    def _read(self, index: int) -> Decoded:
        image, mask = read_pair(*self._paths[index], self._labels, sixteen_bit=self._sixteen_bit)
        image = self._chain.photometric(image)
        placement = self._chain.place((image.shape[0], image.shape[1]))
        statistics = self._chain.statistics(image)
        return Decoded(placement.place_image(image), placement.place_mask(mask, IGNORE), statistics)
