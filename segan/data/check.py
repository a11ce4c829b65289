"""Check all files of a dataset and report everything that is wrong with them at once."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segan.data.dataset import SPLITS, Dataset, Sample
from segan.data.formats import read_content, read_orientation, show_path
from segan.data.images import decode_image, image_size
from segan.data.intensity import SixteenBit
from segan.data.labels import Labels
from segan.data.masks import read_mask
from segan.data.statistics import ClassStatistics, count_values, summarize
from segan.data.threads import map_in_threads
from segan.errors import DataError

_SHOWN_PROBLEMS = 100
Size = tuple[int, int]


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Args:
        root: The dataset, as the user wrote it.
        problems: One line for each: file, value seen, value expected and what to do.
        warnings: What is odd but does not stop a training.
        statistics: Pixels and images of each class.
        sizes: How many images have each (height, width).
    """

    root: Path
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    statistics: ClassStatistics
    sizes: Mapping[Size, int]

    def class_pixels(self, split: str) -> NDArray[np.int64]:
        """Return the pixels of each class in a split, int64 [K]."""
        return self.statistics.pixels[split]

    def describe_sizes(self) -> str:
        """Tell the sizes of the images in a few words, height first."""
        if not self.sizes:
            return "no image could be read"
        if len(self.sizes) == 1:
            return "all {} x {}".format(*next(iter(self.sizes)))
        smallest, largest = min(self.sizes, key=_area), max(self.sizes, key=_area)
        return "{} different sizes, {} x {} to {} x {}".format(len(self.sizes), *smallest, *largest)


@dataclass(frozen=True)
class _Checked:
    """What one sample gave; `may_be_turned` tells of a mask that fits its image turned by EXIF and unturned alike."""

    problems: tuple[str, ...]
    size: Size | None
    digest: bytes | None
    counts: NDArray[np.int64] | None
    may_be_turned: bool


def check_dataset(
    dataset: Dataset,
    *,
    workers: int | None = None,
    decode_images: bool = True,
    sixteen_bit: SixteenBit = "percentile",
    on_done: Callable[[], None] | None = None,
) -> CheckReport:
    """Read every image and mask, and gather all problems.

    Args:
        dataset: As scanned.
        workers: Threads; `None`: one a core, 8 at most.
        decode_images: `False` reads the headers of images alone: faster, but damaged and repeated images stay unseen.
        sixteen_bit: How 16-bit images will become 8-bit; see `read_image`.
        on_done: Called after each sample, for a progress bar.
    """
    tasks = [(split, sample) for split in SPLITS for sample in dataset.samples.get(split, ())]
    check = partial(_check_sample, labels=dataset.labels, decode=decode_images, sixteen_bit=sixteen_bit)
    checked = map_in_threads(check, [sample for _, sample in tasks], workers, on_done)
    counts: dict[str, list[NDArray[np.int64]]] = {split: [] for split in SPLITS}
    for (split, _), result in zip(tasks, checked, strict=True):
        if result.counts is not None:
            counts[split].append(result.counts)
    statistics = summarize(counts, len(dataset.labels.classes))
    problems = [*dataset.problems, *(problem for result in checked for problem in result.problems)]
    if not dataset.samples.get("train"):
        problems.append(f"{show_path(dataset.root)}: train is empty, expected labelled images. Add images with masks.")
    warnings = [
        *dataset.warnings,
        *_absent_classes(dataset.labels, statistics),
        *_repeated_images(tasks, [result.digest for result in checked]),
        *_turned_images([sample for (_, sample), result in zip(tasks, checked, strict=True) if result.may_be_turned]),
    ]
    sizes = Counter(result.size for result in checked if result.size is not None)
    return CheckReport(dataset.root, tuple(problems), tuple(warnings), statistics, dict(sizes))


