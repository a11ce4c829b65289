"""Find the images to predict and the name of each result."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from segan.data.folders import walk_files
from segan.data.images import IMAGE_SUFFIXES
from segan.errors import UsageError
from segan.files import refuse_inside


class ResultPlan(Protocol):
    """Where a command writes, so that no input lies there and nothing of others is written over."""

    @property
    def out(self) -> Path:
        """The folder of all results."""

    def folders(self) -> list[Path]:
        """List the folders that results are written to."""

    def refuse_foreign(self) -> None:
        """Raise `UsageError` where they hold files of others."""


@dataclass(frozen=True)
class Job:
    """One image to predict.

    Args:
        path: The image, as the user named it or the folder above it.
        name: Place of the results below each folder of them, without suffix.
        conflict: Another input with the same `name`, which comes first and takes it.
    """

    path: Path
    name: PurePath
    conflict: Path | None = None


def collect_jobs(inputs: Sequence[str | Path], plan: ResultPlan) -> list[Job]:
    """List the images of files and folders in a fixed order; sub-folders are searched and mirrored.

    An image that is named twice counts once.

    Args:
        inputs: Image files and folders. Hidden files and folders are left out.
        plan: Where results go.

    Raises:
        UsageError: An input does not exist, there is no image, or results would be written where inputs or other
            files lie.
        DataError: A folder cannot be read.
    """
    plan.refuse_foreign()
    jobs: list[Job] = []
    taken: dict[PurePath, Path] = {}
    for entry in map(Path, inputs):
        if not entry.exists():
            raise UsageError(f"{entry}: not found, expected an image or a folder of images. Check the path.")
        refuse_inside(plan.out, [entry], plan.folders())
        for path in _list_images(entry) if entry.is_dir() else [entry]:
            name = path.relative_to(entry if entry.is_dir() else path.parent).with_suffix("")
            first = taken.setdefault(name, path)
            if first is path or os.path.realpath(first) != os.path.realpath(path):
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


def _list_images(root: Path) -> list[Path]:
    return [path for path in walk_files(root) if path.suffix.lower() in IMAGE_SUFFIXES]
