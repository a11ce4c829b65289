"""The audit of leaks for a run: its own samples, masks and treatment, before a discriminator sees them."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from segan.config import Config
from segan.data.batches import Item
from segan.data.dataset import Dataset
from segan.data.order import batch_indices
from segan.data.preprocess import build_chain
from segan.data.samples import TrainingSamples
from segan.data.source import Source
from segan.errors import DataError
from segan.evaluation.leaks import LeakAudit, audit_treatment
from segan.evaluation.selection import read_split
from segan.evaluation.surrogates import surrogate_probs
from segan.files import write_json
from segan.inference.segmenter import Segmenter
from segan.losses.real_masks import REAL_MASKS
from segan.training.setup import Setting

SIDE_PX = 256
FEWEST = 4
QUICK_SAMPLES = 16
QUICK_S = 1.0


def audit_before(setting: Setting) -> None:
    """Audit a run that begins, in about two seconds: tell what leaks, write `audit.json`, and stop nothing.

    Draws from no random generator of the run, so that the same seed trains the same weights.
    """
    audit = audit_masks(setting.config, setting.dataset, count=QUICK_SAMPLES, limit_s=QUICK_S)
    write_json(setting.folder.audit, audit.to_json())
    if not audit.leaks:
        setting.display.line(audit.sentence())
    for finding in audit.leaks:
        setting.display.warn(f"real masks ({audit.treatment}): {finding.sentence()}")


def scan_for_audit(config: Config, run: Path | None = None) -> Dataset:
    """Find the samples that a config names, in the division of a run where there is one.

    Raises:
        UsageError: No data are named.
        DataError: Folders or pairs have problems; all of them at once.
    """
    data, rule = config.data, config.data.split
    source = Source.choose(
        *(Path(place) if place is not None else None for place in (data.root, data.images, data.masks))
    )
    dataset = source.scan(data.card, val=rule.val, test=rule.test, seed=rule.seed, split=read_split(run))
    if dataset.problems:
        raise DataError(f"{source.shown}: the dataset has problems, expected none. Repair these:", dataset.problems)
    return dataset


def audit_masks(
    config: Config, dataset: Dataset, *, count: int, segmenter: Segmenter | None = None, limit_s: float | None = None
) -> LeakAudit:
    """Show training samples, cropped and augmented as in a run, through the run's treatment of masks.

    Args:
        config: The run; its treatment, preprocessing, augmentation and seed count.
        dataset: Its data.
        count: Samples; those of the first batches, each image once unless there are fewer than `FEWEST`.
        segmenter: Makes the fake masks; `None`: stand-ins made from the true labels.
        limit_s: Start no further sample after so many seconds, but show `FEWEST` in any case; `None`: show all.

    Raises:
        DataError: There are no training samples, a file cannot be read, or the model has other classes.
    """
    classes = dataset.labels.classes
    if segmenter is not None and segmenter.labels.classes != classes:
        raise DataError(
            f"classes of the dataset: seen {', '.join(classes)}, expected {', '.join(segmenter.labels.classes)} as the "
            "model has. Use the dataset of the run, or a dataset.yaml with the model's classes."
        )
    samples = TrainingSamples(
        dataset.samples["train"],
        dataset.labels,
        build_chain(config.preprocessing),
        preset=config.augmentation.preset,
        rare_class_crops=config.augmentation.rare_class_crops,
        seed=config.seed,
        cache_mb=0,
        sixteen_bit=config.data.sixteen_bit,
    )
    number = min(count, max(FEWEST, len(samples)))
    items = (samples[key] for key in batch_indices(config.seed, 0, len(samples), number))
    pairs = _pairs(_within(items, limit_s), len(classes), segmenter, config.seed)
    name = config.loss.real_masks
    source = "stand-ins for predictions" if segmenter is None else "predictions of the model"
    return audit_treatment(name, REAL_MASKS[name], pairs, source=source, seed=config.seed)


def _within(items: Iterable[Item], limit_s: float | None) -> Iterator[Item]:
    """Hand out items until the time is over, and a few in any case."""
    start = time.monotonic()
    for index, item in enumerate(items):
        if limit_s is not None and index >= FEWEST and time.monotonic() - start > limit_s:
            return
        yield item


def _pairs(
    items: Iterable[Item], num_classes: int, segmenter: Segmenter | None, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Give the true labels `[1, h, w]` and a prediction `[1, K, h, w]` in a corner of each sample."""
    generator = torch.Generator().manual_seed(seed)
    for index, item in enumerate(items):
        rows, columns = corner((item["mask"].shape[0], item["mask"].shape[1]), index)
        target = item["mask"][rows, columns].long()[None]
        if segmenter is None:
            yield target, surrogate_probs(target, num_classes, generator)
        else:
            yield target, _predict(segmenter, item["image"])[..., rows, columns]


def corner(size: tuple[int, int], index: int) -> tuple[slice, slice]:
    """Cut at most `SIDE_PX` squared from one of the four corners in turn, for that is where padding and borders are.

    >>> corner((300, 100), 3)
    (slice(44, 300, None), slice(0, 100, None))
    """
    lower, right = index % 2, index // 2 % 2
    (top, height), (left, width) = (
        ((side - min(side, SIDE_PX)) * far, min(side, SIDE_PX)) for side, far in zip(size, (lower, right), strict=True)
    )
    return slice(top, top + height), slice(left, left + width)


def _predict(segmenter: Segmenter, image: Tensor) -> Tensor:
    """Compute the probabilities `[1, K, H, W]` of a training sample `[3, H, W]`, on the CPU."""
    return torch.as_tensor(segmenter.engine.run(image[None].numpy())).cpu()
