"""Choose what is scored: the samples of a split that the model has not been trained on, and what their masks mean."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segan.data.dataset import Dataset, Sample, labels_of_card
from segan.data.label_files import load_card
from segan.data.labels import Labels
from segan.data.masks import find_labels
from segan.data.source import Source
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
    samples = _name_apart(
        [(name, sample) for name in names for sample in dataset.samples.get(name, ()) if sample.mask is not None]
    )
    if not samples:
        known = ", ".join(f"{name} ({len(found)})" for name, found in dataset.samples.items() if found)
        raise DataError(
            f"--split {split}: no images with masks in {source.shown}, seen {known}. Choose one of these, or `all`."
        )
    labels = dataset.labels if described or model_labels is None else model_labels
    return Selection(samples, labels, dataset.split_source)


def _name_apart(samples: Sequence[tuple[str, Sample]]) -> tuple[Sample, ...]:
    """Put the split before every name, where samples of two splits have one name."""
    if len({sample.name for _, sample in samples}) == len(samples):
        return tuple(sample for _, sample in samples)
    return tuple(replace(sample, name=f"{split}/{sample.name}") for split, sample in samples)


def _scan(source: Source, split: str, card: str | None, run: Path | None) -> Dataset:
    source.validate()
    recorded = read_split(run) if split != ALL else None
    has_folder = split == ALL or (source.images / split).is_dir()
    if recorded is not None:
        try:
            return source.scan(card, split=recorded)
        except DataError:
            if not has_folder:
                # Where the split is not the cause, this scan tells of it too.
                _refuse_foreign(source, split, source.scan(card, val=0.0, test=0.0), recorded)
                raise
    elif not has_folder:
        raise UsageError(
            f"--split {split}: {source.shown} has no folder images/{split}, and no run folder with a split.json is "
            f"named. Name the run folder, or add --split {ALL} if the model has seen none of these images."
        )
    # Nothing is taken from train: the folders are what is asked for.
    return source.scan(card, val=0.0, test=0.0)


def _refuse_foreign(source: Source, split: str, dataset: Dataset, recorded: Mapping[str, Any]) -> None:
    """Refuse data that share no image with a recorded split; those that lack some of them are another matter."""
    known = {sample.name for samples in dataset.samples.values() for sample in samples}
    if known.isdisjoint(name for names in recorded.get("splits", recorded).values() for name in names):
        raise UsageError(
            f"--split {split}: {source.shown} has no folder images/{split}, and its images are not those of the run's "
            f"split.json. Add --split {ALL} if the model has seen none of them."
        )


def read_split(run: Path | None) -> dict[str, Any] | None:
    """Read the recorded division of a run; `None` where there is none.

    Raises:
        DataError: The file is damaged.
    """
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
