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

# Of the sum of all classes' shares, for floats: those of 16 bits stay within 0.0005, two classes in 8-bit steps within
# 0.008. Files of 8 bits may be off by half a step a class beside that.
_SUM_TOLERANCE = 0.01
_BYTE_STEPS = 255


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
    """Find the prediction of each true mask; see `match_masks`.

    Args:
        folder: Predictions, or the output folder of `segan predict`. Those that match no true mask are left out.
        truths: True mask files by name.

    Raises:
        UsageError: The folder does not exist or holds no mask.
        DataError: True masks have no prediction, or would share one; all of them are listed.
    """
    advice = "Predict these too, or choose the masks that belong to the predictions"
    found = match_masks(find_prediction_folder(folder), truths, "prediction", advice, shown=folder)
    return [MaskPair(name, found[name], truth) for name, truth in truths.items()]


def pair_regions(folder: Path, truths: Mapping[str, Path]) -> dict[str, Path]:
    """Find the region of interest of each true mask; see `match_masks`.

    Raises:
        UsageError: The folder does not exist or holds no mask.
        DataError: True masks have no region, or would share one; all of them are listed.
    """
    return match_masks(folder, truths, "region of interest", "Draw these too; white pixels count")


def match_masks(
    folder: Path, truths: Mapping[str, Path], what: str, advice: str, *, shown: Path | None = None
) -> dict[str, Path]:
    """Find the file of each true mask in another folder, by the true mask's name.

    Names are compared with their sub-folders; where no file has the name of any true mask that way, stems alone.

    Args:
        folder: Where to look; files that match no true mask are left out.
        truths: True mask files by name.
        what: The files in `folder`, one of them, for messages.
        advice: What to do where some are missing.
        shown: The folder as the user named it.

    Raises:
        UsageError: The folder does not exist or holds no mask.
        DataError: True masks have no such file, or would share one; all of them are listed.
    """
    shown = shown or folder
    found: Mapping[str, Path] = list_masks(folder)
    keys = {name: name for name in truths}
    if not found.keys() & truths.keys():
        found = _by_stem(list(found.items()))
        keys = {name: _stem(name) for name in truths}
        _refuse_shared_stems(shown, truths, found, what)
    missing = [f"{show_path(truths[name])}" for name, key in keys.items() if key not in found]
    if missing:
        raise DataError(
            f"{shown}: {len(missing)} of {len(truths)} true masks have no {what}, expected one of the same stem "
            f"each. {advice}:",
            missing,
        )
    return {name: found[key] for name, key in keys.items()}


def find_probability_folder(folder: Path) -> Path | None:
    """Find the folder that `segan predict --probabilities` made beside its masks; `None` where there is none.

    Args:
        folder: The output folder of `segan predict`, or the masks in it.
    """
    masks = find_prediction_folder(folder).absolute()
    place = masks.parent / "probabilities"
    return place if masks.name == "masks" and place.is_dir() else None


def list_probabilities(place: Path, pairs: Sequence[MaskPair]) -> dict[str, Path]:
    """List the probabilities of each prediction.

    Args:
        place: From `find_probability_folder`.
        pairs: From `pair_masks`, of the same folder.

    Returns:
        Files by the names of the pairs.

    Raises:
        DataError: Predictions have no probabilities; all of them are listed.
    """
    masks = place.parent / "masks"
    files = {pair.name: place / pair.prediction.absolute().relative_to(masks).with_suffix(".npy") for pair in pairs}
    missing = [show_path(path) for path in files.values() if not path.is_file()]
    if missing:
        raise DataError(
            f"{place}: {len(missing)} of {len(files)} files missing, expected probabilities for each prediction. "
            "Run segan predict again with --probabilities:",
            missing,
        )
    return files


def read_probabilities(path: Path, num_classes: int) -> NDArray[np.floating]:
    """Read the probabilities of one image, `[K, H, W]`: `float16`, or `float32` of a file of `uint8`, 255 times them.

    Raises:
        DataError: The file cannot be read, or holds anything else than shares of K classes.
    """
    try:
        probs = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{show_path(path)}: cannot be read ({error}), expected a .npy file. Predict again.") from error
    is_bytes = probs.dtype == np.uint8
    if probs.ndim != 3 or len(probs) != num_classes or not (is_bytes or probs.dtype.kind == "f"):
        raise DataError(
            f"{show_path(path)}: {probs.dtype} {probs.shape} seen, expected floats or uint8 ({num_classes}, height, "
            "width). Write them with segan predict --probabilities or --eight-bit."
        )
    if is_bytes:
        probs = probs / np.float32(_BYTE_STEPS)
    if not (probs.min(initial=0.0) >= 0.0 and probs.max(initial=0.0) <= 1.0):
        raise DataError(
            f"{show_path(path)}: values outside 0 to 1 seen, expected probabilities. Apply a softmax before saving."
        )
    # A class at a time in float32: a large image needs no second copy of all its probabilities.
    total = np.zeros(probs.shape[1:], np.float32)
    for share in probs:
        total += share
    far = float(np.abs(total - 1).max(initial=0.0))
    tolerance = _SUM_TOLERANCE + (num_classes / 2 / _BYTE_STEPS if is_bytes else 0.0)
    if far > tolerance:
        raise DataError(
            f"{show_path(path)}: shares of the classes add up to 1 only within {far:.3g} seen, expected "
            f"{tolerance:.3g}. Apply one softmax over the classes, not a sigmoid to each."
        )
    return np.asarray(probs, np.float32 if is_bytes else np.float16)


def read_region(path: Path) -> NDArray[np.bool_]:
    """Read a region of interest, `bool [H, W]`: inside where not black; the palette of a PNG says what is black.

    Raises:
        DataError: The file cannot be read as a mask.
    """
    return np.asarray(read_label_values(path).as_colors() != 0, np.bool_)


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


def _refuse_shared_stems(folder: Path, truths: Mapping[str, Path], found: Mapping[str, Path], what: str) -> None:
    """Refuse to take one file for several true masks."""
    counts = Counter(map(_stem, truths))
    shared = [show_path(path) for name, path in truths.items() if _stem(name) in found and counts[_stem(name)] > 1]
    if shared:
        raise DataError(
            f"{folder}: {len(shared)} true masks share the stem of a {what} with another, expected a {what} "
            "for each. Put these files into the same sub-folders as their true masks:",
            shared,
        )


def _by_stem(predictions: Sequence[tuple[str, Path]]) -> dict[str, Path]:
    counts = Counter(_stem(name) for name, _ in predictions)
    return {_stem(name): path for name, path in predictions if counts[_stem(name)] == 1}


def _stem(name: str) -> str:
    return name.rpartition("/")[2]
