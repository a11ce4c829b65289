"""Pair predicted masks with true masks by name, and read predictions of any tool."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segan.data.folders import list_pictures
from segan.data.images import show_path
from segan.data.label_values import read_label_values
from segan.data.labels import Labels
from segan.data.masks import load_labels, read_mask
from segan.errors import DataError, UsageError
from segan.inference.folder import LABELS_PLACE


@dataclass(frozen=True)
class MaskPair:
    """A predicted and a true mask file of one image, and its name."""

    name: str
    prediction: Path
    truth: Path


def list_masks(folder: Path) -> dict[str, Path]:
    """List mask files below a folder by name: the place below the folder, without suffix.

    Raises:
        UsageError: The folder does not exist or holds no mask.
        DataError: Two files have one name.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: not found, expected a folder of masks. Check the path.")
    listing = list_pictures(folder)
    if not listing.files:
        raise UsageError(f"{folder}: no masks found, expected PNG files. Check the path.")
    if listing.problems:
        raise DataError(f"{folder}: masks have problems, expected one file for each image:", listing.problems)
    return dict(listing.files)


def find_prediction_folder(folder: Path) -> Path:
    """Find the masks in an output folder of `segan predict`, or take the folder itself."""
    return folder / "masks" if (folder / "manifest.csv").is_file() and (folder / "masks").is_dir() else folder


def find_prediction_labels(folder: Path) -> Labels | None:
    """Read what the indices mean, where `segan predict` made the masks in this folder or the one above it."""
    places = [place / LABELS_PLACE for place in (folder, folder.parent)]
    return next((load_labels(place) for place in places if place.is_file()), None)


def pair_masks(folder: Path, truths: Mapping[str, Path]) -> list[MaskPair]:
    """Find the prediction of each true mask.

    Names are compared with their sub-folders; where no prediction has the name of any true mask that way, stems alone.

    Args:
        folder: Predictions, or the output folder of `segan predict`. Those that match no true mask are left out.
        truths: True mask files by name.

    Raises:
        UsageError: The folder does not exist or holds no mask.
        DataError: True masks have no prediction, or would share one; all of them are listed.
    """
    predictions: Mapping[str, Path] = list_masks(find_prediction_folder(folder))
    keys = {name: name for name in truths}
    if not predictions.keys() & truths.keys():
        predictions = _by_stem(list(predictions.items()))
        keys = {name: _stem(name) for name in truths}
        _refuse_shared_stems(folder, truths, predictions)
    missing = [f"{show_path(truths[name])}" for name, key in keys.items() if key not in predictions]
    if missing:
        raise DataError(
            f"{folder}: {len(missing)} of {len(truths)} true masks have no prediction, expected one of the same stem "
            "each. Predict these too, or choose the masks that belong to the predictions:",
            missing,
        )
    return [MaskPair(name, predictions[key], truths[name]) for name, key in keys.items()]


def read_prediction(path: Path, labels: Labels, values: str = "index") -> NDArray[np.uint8]:
    """Read a predicted mask.

    Args:
        path: The file.
        labels: What true masks mean.
        values: `index`: pixel values are class indices; `mask`: they are those of the true masks.

    Returns:
        Class indices, `uint8 [H, W]`.

    Raises:
        DataError: The file cannot be read or holds colours where indices are expected.
    """
    if values == "mask":
        return read_mask(path, labels)
    raw = read_label_values(path)
    if raw.is_color or raw.values.max(initial=0) > 255:
        raise DataError(
            f"{show_path(path)}: colours or 16-bit values, expected class indices from 0. "
            "Save index PNGs, or add --values mask if the predictions are stored like the masks."
        )
    return raw.values.astype(np.uint8)


def _refuse_shared_stems(folder: Path, truths: Mapping[str, Path], predictions: Mapping[str, Path]) -> None:
    """Refuse to score one prediction for several true masks."""
    counts = Counter(map(_stem, truths))
    shared = [
        show_path(path) for name, path in truths.items() if _stem(name) in predictions and counts[_stem(name)] > 1
    ]
    if shared:
        raise DataError(
            f"{folder}: {len(shared)} true masks share the stem of a prediction with another, expected a prediction "
            "for each. Put the predictions into the same sub-folders as these:",
            shared,
        )


def _by_stem(predictions: Sequence[tuple[str, Path]]) -> dict[str, Path]:
    counts = Counter(_stem(name) for name, _ in predictions)
    return {_stem(name): path for name, path in predictions if counts[_stem(name)] == 1}


def _stem(name: str) -> str:
    return name.rpartition("/")[2]
