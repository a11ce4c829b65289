"""Does an exported model say what its original says? Both predict the same real images."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from segan.data.dataset import Sample
from segan.data.images import read_image
from segan.data.labels import Labels
from segan.data.masks import read_mask
from segan.errors import SeganError
from segan.evaluation.confusion import confusion_matrix
from segan.evaluation.scores import mean_iou
from segan.inference.segmenter import Segmenter

# Share of the pixels on which both must agree. Rounding alone moves a pixel in some hundred thousand; 8-bit integers
# move one in a hundred, at borders, where a loss of mean IoU tells more.
LEAST_AGREEMENT = {"fp32": 0.9999, "bf16": 0.99, "int8": 0.97}
# The most that the mean IoU may fall, in points.
MOST_LOSS = 0.5


@dataclass(frozen=True)
class Comparison:
    """An original and its export on the same images.

    Args:
        images: How many.
        agreement: Share of the pixels of all images on which both masks agree.
        mean_iou_original: `None` where there are no true masks.
        mean_iou_exported: As above.
        seconds_original: Median of an image, from the decoded image to the mask.
        seconds_exported: As above.
    """

    images: int
    agreement: float
    mean_iou_original: float | None
    mean_iou_exported: float | None
    seconds_original: float
    seconds_exported: float

    @property
    def speed(self) -> float:
        """How many times as fast the export is."""
        return self.seconds_original / max(self.seconds_exported, 1e-9)

    @property
    def loss(self) -> float | None:
        """What the export loses of the mean IoU, in points."""
        if self.mean_iou_original is None or self.mean_iou_exported is None:
            return None
        return 100.0 * (self.mean_iou_original - self.mean_iou_exported)

    def validate(self, precision: str, least: float | None = None) -> None:
        """Refuse an export that says something else.

        Args:
            precision: Of the export; key of `LEAST_AGREEMENT`.
            least: Least agreement; `None`: that of the precision.

        Raises:
            SeganError: The masks agree on too few pixels, or the mean IoU falls too far.
        """
        least = LEAST_AGREEMENT[precision] if least is None else least
        if self.agreement < least:
            raise SeganError(
                f"--check: the masks agree on {self.agreement:.4%} of the pixels, expected {least:.2%}. Nothing was "
                "written; try another --format, or more calibration images for --int8."
            )
        if self.loss is not None and self.loss > MOST_LOSS:
            raise SeganError(
                f"--check: mean IoU falls by {self.loss:.2f} points, expected {MOST_LOSS} at most. Nothing was "
                "written; try another --format, or more calibration images for --int8."
            )


def compare_models(
    original: Segmenter,
    exported: Segmenter,
    samples: Iterable[Sample],
    labels: Labels,
    *,
    report: Callable[[int], None] | None = None,
) -> Comparison:
    """Predict images with both.

    Args:
        original: The model in torch.
        exported: The same, exported.
        samples: Images; true masks are used where all have one.
        labels: What the true masks mean.
        report: Called with the number of images done.

    Raises:
        DataError: An image or a mask cannot be read.
    """
    agreeing = pixels = images = labelled = 0
    classes = len(labels.classes)
    counts = np.zeros((2, classes, classes), np.int64)
    seconds: tuple[list[float], list[float]] = ([], [])
    for images, sample in enumerate(samples, start=1):
        image = read_image(sample.image, sixteen_bit=original.sixteen_bit)
        masks = [_timed(model, image, spent) for model, spent in zip((original, exported), seconds, strict=True)]
        agreeing += int((masks[0] == masks[1]).sum())
        pixels += masks[0].size
        if sample.mask is not None:
            labelled += 1
            truth = read_mask(sample.mask, labels)
            counts += [confusion_matrix(mask, truth, classes) for mask in masks]
        if report is not None:
            report(images)
    scored = [mean_iou(matrix) if labelled == images else None for matrix in counts]
    # The first image warms up.
    middle = [median(spent[1:] or spent) for spent in seconds]
    return Comparison(images, agreeing / max(pixels, 1), scored[0], scored[1], middle[0], middle[1])


def _timed(model: Segmenter, image: NDArray[np.uint8], spent: list[float]) -> NDArray[np.uint8]:
    begun = time.perf_counter()
    mask = model.predict(image).mask
    spent.append(time.perf_counter() - begun)
    return mask


def samples_of(folder: Path, split: str, labels: Labels) -> tuple[list[Sample], Labels]:
    """Find what `--check` or `--calibrate` names: the split of a dataset folder, or any folder of images.

    Raises:
        UsageError: There is no image.
        DataError: The dataset has problems.
    """
    from segan.data.folders import walk_files
    from segan.data.images import IMAGE_SUFFIXES
    from segan.data.source import Source
    from segan.errors import UsageError
    from segan.evaluation.selection import select_samples

    if (folder / "images").is_dir():
        selection = select_samples(Source.of_dataset(folder), split, model_labels=labels)
        return list(selection.samples), selection.labels
    found = [path for path in walk_files(folder) if path.suffix.lower() in IMAGE_SUFFIXES] if folder.is_dir() else []
    if not found:
        raise UsageError(f"{folder}: no image found, expected a dataset folder or a folder of images. Check the path.")
    return [Sample(name=path.stem, image=path, mask=None) for path in found], labels