def raise_for_problems(report: CheckReport) -> None:
    """Stop where a check found problems.

    Raises:
        DataError: There are problems; with all of them, up to a hundred in the text.
    """
    count = len(report.problems)
    if count:
        shown = report.problems[:_SHOWN_PROBLEMS]
        rest = (f"and {count - len(shown)} more; `segan data check --json` lists all",) if count > len(shown) else ()
        noun = "problem" if count == 1 else "problems"
        raise DataError(f"{show_path(report.root)}: the dataset has {count} {noun}:", (*shown, *rest))


def _check_sample(sample: Sample, labels: Labels, decode: bool, sixteen_bit: SixteenBit) -> _Checked:
    problems: list[str] = []
    size, mask_size, digest, counts, may_be_turned = None, None, None, None, False
    try:
        if decode:
            content = read_content(sample.image)
            digest = hashlib.sha256(content).digest()
            height, width, _ = decode_image(content, sample.image, sixteen_bit=sixteen_bit).shape
            size = height, width
        else:
            size = image_size(sample.image)
    except DataError as error:
        problems.append(str(error))
    if sample.mask is not None:
        try:
            mask = read_mask(sample.mask, labels)
            mask_size, counts = mask.shape, count_values(mask)
        except DataError as error:
            problems.append(str(error))
        if size is not None and mask_size is not None and size != mask_size:
            problems.append(_size_problem(sample.mask, (mask_size[0], mask_size[1]), size))
        elif size is not None and mask_size is not None:
            may_be_turned = _may_be_turned(sample.image, sample.mask, size)
    return _Checked(tuple(problems), size, digest, counts, may_be_turned)


def _may_be_turned(image: Path, mask: Path, size: Size) -> bool:
    """Tell whether EXIF turns the image and not the mask, and their sizes are the same either way."""
    orientation = read_orientation(image)
    keeps_size = orientation < 5 or size[0] == size[1]
    return orientation != 1 and keeps_size and read_orientation(mask) == 1


def _size_problem(path: Path, seen: Size, expected: Size) -> str:
    turned = seen == expected[::-1]
    advice = "One of the two was turned: turn it back." if turned else "Export the mask again at the size of its image."
    sizes = f"mask of {seen[0]} x {seen[1]} seen, expected {expected[0]} x {expected[1]} (height x width) as its image"
    return f"{show_path(path)}: {sizes}. {advice}"


def _absent_classes(labels: Labels, statistics: ClassStatistics) -> list[str]:
    seen, advice = "no pixel in train seen, expected some", "Add images that show it, or drop the class."
    return [
        f"class {name}: {seen}: it cannot be learned. {advice}"
        for name, pixels in zip(labels.classes, statistics.pixels["train"], strict=True)
        if pixels == 0
    ]


def _turned_images(samples: Sequence[Sample]) -> list[str]:
    if not samples:
        return []
    advice = "Look at the preview of `segan data check --out preview.png`."
    return [
        f"images turned by EXIF: {len(samples)} seen whose masks carry no orientation and fit in size either way "
        f"({show_path(samples[0].image)}), expected masks of the images as displayed. {advice}"
    ]


def _repeated_images(tasks: Sequence[tuple[str, Sample]], digests: Sequence[bytes | None]) -> list[str]:
    """Tell of files with the same bytes; in two splits they make the score too good."""
    places: dict[bytes, list[tuple[str, Sample]]] = defaultdict(list)
    for task, digest in zip(tasks, digests, strict=True):
        if digest is not None:
            places[digest].append(task)
    repeated: dict[tuple[str, ...], list[list[tuple[str, Sample]]]] = defaultdict(list)
    for same in places.values():
        if len(same) > 1:
            repeated[tuple(dict.fromkeys(split for split, _ in same))].append(same)
    lines = []
    for splits, groups in repeated.items():
        example = " = ".join(show_path(sample.image) for _, sample in groups[0][:2])
        where = f"in {splits[0]}" if len(splits) == 1 else f"shared by {' and '.join(splits)}"
        effect = "they count twice" if len(splits) == 1 else "the score on them would be too good"
        lines.append(
            f"identical images {where}: {len(groups)} seen ({example}), expected none: {effect}. Remove the copies."
        )
    return lines


def _area(size: Size) -> int:
    return size[0] * size[1]
