"""How good a discriminator is on held-out images: real pairs (image, true mask) against fake ones (image, prediction).

Real and fake masks are shown as in training, and a patch counts by its share of labelled pixels, as it did there.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from segan.data.dataset import Sample
from segan.data.formats import show_path
from segan.data.labels import IGNORE, Labels
from segan.data.pairs import read_pair
from segan.data.placement import Placement
from segan.errors import DataError
from segan.evaluation.discriminator_counts import Judgement
from segan.evaluation.discriminator_quality import DiscriminatorQuality
from segan.evaluation.sums import to_units
from segan.inference.ahead import read_ahead
from segan.inference.discriminator_file import TrainedDiscriminator, load_discriminator
from segan.inference.load import load_segmenter
from segan.inference.scene import look_at_prepared
from segan.inference.segmenter import Segmenter
from segan.losses.real_masks import validity_map

Report = Callable[[int], None]
Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]


def evaluate_discriminator(
    model: str | Path,
    samples: Iterable[Sample],
    labels: Labels,
    *,
    split: str = "",
    device: str | torch.device = "auto",
    report: Report | None = None,
) -> DiscriminatorQuality:
    """Load a run's model and discriminator and measure the discriminator on samples; see `judge_samples`.

    Args:
        model: Run folder or model file.
        samples: Each has a mask.
        labels: What the masks mean.
        split: Name of the split, for the record.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or a device.
        report: Called with the number of images done.
    """
    segmenter = load_segmenter(model, device)
    discriminator = load_discriminator(model, segmenter)
    return judge_samples(discriminator, segmenter, samples, labels, split=split, report=report)


def judge_samples(
    discriminator: TrainedDiscriminator,
    segmenter: Segmenter,
    samples: Iterable[Sample],
    labels: Labels,
    *,
    split: str = "",
    report: Report | None = None,
) -> DiscriminatorQuality:
    """Let a discriminator judge the true mask and the prediction of each sample.

    Args:
        discriminator: Saved with the model.
        segmenter: The model.
        samples: Each has a mask.
        labels: What the masks mean; the classes must be those of the model.
        split: Name of the split, for the record.
        report: Called with the number of images done.

    Raises:
        DataError: The classes differ, there are no samples, or files cannot be used; all problems at once.
    """
    if labels.classes != segmenter.labels.classes:
        raise DataError(
            f"classes of the dataset: seen {', '.join(labels.classes)}, expected {', '.join(segmenter.labels.classes)} "
            "as the model has. Use the dataset's own model, or a dataset.yaml with the model's classes."
        )

    def read(sample: Sample) -> tuple[Image, Mask]:
        if sample.mask is None:
            raise DataError(f"{show_path(sample.image)}: no mask, expected one of the same name. Add it.")
        return read_pair(sample.image, sample.mask, labels, sixteen_bit=segmenter.sixteen_bit)

    judgements: list[Judgement] = []
    problems: list[str] = []
    for sample, reading in read_ahead(read, samples):
        try:
            image, truth = reading.result()
        except DataError as error:
            problems.append(str(error))
            continue
        if not problems:  # After a problem there will be no figure, so the rest is only read, to find all.
            judgements.append(judge_image(discriminator, segmenter, sample.name, image, truth))
        if report is not None:
            report(len(judgements))
    if problems:
        raise DataError(f"{len(problems)} files cannot be judged, expected none. Repair these:", problems)
    if not judgements:
        raise DataError(f"split {split or 'given'}: 0 images with masks, expected at least one. Choose another split.")
    return DiscriminatorQuality(labels.classes, tuple(judgements), discriminator.meta, discriminator.border, split)


def judge_image(
    discriminator: TrainedDiscriminator, segmenter: Segmenter, name: str, image: Image, truth: Mask
) -> Judgement:
    """Judge the true mask and the prediction of one image; a large one in parts, as training saw crops.

    Args:
        discriminator: Saved with the model.
        segmenter: The model.
        name: Of the sample.
        image: RGB `uint8 [H, W, 3]`.
        truth: Class indices and 255, `uint8 [H, W]`.
    """
    chain = segmenter.chain
    evened = chain.photometric(image)
    statistics = chain.statistics(evened)
    prepared, placement = chain.fit(evened)
    placed = placement.place_mask(truth, IGNORE)
    judged = []
    for window in _windows(placement.canvas, segmenter.tile_px):
        part, size = prepared[window], placed[window].shape
        scene = look_at_prepared(segmenter, part, statistics, Placement(size, size, size))
        target = torch.from_numpy(np.ascontiguousarray(placed[window])).long()[None].to(scene.probs.device)
        real_mask, fake_mask = discriminator.show(target, scene.probs)
        real, fake = (discriminator.judge(scene.planes, mask) for mask in (real_mask, fake_mask))
        grid = (real.shape[-2], real.shape[-1])
        weight, classes = _labels_of_patches(target, grid, len(segmenter.labels.classes))
        judged.append([value.flatten().cpu().numpy() for value in (real, fake, weight, classes)])
    real_all, fake_all, weight_all, classes_all = (np.concatenate(values) for values in zip(*judged, strict=True))
    counted = weight_all > 0.0
    return Judgement(
        name, real_all[counted], fake_all[counted], to_units(weight_all[counted]), classes_all[counted].astype(np.uint8)
    )


def _labels_of_patches(target: Tensor, grid: tuple[int, int], num_classes: int) -> tuple[Tensor, Tensor]:
    """Compute the share of labelled pixels and the most frequent class under each cell of a grid over the image."""
    shares = [F.adaptive_avg_pool2d((target == index).unsqueeze(1).float(), grid) for index in range(num_classes)]
    return validity_map(target, grid), torch.cat(shares, dim=1).argmax(dim=1)


def _windows(size: tuple[int, int], side: int) -> Iterator[tuple[slice, slice]]:
    """Cut a canvas into parts of nearly equal size, none larger than `side`."""
    rows, columns = (_borders(length, side) for length in size)
    for (top, bottom), (left, right) in product(pairwise(rows), pairwise(columns)):
        yield slice(top, bottom), slice(left, right)


def _borders(length: int, side: int) -> list[int]:
    parts = -(-length // side)
    return [length * index // parts for index in range(parts + 1)]
