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
from segan.errors import UsageError
from segan.files import write_bytes_atomically
from segan.inference.segmenter import Prediction

# Folders of results, and the suffix of the files in each.
_SUFFIXES = {"masks": ".png", "overlays": ".png", "probabilities": ".npy"}


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

    @property
    def record(self) -> Path:
        """Folder of the journal; where it is, the results beside it are ours."""
        return self.out / ".segan"

    def folders(self) -> list[Path]:
        """List the folders that results are written to."""
        chosen = ["masks", *(["overlays"] if self.overlay else []), *(["probabilities"] if self.probabilities else [])]
        return [self.out / name for name in chosen]

    def refuse_foreign(self) -> None:
        """Refuse to write over files that no prediction wrote, such as the true masks of a dataset.

        Raises:
            UsageError: A folder of results holds files, and there is no record of a prediction.
        """
        if self.record.is_dir():
            return
        for folder in (self.out / name for name in _SUFFIXES):
            if folder.is_dir() and any(folder.iterdir()):
                raise UsageError(
                    f"--out {self.out}: {folder} holds files that segan did not write, expected an empty or a new "
                    "folder. Choose another --out."
                )

    def files(self, name: PurePath) -> list[Path]:
        """List the files of one image, the mask first; `name` is its place below each folder, without suffix."""
        return [_place(folder, name) for folder in self.folders()]

    def unwanted_files(self, name: PurePath) -> list[Path]:
        """List the files of one image that this plan does not write: of another model they would be taken for ours."""
        wanted = self.folders()
        return [_place(self.out / own, name) for own in _SUFFIXES if self.out / own not in wanted]


def _place(folder: Path, name: PurePath) -> Path:
    return folder / name.parent / f"{name.name}{_SUFFIXES[folder.name]}"


def write_outputs(
    plan: OutputPlan, name: PurePath, image: NDArray[np.uint8], prediction: Prediction, colors: Sequence[Color]
) -> None:
    """Write all files of one image, each whole or not at all; what is not wanted any more goes.

    Raises:
        OSError: The disk is full or the folder is not writable.
    """
    for path in plan.unwanted_files(name):
        path.unlink(missing_ok=True)
    for path in plan.files(name):
        if path.parents[len(name.parts) - 1] == plan.out / "masks":
            write_mask(path, prediction.mask, colors)
        elif path.suffix == ".png":
            write_png(path, overlay(image, prediction.mask, colors))
        elif prediction.probabilities is not None:
            write_bytes_atomically(path, _npy(prediction.probabilities))


def _npy(array: NDArray[np.float16]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
