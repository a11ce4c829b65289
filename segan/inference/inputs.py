"""Find the images to predict and the name of each result."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from segan.data.images import IMAGE_SUFFIXES
from segan.errors import UsageError
from segan.inference.outputs import OutputPlan


@dataclass(frozen=True)
class Job:
    """One image to predict.

    Args:
        path: The image, as the user named it or the folder above it.
        name: Place of the results below `masks/`, without suffix.
        conflict: Another input with the same `name`, which comes first and takes it.
    """

    path: Path
    name: PurePath
    conflict: Path | None = None


def collect_jobs(inputs: Sequence[str | Path], plan: OutputPlan) -> list[Job]:
    """List the images of files and folders in a fixed order; sub-folders are searched and mirrored.

    An image that is named twice counts once.

    Args:
        inputs: Image files and folders. Hidden files and folders are left out.
        plan: Where results go.

    Raises:
        UsageError: An input does not exist, there is no image, or results would be written into an input folder.
    """
    jobs: list[Job] = []
    taken: dict[PurePath, Path] = {}
    for entry in map(Path, inputs):
        if not entry.exists():
            raise UsageError(f"{entry}: not found, expected an image or a folder of images. Check the path.")
        _check_outside(entry, plan)
        for path in _list_images(entry) if entry.is_dir() else [entry]:
            name = path.relative_to(entry if entry.is_dir() else path.parent).with_suffix("")
            first = taken.setdefault(name, path)
            if first is path or not first.samefile(path):
                jobs.append(Job(path, name, None if first is path else first))
    if not jobs:
        raise UsageError(
            f"{', '.join(map(str, inputs))}: no image found, expected files that end in "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}. Check the path."
        )
    return jobs


def take_shard(jobs: Sequence[Job], shard: tuple[int, int]) -> list[Job]:
    """Take part `index` of `count` equal parts of a list, as `(index, count)` with the index from 1.

    Raises:
        UsageError: The index is not between 1 and the count.
    """
    index, count = shard
    if not 1 <= index <= count:
        raise UsageError(
            f"--shard {index}/{count}: seen part {index}, expected 1 to {count}. Write for example --shard 1/4."
        )
    return list(jobs[index - 1 :: count])


def _check_outside(entry: Path, plan: OutputPlan) -> None:
    """Refuse to write where the inputs are: below an input folder, or beside an input file."""
    forbidden = entry.resolve() if entry.is_dir() else entry.resolve().parent
    for folder in [plan.out, *plan.folders()] if entry.is_dir() else plan.folders():
        place = folder.resolve()
        if place == forbidden or (entry.is_dir() and forbidden in place.parents):
            raise UsageError(
                f"--out {plan.out}: results would be written into the input folder {entry}, expected a folder "
                "outside it. Choose another --out."
            )


def _list_images(root: Path) -> list[Path]:
    """List images below a folder in order; folders that are links are followed, each real folder once."""
    found: list[Path] = []
    seen: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        found += [
            Path(folder, name)
            for name in files
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122
        ]
    return sorted(found)
