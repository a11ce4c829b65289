"""What a prediction leaves on the disk: the mask, and on demand an overlay and the probabilities."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from segan.data.colors import Color
from segan.data.images import write_png
from segan.data.masks import write_mask
from segan.data.overlay import overlay
from segan.files import write_bytes_atomically
from segan.inference.segmenter import Prediction

_BLOCK_PX = 1 << 22


@dataclass(frozen=True)
class OutputPlan:
    """Where results go.

    Args:
        out: Folder that takes `masks/`, `overlays/`, `probabilities/` and `manifest.csv`.
        overlay: Whether to write the image with the classes' colours over it.
        probabilities: Whether to write `float16 [K, H, W]` as `.npy`.
    """

    out: Path
    overlay: bool = False
    probabilities: bool = False

    def folders(self) -> list[Path]:
        """List the folders that results are written to."""
        chosen = ["masks", *(["overlays"] if self.overlay else []), *(["probabilities"] if self.probabilities else [])]
        return [self.out / name for name in chosen]

    def files(self, name: PurePath) -> list[Path]:
        """List the files of one image, the mask first; `name` is its place below each folder, without suffix."""
        suffixes = {"masks": ".png", "overlays": ".png", "probabilities": ".npy"}
        return [folder / name.parent / f"{name.name}{suffixes[folder.name]}" for folder in self.folders()]


def write_outputs(
    plan: OutputPlan, name: PurePath, image: NDArray[np.uint8], prediction: Prediction, colors: Sequence[Color]
) -> None:
    """Write all files of one image, each whole or not at all.

    Raises:
        OSError: The disk is full or the folder is not writable.
    """
    for path in plan.files(name):
        if path.parents[len(name.parts) - 1] == plan.out / "masks":
            write_mask(path, prediction.mask, colors)
        elif path.suffix == ".png":
            write_png(path, overlay(image, prediction.mask, colors))
        elif prediction.probabilities is not None:
            write_bytes_atomically(path, _npy(prediction.probabilities))


def class_shares(mask: NDArray[np.uint8], num_classes: int) -> tuple[float, ...]:
    """Compute the share of the pixels of each class, in [0, 1].

    >>> class_shares(np.array([[0, 0, 0, 1]], np.uint8), 3)
    (0.75, 0.25, 0.0)
    """
    pixels = mask.ravel()
    counts = np.zeros(256, np.int64)
    for start in range(0, pixels.size, _BLOCK_PX):
        counts += np.bincount(pixels[start : start + _BLOCK_PX], minlength=256)
    return tuple((counts[:num_classes] / pixels.size).tolist())


def _npy(array: NDArray[np.float16]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
