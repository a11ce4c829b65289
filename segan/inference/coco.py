"""Masks as COCO annotations: run lengths of each class by image, put together to one file when all images are done."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.data.images import show_path
from segan.data.labels import Labels, foreground_classes
from segan.errors import SeganError
from segan.files import write_chunks_atomically
from segan.inference.manifest import DONE, Row

_BITS = 5  # Of a number in one character of the compressed counts.
_MORE = 1 << _BITS
_SIGN = 1 << (_BITS - 1)
_FIRST_CHARACTER = 48

Counts = NDArray[np.int64]


def compress_counts(counts: Counts) -> str:
    """Write run lengths as COCO's compressed text.

    From the fourth on, a number is the difference to the one before the last; it is cut into groups of five bits, low
    ones first, each a printable character with a bit that tells whether more follow.

    Args:
        counts: Lengths of runs of 0 and 1 in turn, the first of 0.

    Source:
        pycocotools 2.0, `rleToString` in common/maskApi.c.

    >>> compress_counts(np.array([6, 1, 40, 4, 5, 4, 5, 4, 21]))
    '61X13mN000`0'
    """
    left = counts.astype(np.int64)
    left[3:] -= counts[1:-2]
    columns, used = [], []
    active = np.ones(left.shape, np.bool_)
    while active.any():
        low = left & (_MORE - 1)
        left >>= _BITS
        # The highest bit that is written is the sign, which stands for all those left out.
        more = left != np.where(low & _SIGN, -1, 0)
        columns.append(low + more * _MORE + _FIRST_CHARACTER)
        used.append(active)
        active = active & more
    characters = np.stack(columns, axis=1)[np.stack(used, axis=1)] if columns else np.empty(0)
    return characters.astype(np.uint8).tobytes().decode("ascii")


def annotate(mask: NDArray[np.uint8], labels: Labels) -> list[dict[str, Any]]:
    """Describe each class that is in a mask by a COCO annotation without its ids and that of the image.

    A class that is background, by name and place the first, has no annotation.

    Args:
        mask: Class indices `uint8 [H, W]`.
        labels: Names of the classes.

    Returns:
        By class: `category_id`, the index + 1, as COCO keeps 0 for what is not labelled; `area` in pixels; `bbox` as
        `[x, y, width, height]`; `iscrowd` 0; `segmentation` as run lengths by column.
    """
    by_column = mask.T.ravel()
    starts = np.flatnonzero(np.concatenate([[True], by_column[1:] != by_column[:-1]]))
    ends = np.append(starts[1:], by_column.size)
    values = by_column[starts]
    annotations = []
    for index in foreground_classes(labels.classes):
        own = values == index
        if own.any():
            annotations.append(_annotate_class(index, starts[own], ends[own], (mask.shape[0], mask.shape[1])))
    return annotations


def _annotate_class(index: int, starts: Counts, ends: Counts, size: tuple[int, int]) -> dict[str, Any]:
    height, width = size
    edges = np.stack([starts, ends], axis=1).ravel()
    counts = np.diff(edges, prepend=0)
    if edges[-1] < height * width:
        counts = np.append(counts, height * width - edges[-1])
    return {
        "category_id": index + 1,
        "area": int((ends - starts).sum()),
        "bbox": _bounding_box(starts, ends - 1, height),
        "iscrowd": 0,
        "segmentation": {"size": [height, width], "counts": compress_counts(counts)},
    }


def _bounding_box(first: Counts, last: Counts, height: int) -> list[int]:
    """Compute `[x, y, width, height]` of runs by column, given by their first and last pixels."""
    left, right = int(first[0]) // height, int(last[-1]) // height
    spans = first // height != last // height  # From the foot of a column to the head of the next.
    top = int(np.where(spans, 0, first % height).min())
    bottom = int(np.where(spans, height - 1, last % height).max())
    return [left, top, right - left + 1, bottom - top + 1]


def encode_fragment(mask: NDArray[np.uint8], labels: Labels) -> bytes:
    """Encode the annotations of one image, which get their ids in `write_annotations`."""
    return json.dumps(annotate(mask, labels), separators=(",", ":")).encode("ascii")


def write_annotations(path: Path, labels: Labels, rows: Sequence[Row], fragments: Sequence[Path]) -> None:
    """Write the COCO file of all images, whole or not at all, with one fragment at a time in memory.

    Ids follow the order of the rows alone: an image's is its line in the manifest from 1, whether lines before it
    failed or not, and annotations are counted from 1.

    Args:
        path: The file.
        labels: Names and colours of the classes.
        rows: Of all images, in the order of the manifest; failed ones are left out.
        fragments: From `encode_fragment`, one a row.

    Raises:
        SeganError: A fragment is missing or damaged.
        OSError: The disk is full or the folder is not writable.
    """
    write_chunks_atomically(path, map(str.encode, _chunks(labels, rows, fragments)))


def _chunks(labels: Labels, rows: Sequence[Row], fragments: Sequence[Path]) -> Iterator[str]:
    numbered = [(number, row, path) for number, (row, path) in enumerate(zip(rows, fragments, strict=True), 1)]
    done = [entry for entry in numbered if entry[1].status == DONE]
    yield '{"info": {"description": "Masks predicted by segan"},\n'
    yield f'"categories": {json.dumps(_categories(labels))},\n"images": [\n'
    yield from _lines(_image(number, row) for number, row, _ in done)
    yield '\n],\n"annotations": [\n'
    yield from _lines(_numbered((number, path) for number, _, path in done))
    yield "\n]}\n"


def _lines(entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    for place, entry in enumerate(entries):
        yield (",\n" if place else "") + json.dumps(entry)


def _categories(labels: Labels) -> list[dict[str, Any]]:
    return [
        {"id": index + 1, "name": labels.classes[index], "supercategory": "", "color": list(labels.colors[index])}
        for index in foreground_classes(labels.classes)
    ]


def _image(number: int, row: Row) -> dict[str, Any]:
    return {"id": number, "file_name": row.input, "height": row.height, "width": row.width}


def _numbered(images: Iterable[tuple[int, Path]]) -> Iterator[dict[str, Any]]:
    count = 0
    for number, path in images:
        for annotation in _read_fragment(path):
            count += 1
            yield {"id": count, "image_id": number, **annotation}


def _read_fragment(path: Path) -> list[dict[str, Any]]:
    try:
        tree = json.loads(path.read_bytes())
        if not isinstance(tree, list) or not all(isinstance(entry, dict) for entry in tree):
            raise ValueError("not a list of annotations")
    except (OSError, ValueError) as error:
        raise SeganError(
            f"{show_path(path)}: cannot be read ({error}), expected the annotations of an image. Delete it and run the "
            "same command again, or all parts of it; this one image is then predicted again."
        ) from error
    return tree
