"""List picture files in folders and pair images with masks by stem."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from segan.data.formats import IMAGE_SUFFIXES, show_path
from segan.errors import DataError

# Endings people give masks; only for a hint, never for pairing.
_MASK_ENDING = re.compile(r"[_-](mask|masks|label|labels|labelids|seg|segmentation|gt|annotation|l)$", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """An image and its mask.

    Args:
        name: Path below the split folder, with `/` and without suffix; the stem that pairs the two files.
        image: The image file.
        mask: The mask file; `None` in the split `unlabeled`.
    """

    name: str
    image: Path
    mask: Path | None


@dataclass(frozen=True)
class Listing:
    """The picture files below a folder.

    Args:
        folder: Where they lie.
        files: Name to path, sorted by name.
        problems: Names that two files share.
        others: How many files have other suffixes, by suffix.
    """

    folder: Path
    files: Mapping[str, Path]
    problems: tuple[str, ...] = ()
    others: Mapping[str, int] | None = None


def walk_files(folder: Path) -> list[Path]:
    """List the files below a folder, at any depth and in order; what is hidden is passed over.

    Links to folders are followed, each real folder once. Links that lead nowhere are listed, so that who reads them
    tells about them.

    Raises:
        DataError: A folder cannot be read.
    """
    found: list[Path] = []
    visited: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=_refuse_folder):
        real = os.path.realpath(parent)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(parent, name) for name in names if not name.startswith("."))
        # A pipe or a device is neither a file nor a link that leads nowhere.
        found += [path for path in paths if path.is_file() or not path.exists()]
    return sorted(found)


def list_pictures(folder: Path) -> Listing:
    """List picture files below a folder, at any depth; hidden files are passed over.

    Args:
        folder: May be missing, which gives an empty listing.

    Raises:
        DataError: A folder cannot be read.
    """
    files: dict[str, Path] = {}
    problems, others = [], Counter[str]()
    for path in walk_files(folder) if folder.is_dir() else []:
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            others[path.suffix.lower() or "no suffix"] += 1
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in files:
            first = files[name].name
            seen = f"the stem of {show_path(Path(first))} seen again"
            problems.append(f"{show_path(path)}: {seen}, expected one file a stem. Remove or rename one of them.")
        else:
            files[name] = path
    return Listing(folder, dict(sorted(files.items())), tuple(problems), others)


def pair(images: Listing, masks: Listing) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Pair images and masks that have the same name.

    Returns:
        The samples that have both, sorted by name; and one line for each image and mask that is alone.
    """
    problems = [*images.problems, *masks.problems]
    lone_masks = {name: path for name, path in masks.files.items() if name not in images.files}
    lone_images = {name: path for name, path in images.files.items() if name not in masks.files}
    if lone_images and len(lone_images) == len(images.files) and not masks.files:
        seen = f"none of {len(lone_images)} images has a mask"
        advice = f"Add them to {show_path(masks.folder)}, or move the images to images/unlabeled."
        problems.append(f"{show_path(images.folder)}: {seen}, expected one each. {advice}")
        lone_images = {}
    similar = {_MASK_ENDING.sub("", name): path for name, path in lone_masks.items()}
    for name, path in lone_images.items():
        problems.append(_missing_mask(path, masks.folder / f"{name}.png", similar.get(name)))
    for path in lone_masks.values():
        seen = "a mask without image seen"
        advice = f"Add the image to {show_path(images.folder)}, or remove the mask."
        problems.append(f"{show_path(path)}: {seen}, expected an image of the same stem. {advice}")
    samples = [Sample(name, path, masks.files[name]) for name, path in images.files.items() if name in masks.files]
    return tuple(samples), tuple(problems)


def _missing_mask(image: Path, expected: Path, similar: Path | None) -> str:
    if similar is not None:
        advice = f"{show_path(Path(similar.name))} looks like it: give both the same stem."
    else:
        advice = "Add it, or move the image to images/unlabeled."
    return f"{show_path(image)}: no mask seen, expected {show_path(expected)}. {advice}"


def _refuse_folder(error: OSError) -> NoReturn:
    raise DataError(
        f"{show_path(Path(error.filename))}: cannot be read ({error.strerror}), expected a folder. "
        "Give the right to read it, or move it away."
    ) from error
