"""What a classical method may look at while it is fitted: training images alone, in an order drawn by seed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segan.baselines.sizes import reduce_image, reduce_mask
from segan.data.dataset import Sample
from segan.data.images import show_path
from segan.data.intensity import SixteenBit
from segan.data.labels import IGNORE, Labels
from segan.data.pairs import read_pair
from segan.errors import DataError, UsageError
from segan.inference.ahead import read_ahead

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Training:
    """The training images of one fit; build it with `draw_training`.

    Args:
        samples: Those to look at, each with a mask.
        labels: What the masks mean.
        seed: Of all that is drawn while fitting.
        sixteen_bit: How 16-bit images are read.
        report: Called with the steps done and their number.
    """

    samples: tuple[Sample, ...]
    labels: Labels
    seed: int
    sixteen_bit: SixteenBit
    report: Report

    @property
    def num_classes(self) -> int:
        """K."""
        return len(self.labels.classes)

    def generator(self) -> np.random.Generator:
        """Start the random numbers of this fit."""
        return np.random.default_rng(self.seed)

    def pairs(self, *, further: int = 0) -> Iterator[tuple[Image, Mask]]:
        """Read each image with its mask, both at the working size.

        Args:
            further: Steps that follow the reading, for the report.

        Raises:
            DataError: Files cannot be read, all of them listed; or no pixel of all masks is labelled.
        """
        problems, labelled = [], False
        for done, (_, reading) in enumerate(read_ahead(self._read, self.samples), start=1):
            try:
                image, mask = reading.result()
            except DataError as error:
                problems.append(str(error))
                continue
            labelled |= bool((mask != IGNORE).any())
            # After a problem there will be no method, so the rest is only read, to find all problems.
            if not problems:
                yield image, mask
            self.report(done, len(self.samples) + further)
        if problems:
            raise DataError(f"{len(problems)} training files cannot be used, expected none. Repair these:", problems)
        if not labelled:
            raise DataError(
                f"training masks: no labelled pixel in {len(self.samples)} images, expected some. "
                "Check the mapping of the masks' values with segan data check."
            )

    def advance(self, done: int, further: int) -> None:
        """Report a step after the reading."""
        self.report(len(self.samples) + done, len(self.samples) + further)

    def _read(self, sample: Sample) -> tuple[Image, Mask]:
        assert sample.mask is not None
        image, mask = read_pair(sample.image, sample.mask, self.labels, sixteen_bit=self.sixteen_bit)
        return reduce_image(image), reduce_mask(mask)


def draw_training(
    samples: Sequence[Sample],
    labels: Labels,
    *,
    count: int,
    seed: int,
    sixteen_bit: SixteenBit,
    report: Report | None = None,
) -> Training:
    """Draw the images that a fit looks at.

    Args:
        samples: The training split, each with a mask.
        labels: What the masks mean.
        count: Images at most.
        seed: Of the draw; a smaller count takes a part of what a larger one takes.
        sixteen_bit: How 16-bit images are read.
        report: Called with the steps done and their number.

    Raises:
        UsageError: The count is below 1.
        DataError: There are no samples, or some have no mask.
    """
    if count < 1:
        raise UsageError(f"training images: at most {count} seen, expected 1 or more. Raise max_images.")
    if not samples:
        raise DataError("training split: no samples seen, expected at least 1 image with a mask. Check the split.")
    bare = [f"{show_path(sample.image)}: no mask" for sample in samples if sample.mask is None]
    if bare:
        raise DataError("training split: images without masks, expected one each. Add them or remove these:", bare)
    order = np.random.default_rng(seed).permutation(len(samples))[:count]
    return Training(tuple(samples[index] for index in order), labels, seed, sixteen_bit, report or _ignore_report)


def _ignore_report(done: int, total: int) -> None:
    """Tell nobody."""
