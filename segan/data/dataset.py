"""A dataset on disk: which samples there are, what their masks mean, and which split each belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segan.data.folders import Listing, Sample, list_pictures, pair
from segan.data.formats import show_path
from segan.data.label_files import Card, SplitRule, load_card, map_by_colors
from segan.data.label_search import find_labels
from segan.data.label_values import holds_colors
from segan.data.labels import Labels, describe
from segan.data.splits import SPLITS, Split, divide, replay
from segan.errors import DataError
from segan.resources import card_path

__all__ = [
    "SPLITS",
    "Dataset",
    "Sample",
    "labels_of_card",
    "scan_dataset",
    "scan_folders",
    "validate_folders",
    "validate_root",
]

_OTHER_NAMES = {
    "training": "train", "valid": "val", "validation": "val", "testing": "test", "unlabelled": "unlabeled"
}  # fmt: skip


@dataclass(frozen=True)
class Dataset:
    """Samples by split, and what their masks mean.

    Args:
        root: The folder, as the user wrote it.
        samples: All four of `SPLITS`, each sorted by name; may be empty.
        labels: The meaning of the masks.
        split_source: How the splits came to be, for people.
        problems: What is wrong with folders and pairs; `check_dataset` adds what is wrong in the files.
        warnings: What looks odd but does no harm.
    """

    root: Path
    samples: Mapping[str, tuple[Sample, ...]]
    labels: Labels
    split_source: str
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def split_json(self) -> dict[str, Any]:
        """Return the names in each split and how it came to be, for `split.json`; `scan_dataset` takes it back."""
        names = {split: [sample.name for sample in samples] for split, samples in self.samples.items()}
        return {"source": self.split_source, "splits": names}


@dataclass(frozen=True)
class _Found:
    """What the folders hold: samples by folder, without a division."""

    pool: dict[str, tuple[Sample, ...]]
    masks: list[Path]
    problems: list[str]
    warnings: list[str]


def scan_dataset(
    root: Path,
    *,
    card: str | None = None,
    val: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    split: Mapping[str, Any] | None = None,
) -> Dataset:
    """Find the samples of a dataset folder: `images/<split>/` with `masks/<split>/`, or flat `images/` and `masks/`.

    The meaning of masks comes from `dataset.yaml` in the folder, else from the card, else from the masks themselves.

    Args:
        root: The dataset folder; nothing is written there.
        card: Name or path of a dataset card.
        val: Share of train for validation, where folders give none.
        test: Share of train for the test, where folders give neither val nor test.
        seed: Of this division.
        split: A recorded `split.json` to repeat exactly, instead of a division.

    Raises:
        DataError: The folder has no such layout, or nothing can be found out about its masks; with all problems seen.
        ConfigError: There is no such card.
    """
    root = Path(root)
    validate_root(root)
    return _scan(root, root / "images", root / "masks", card, SplitRule(val, test, seed), split)


def scan_folders(
    images: Path,
    masks: Path,
    *,
    card: str | None = None,
    val: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    split: Mapping[str, Any] | None = None,
) -> Dataset:
    """Find the samples of a folder of images and one of masks, paired by stem.

    Args:
        images: Images, at any depth, or in folders named as splits.
        masks: Masks, likewise.
        card: As `scan_dataset`, and so are the rest.
        val: See there.
        test: See there.
        seed: See there.
        split: See there.

    Raises:
        DataError: As `scan_dataset`.
        ConfigError: There is no such card.
    """
    images, masks = Path(images), Path(masks)
    validate_folders(images, masks)
    root = images.parent if images.resolve().parent == masks.resolve().parent else images
    return _scan(root, images, masks, card, SplitRule(val, test, seed), split)


def validate_root(root: Path) -> None:
    """Refuse a dataset folder that lacks `images` or `masks`.

    Raises:
        DataError: A folder is missing.
    """
    if not root.is_dir():
        raise DataError(f"{show_path(root)}: no folder seen, expected a dataset folder. Check the path.")
    for name in ("images", "masks"):
        if not (root / name).is_dir():
            advice = "Arrange the files so, or name two plain folders with --images and --masks."
            raise DataError(f"{show_path(root)}: no folder {name} seen, expected images and masks in it. {advice}")


def validate_folders(images: Path, masks: Path) -> None:
    """Refuse a missing folder of images or masks, and one folder for both.

    Raises:
        DataError: A folder is missing, or both are the same.
    """
    for folder, option in ((images, "--images"), (masks, "--masks")):
        if not folder.is_dir():
            raise DataError(f"{option} {show_path(folder)}: no folder seen, expected one. Check the path.")
    if images.resolve() == masks.resolve():
        advice = "Put the masks into a folder of their own."
        raise DataError(f"--masks {show_path(masks)}: the folder of the images seen, expected another one. {advice}")


def _scan(
    root: Path, images: Path, masks: Path, card: str | None, rule: SplitRule, split: Mapping[str, Any] | None
) -> Dataset:
    named = load_card(card_path(card)) if card else None
    own = load_card(root / "dataset.yaml") if (root / "dataset.yaml").is_file() else None
    found = _find_samples(images, masks)
    try:
        labels = _choose_labels(own or named, own is not None, found.masks, show_path(root))
        samples, source = _choose_split(found.pool, (own, named), rule, split)
    except DataError as error:
        problems = [*found.problems, *(error.problems or (str(error),))]
        raise DataError(f"{show_path(root)}: the dataset has problems:", problems) from error
    return Dataset(root, samples, labels, source, tuple(found.problems), tuple(found.warnings))


def _choose_split(
    pool: Mapping[str, tuple[Sample, ...]],
    cards: Sequence[Card | None],
    rule: SplitRule,
    split: Mapping[str, Any] | None,
) -> tuple[Split, str]:
    """Repeat the recorded split, else divide by the first card that says how, else by the given rule."""
    if split is not None:
        return replay(pool, split), str(split.get("source", "split.json"))
    for card in cards:
        if card is not None and card.split is not None:
            samples, source = divide(pool, card.split)
            return samples, f"{source} (card {card.name})" if "seed" in source else source
    return divide(pool, rule)


def _choose_labels(card: Card | None, is_own: bool, masks: Sequence[Path], root: str) -> Labels:
    """Take the card's labels, else find them in the masks."""
    if card is None:
        if not masks:
            raise DataError(f"{root}: no masks seen, expected at least one. Add masks, or check the folder.")
        return find_labels(masks)
    return labels_of_card(card, "dataset.yaml" if is_own else f"card {card.name}", masks)


