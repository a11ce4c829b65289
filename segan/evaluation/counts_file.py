"""`counts.npz`: the counts of each image, exact, from which every figure can be computed again."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segan.evaluation.families import FAMILIES
from segan.evaluation.sums import Counts, Sums, build_sums, iterate_fields

_JOIN = "/"  # Between family and field in the names of arrays.


@dataclass(frozen=True)
class StoredCounts:
    """What the file holds of N images.

    Args:
        names: Of the images.
        sizes: Height and width, `[N, 2]`.
        matrices: Confusion matrices, `[N, K, K]`.
        classes: K names.
        split: Name of the split.
        background: Index of the class left out of figures without background.
        sums: Stacked sums by family.
    """

    names: tuple[str, ...]
    sizes: Counts
    matrices: Counts
    classes: tuple[str, ...]
    split: str = ""
    background: int | None = None
    sums: Mapping[str, Sums] = field(default_factory=dict)


def pack_counts(stored: StoredCounts) -> bytes:
    """Write a compressed archive of NumPy arrays, which `numpy.load` reads without pickle."""
    arrays: dict[str, NDArray[Any]] = {}
    settings: dict[str, dict[str, Any]] = {}
    for name, sums in stored.sums.items():
        settings[name] = {}
        for path, value in iterate_fields(sums):
            if isinstance(value, tuple):
                settings[name][path] = value
            else:
                arrays[f"{name}{_JOIN}{path}"] = value
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        allow_pickle=False,
        images=np.array(stored.names, np.str_),
        sizes=stored.sizes,
        matrices=stored.matrices,
        classes=np.array(stored.classes, np.str_),
        split=np.array(stored.split, np.str_),
        background=np.array(-1 if stored.background is None else stored.background, np.int64),
        families=np.array(json.dumps(settings), np.str_),
        **arrays,
    )
    return stream.getvalue()


def unpack_counts(content: bytes) -> StoredCounts:
    """Undo `pack_counts`.

    Raises:
        ValueError, KeyError, TypeError: The file is damaged, or arrays do not fit together.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    names, classes = tuple(arrays["images"].tolist()), tuple(arrays["classes"].tolist())
    sizes, matrices = arrays["sizes"], arrays["matrices"]
    expected = (len(names), len(classes), len(classes))
    if matrices.shape != expected or sizes.shape != (len(names), 2) or matrices.dtype != np.int64 or not names:
        raise ValueError(f"counts {matrices.dtype} {matrices.shape}, expected int64 {expected} for the names")
    # Files of the first version have neither a background nor families.
    background = int(arrays.get("background", np.array(-1)))
    settings = json.loads(str(arrays.get("families", np.array("{}"))))
    sums = {name: _read_family(name, own, arrays, len(names)) for name, own in settings.items()}
    return StoredCounts(
        names, sizes, matrices, classes, str(arrays["split"]), background if background >= 0 else None, sums
    )


def _read_family(name: str, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], images: int) -> Sums:
    start = f"{name}{_JOIN}"
    own = {key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)}
    wrong = [key for key, array in own.items() if array.dtype != np.int64 or not array.ndim or len(array) != images]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} of {name}, expected int64 with a row for each of {images} images")
    if name not in FAMILIES:
        raise ValueError(f"family {name} is not known to this version of segan")
    return build_sums(FAMILIES[name].kind, {**own, **{path: _as_tuple(value) for path, value in settings.items()}})


def _as_tuple(value: Any) -> Any:
    """JSON has lists for tuples."""
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
