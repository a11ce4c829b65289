"""Choose what is scored: the samples of a split that the model has not been trained on, and what their masks mean."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segan.data.dataset import Dataset, Sample, labels_of_card, scan_dataset, scan_folders
from segan.data.label_files import load_card
from segan.data.labels import Labels
from segan.data.masks import find_labels
from segan.errors import DataError, UsageError
from segan.evaluation.pairing import list_masks
from segan.resources import card_path

ALL = "all"


@dataclass(frozen=True)
class Selection:
    """Samples to score.

    Args:
        samples: Each has a mask.
        labels: What the masks mean.
        source: How the split came to be, for people.
    """

    samples: tuple[Sample, ...]
    labels: Labels
    source: str


@dataclass(frozen=True)
class Source:
    """Where the data lie: a dataset folder, or a folder of images and one of masks.

    Args:
        images: Folder of images, with or without folders of splits.
        masks: The same of masks.
        root: The dataset folder, where there is one.
    """

    images: Path
    masks: Path
    root: Path | None = None

    @classmethod
    def of_dataset(cls, root: Path) -> "Source":
        """Name the two folders of a dataset folder."""
        return cls(root / "images", root / "masks", root)

    @property
    def shown(self) -> str:
        """The place for messages."""
        return str(self.root or self.images)

    @property
    def is_described(self) -> bool:
        """Whether a `dataset.yaml` lies there."""
        return self.root is not None and (self.root / "dataset.yaml").is_file()

    def scan(self, card: str | None, **options: Any) -> Dataset:
        """Scan the folders in their own way."""
        if self.root is not None:
            return scan_dataset(self.root, card=card, **options)
        return scan_folders(self.images, self.masks, card=card, **options)


def select_samples(
    source: Source,
    split: str,
    *,
    card: str | None = None,
    run: Path | None = None,
    model_labels: Labels | None = None,
) -> Selection:
    """Find the samples of a split.

    A split that was drawn by seed for the run is repeated from the run's `split.json`, so that no training image is
    scored. Masks mean what `dataset.yaml` or the card says, else what they meant to the model, else what is found.

    Args:
        source: Where the data lie.
        split: `train`, `val`, `test`, or `all` for every image with a mask.
        card: Name or path of a dataset card.
        run: Folder of the model file; may hold `split.json` and `dataset.yaml`.
        model_labels: Labels stored with the model, or with its predictions.

    Raises:
        UsageError: The dataset has no such split, and neither does the run.
        DataError: The dataset has problems, or the split has no samples.
    """
    described = card is not None or source.is_described
    if not described and run is not None and (run / "dataset.yaml").is_file():
        card = str(run / "dataset.yaml")
    dataset = _scan(source, split, card, run)
    if dataset.problems:
        raise DataError(f"{source.shown}: the dataset has problems, expected none. Repair these:", dataset.problems)
    names: Sequence[str] = ("train", "val", "test") if split == ALL else (split,)
    samples = tuple(sample for name in names for sample in dataset.samples.get(name, ()) if sample.mask is not None)
    if not samples:
        known = ", ".join(f"{name} ({len(found)})" for name, found in dataset.samples.items() if found)
        raise DataError(
            f"--split {split}: no images with masks in {source.shown}, seen {known}. Choose one of these, or `all`."
        )
    labels = dataset.labels if described or model_labels is None else model_labels
    return Selection(samples, labels, dataset.split_source)


def _scan(source: Source, split: str, card: str | None, run: Path | None) -> Dataset:
    recorded = _read_split(run) if split != ALL else None
    has_folder = split == ALL or (source.images / split).is_dir()
    if recorded is not None:
        try:
            return source.scan(card, split=recorded)
        except DataError as error:
            if not has_folder:
                raise UsageError(
                    f"--split {split}: {source.shown} has no folder images/{split}, and its images are not those of "
                    f"the run's split.json. Add --split {ALL} if the model has seen none of them."
                ) from error
    elif not has_folder:
        raise UsageError(
            f"--split {split}: {source.shown} has no folder images/{split}, and no run folder with a split.json is "
            f"named. Name the run folder, or add --split {ALL} if the model has seen none of these images."
        )
    # Nothing is taken from train: the folders are what is asked for.
    return source.scan(card, val=0.0, test=0.0)


def _read_split(run: Path | None) -> dict[str, Any] | None:
    if run is None or not (run / "split.json").is_file():
        return None
    try:
        split = json.loads((run / "split.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{run / 'split.json'}: damaged ({error}), expected JSON. Restore the file.") from error
    return dict(split)


def select_masks(
    masks: Path, *, card: str | None = None, model_labels: Labels | None = None
) -> tuple[dict[str, Path], Labels]:
    """Find true masks and what they mean: from the nearest `dataset.yaml`, else the card, the model, the masks.

    Args:
        masks: Folder of masks, such as `DIR/masks/test`.
        card: Name or path of a dataset card.
        model_labels: Labels stored with the predictions.

    Returns:
        Mask files by name (place below the folder, without suffix), and the labels.

    Raises:
        UsageError: The folder does not exist or holds no mask.
        DataError: Two files have one name, or the masks cannot be understood.
    """
    truths = list_masks(masks)
    described = _nearest_description(masks) or (card_path(card) if card is not None else None)
    if described is not None:
        return truths, labels_of_card(load_card(described), str(described), list(truths.values()))
    return truths, model_labels or find_labels(list(truths.values()))


def _nearest_description(masks: Path) -> Path | None:
    """Look for `dataset.yaml` in the folder and in the two above it: `DIR`, `DIR/masks`, `DIR/masks/test`."""
    folder = masks.resolve()
    places = [folder, *folder.parents[:2]]
    return next((place / "dataset.yaml" for place in places if (place / "dataset.yaml").is_file()), None)