def labels_of_card(card: Card, where: str, masks: Sequence[Path]) -> Labels:
    """Take a card's labels; masks are read by its colours where it has no mapping and they hold colours.

    Args:
        card: From `load_card`.
        where: The card's place, for messages.
        masks: The masks to be read.
    """
    if card.colors_decide and _any_holds_colors(masks):
        return map_by_colors(card.labels, where)
    return replace(card.labels, understood=f"{where}: {describe(card.labels)}")


def _any_holds_colors(masks: Sequence[Path]) -> bool:
    for path in masks:
        try:
            if holds_colors(path):
                return True
        except DataError:  # `check_dataset` reports it.
            continue
    return False


def _find_samples(images: Path, masks: Path) -> _Found:
    """Pair the files of each split folder, or of the whole where there are none."""
    present = [split for split in SPLITS if (images / split).is_dir()]
    found = _Found({}, [], [*_misnamed_folders(images), *_misnamed_folders(masks)], [])
    for split in present or ["train"]:
        below = split if present else "."
        listing, mask_listing = list_pictures(images / below), list_pictures(masks / below)
        _add_split(found, split, listing, mask_listing)
    if present:
        _look_beside(found, images, masks, present)
    return found


def _add_split(found: _Found, split: str, images: Listing, masks: Listing) -> None:
    if not images.files:
        advice = "Add images, or remove the folder."
        found.problems.append(f"{show_path(images.folder)}: no image seen, expected at least one. {advice}")
    if split == "unlabeled":
        found.pool[split] = tuple(Sample(name, path, None) for name, path in images.files.items())
        found.problems.extend(images.problems)
    else:
        found.pool[split], problems = pair(images, masks)
        found.problems.extend(problems)
        found.masks.extend(sample.mask for sample in found.pool[split] if sample.mask is not None)
    for listing in (images, masks):
        if listing.others:
            kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(listing.others.items()))
            found.warnings.append(f"{show_path(listing.folder)}: files that are no pictures are passed over ({kinds})")


def _misnamed_folders(folder: Path) -> list[str]:
    """Refuse near misses of split names: `validation` or `Val` must be neither mixed with the rest nor left out."""
    return [
        f"{show_path(path)}: folder {path.name} seen, expected {_meant_split(path)}. Rename it, or move its files."
        for path in sorted(folder.iterdir())
        if _is_misnamed(path)
    ]


def _is_misnamed(path: Path) -> bool:
    return _meant_split(path) not in {None, path.name} and path.is_dir()


def _meant_split(path: Path) -> str | None:
    """Name the split that the folder's name stands for."""
    name = path.name.lower()
    return name if name in SPLITS else _OTHER_NAMES.get(name)


def _look_beside(found: _Found, images: Path, masks: Path, present: Sequence[str]) -> None:
    """Tell of what lies beside the split folders and is not read."""
    for folder in (images, masks):
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.name in present:
                continue
            if path.name in SPLITS:
                seen = "a split of masks without images"
                found.problems.append(
                    f"{show_path(path)}: {seen} seen, expected {show_path(images / path.name)} too. Add or remove it."
                )
            elif not _is_misnamed(path):
                found.warnings.append(f"{show_path(path)}: lies beside the split folders and is passed over")
