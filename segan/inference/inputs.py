"""Find the images to predict and the name of each result."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath
from typing import Protocol

from segan.data.folders import walk_files
from segan.data.images import IMAGE_SUFFIXES, image_size
from segan.errors import DataError, UsageError
from segan.files import refuse_inside

LIST_SUFFIX = ".txt"

# Headers read at most; where files are far away, each takes its time.
_HEADERS = 16


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
        inputs: Image files, folders, and lists (`.txt`) of image files. What is hidden in folders is left out.
        plan: Where results go.

    Raises:
        UsageError: An input does not exist, there is no image, or results would be written where inputs or other
            files lie.
        DataError: A folder cannot be read.
    """
    plan.refuse_foreign()
    entries = [Path(entry) for entry in inputs]
    jobs: list[Job] = []
    taken: dict[PurePath, Path] = {}
    for path, name in chain.from_iterable(map(_name_images, entries)):
        first = taken.setdefault(name, path)
        if first is path or os.path.realpath(first) != os.path.realpath(path):
            jobs.append(Job(path, name, None if first is path else first))
    if not jobs:
        raise UsageError(
            f"{', '.join(map(str, inputs))}: no image found, expected files that end in "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}. Check the path."
        )
    listed = {job.path.parent / job.path.name for job in jobs} if any(map(_is_list, entries)) else set()
    refuse_inside(plan.out, [*entries, *listed], plan.folders())
    return jobs


def find_shared_size(images: Sequence[Path]) -> tuple[int, int] | None:
    """Find the height and width that images share, from the headers of up to 16 of them, spread over all.

    It looks at the whole list, done or not, so that the parts of a job, and one that goes on, get the same answer.

    Returns:
        `None` where sizes differ among those, or no header can be read.
    """
    sizes = set()
    for path in images[:: -(-len(images) // _HEADERS) or 1]:
        with contextlib.suppress(DataError):  # Told when it is read.
            sizes.add(image_size(path))
    return sizes.pop() if len(sizes) == 1 else None


def _name_images(entry: Path) -> Iterator[tuple[Path, PurePath]]:
    """Give the images of a file, a folder or a list, each with the place of its results."""
    if not entry.exists():
        raise UsageError(f"{entry}: not found, expected an image, a folder of images or a list. Check the path.")
    if entry.is_dir():
        yield from ((path, path.relative_to(entry).with_suffix("")) for path in _list_images(entry))
    elif _is_list(entry):
        yield from _read_list(entry)
    else:
        yield entry, PurePath(entry.stem)


def _is_list(entry: Path) -> bool:
    return entry.suffix.lower() == LIST_SUFFIX


def _read_list(path: Path) -> Iterator[tuple[Path, PurePath]]:
    """Give the images of a list: a path in each line, from the folder of the list on; `#` begins a comment.

    Results have the place that the line names, so that lines from several folders stay apart. A line that leads out
    of the folder, or from the root on, gives its file name alone.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}), expected a list of images. Check it.") from error
    for line in map(str.strip, text.splitlines()):
        if line and not line.startswith("#"):
            place = PurePath(os.path.normpath(line))
            inside = not place.is_absolute() and ".." not in place.parts
            yield path.parent / place, (place if inside else PurePath(place.name)).with_suffix("")


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
