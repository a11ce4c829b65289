"""What a prediction leaves on the disk: the mask, and on demand pictures, probabilities, outlines and annotations."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segan.data.images import encode_png
from segan.data.labels import Labels
from segan.data.masks import encode_mask
from segan.data.overlay import overlay
from segan.data.row_writers import TiffRows
from segan.errors import UsageError
from segan.files import StagedFile, stage_chunks
from segan.inference.coco import encode_fragment, write_annotations
from segan.inference.inputs import Job
from segan.inference.manifest import Row
from segan.inference.outlines import encode_outlines
from segan.inference.segmenter import Prediction

ProbabilityType = Literal["none", "float16", "uint8"]
MaskFormat = Literal["png", "tif"]

_TIFF_SUFFIX = ".tif"


class _Result(NamedTuple):
    """One image and all that was found out about it."""

    image: NDArray[np.uint8]
    prediction: Prediction
    labels: Labels
    probabilities: ProbabilityType


class _Kind(NamedTuple):
    """One kind of files: its folder below `--out`, the suffix of its files, and what is in them."""

    folder: PurePath
    suffix: str
    encode: Callable[[_Result], bytes]


def _encode_overlay(result: _Result) -> bytes:
    return encode_png(overlay(result.image, result.prediction.mask, result.labels.colors))


def _encode_probabilities(result: _Result) -> bytes:
    planes: NDArray[Any] | None = result.prediction.probabilities
    assert planes is not None
    if result.probabilities == "uint8":
        planes = round_to_bytes(planes)
    stream = io.BytesIO()
    np.save(stream, planes, allow_pickle=False)
    return stream.getvalue()


_KINDS = {
    "masks": _Kind(PurePath("masks"), ".png", lambda own: encode_mask(own.prediction.mask, own.labels.colors)),
    "overlays": _Kind(PurePath("overlays"), ".png", _encode_overlay),
    "probabilities": _Kind(PurePath("probabilities"), ".npy", _encode_probabilities),
    "outlines": _Kind(PurePath("outlines"), ".geojson", lambda own: encode_outlines(own.prediction.mask, own.labels)),
    "coco": _Kind(PurePath(".segan", "coco"), ".json", lambda own: encode_fragment(own.prediction.mask, own.labels)),
}


@dataclass(frozen=True)
class OutputPlan:
    """Where results go.

    Args:
        out: Folder that takes `masks/`, `overlays/`, `probabilities/`, `outlines/`, `annotations.json` and
            `manifest.csv`.
        overlay: Whether to write the image with the classes' colours over it.
        probabilities: Type of the probabilities `[K, H, W]` that are written as `.npy`: `float16`, or `uint8` for
            255 times the probability; `none` for no file.
        outlines: Whether to write the outlines of regions as GeoJSON.
        coco: Whether to write one COCO file for all images.
        mask_format: Of the masks: `png`, or `tif` for tiled TIFF files, and BigTIFF where they may be large.
    """

    out: Path
    overlay: bool = False
    probabilities: ProbabilityType = "none"
    outlines: bool = False
    coco: bool = False
    mask_format: MaskFormat = "png"

    @property
    def record(self) -> Path:
        """Folder of the journal; where it is, the results beside it are ours."""
        return self.out / ".segan"

    @property
    def annotations(self) -> Path:
        """The COCO file of all images."""
        return self.out / "annotations.json"

    @property
    def wants_probabilities(self) -> bool:
        """Whether predictions must come with probabilities."""
        return self.probabilities != "none"

    def settings(self) -> dict[str, Any]:
        """Return the choices that the results depend on, as plain values."""
        names = ("overlay", "probabilities", "outlines", "coco", "mask_format")
        return {name: getattr(self, name) for name in names}

    def kinds(self) -> list[str]:
        """List the kinds of files that are written for each image, the mask first."""
        wanted = {
            "masks": True,
            "overlays": self.overlay,
            "probabilities": self.wants_probabilities,
            "outlines": self.outlines,
            "coco": self.coco,
        }
        return [kind for kind in _KINDS if wanted[kind]]

    def folders(self) -> list[Path]:
        """List the folders that results are written to."""
        return [self.out / _KINDS[kind].folder for kind in self.kinds()]

    def refuse_foreign(self) -> None:
        """Refuse to write over files that no prediction wrote, such as the true masks of a dataset.

        Raises:
            UsageError: A folder of results holds files, or there are annotations, and no record of a prediction.
        """
        if self.record.is_dir():
            return
        folders = [self.out / kind.folder for kind in _KINDS.values()]
        foreign = next((folder for folder in folders if folder.is_dir() and any(folder.iterdir())), None)
        if foreign is None and self.annotations.exists():
            foreign = self.annotations
        if foreign is not None:
            what = "is a file" if foreign == self.annotations else "holds files"
            raise UsageError(
                f"--out {self.out}: {foreign} {what} that segan did not write, expected an empty or a new folder. "
                "Choose another --out."
            )

    def place(self, kind: str, name: PurePath) -> Path:
        """Name the file of one kind of one image; `name` is its place below each folder, without suffix."""
        suffix = _TIFF_SUFFIX if kind == "masks" and self.mask_format == "tif" else _KINDS[kind].suffix
        return self.out / _KINDS[kind].folder / name.parent / f"{name.name}{suffix}"

    def files(self, name: PurePath) -> list[Path]:
        """List the files of one image, the mask first."""
        return [self.place(kind, name) for kind in self.kinds()]

    def unwanted_files(self, name: PurePath) -> list[Path]:
        """List the files of one image that this plan does not write: of another model they would be taken for ours."""
        wanted = self.kinds()
        other = replace(self, mask_format="png" if self.mask_format == "tif" else "tif").place("masks", name)
        return [other, *(self.place(kind, name) for kind in _KINDS if kind not in wanted)]


def stage_outputs(
    plan: OutputPlan, name: PurePath, image: NDArray[np.uint8], prediction: Prediction, labels: Labels
) -> list[StagedFile]:
    """Write all files of one image under temporary names, the mask last: where it is, the others are.

    Raises:
        OSError: The disk is full or the folder is not writable; nothing is left.
    """
    result = _Result(image, prediction, labels, plan.probabilities)
    staged: list[StagedFile] = []
    try:
        for kind in reversed(plan.kinds()):
            place = plan.place(kind, name)
            if place.suffix == _TIFF_SUFFIX:
                staged.append(_stage_tiff(place, prediction.mask, labels))
            else:
                staged.append(stage_chunks(place, [_KINDS[kind].encode(result)]))
    except BaseException:
        for file in staged:
            file.discard()
        raise
    return staged


def _stage_tiff(path: Path, mask: NDArray[np.uint8], labels: Labels) -> StagedFile:
    writer = TiffRows(path, (mask.shape[0], mask.shape[1]), labels.colors)
    writer.append(mask)
    return writer.stage()


def write_coco(plan: OutputPlan, labels: Labels, jobs: Sequence[Job], rows: Sequence[Row | None]) -> None:
    """Write `annotations.json`, where it is wanted and there is a row for each image.

    Args:
        plan: Where results go, and whether it is wanted.
        labels: Names and colours of the classes.
        jobs: All images, in the order of the manifest.
        rows: One for each; `None` where another part has not come to it yet.

    Raises:
        SeganError: Annotations of an image are missing or damaged.
        OSError: The disk is full or the folder is not writable.
    """
    known = [row for row in rows if row is not None]
    if plan.coco and len(known) == len(jobs):
        write_annotations(plan.annotations, labels, known, [plan.place("coco", job.name) for job in jobs])


def round_to_bytes(planes: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round probabilities in [0, 1] to 255 steps, one class at a time so that no large copy is made."""
    rounded = np.empty(planes.shape, np.uint8)
    for own, plane in zip(rounded, planes, strict=True):
        own[:] = np.rint(plane.astype(np.float32) * 255)
    return rounded
