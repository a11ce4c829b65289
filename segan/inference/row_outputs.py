"""The files of an image that is predicted by rows, written as the rows come."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import PurePath
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from segan.data.labels import Labels
from segan.data.overlay import overlay
from segan.data.row_writers import NpyRows, PngRows, RowWriter, TiffRows
from segan.files import StagedFile
from segan.inference.outputs import OutputPlan, round_to_bytes
from segan.inference.streaming import Strip


class RowOutputs:
    """All files of one image, under temporary names until `stage`.

    A context manager: what is not staged when it is left is removed.

    Args:
        plan: Where results go, and which.
        name: Place of the results below each folder, without suffix.
        size: (height, width) of the image.
        labels: Names and colours of the classes.

    Raises:
        OSError: The folder is not writable.
    """

    def __init__(self, plan: OutputPlan, name: PurePath, size: tuple[int, int], labels: Labels) -> None:
        self._plan, self._name, self._size, self._labels = plan, name, size, labels
        self._stack = ExitStack()
        self._writers: list[tuple[RowWriter, Callable[[Strip], NDArray[np.generic]]]] = []
        self.counts = np.zeros(256, np.int64)
        self.confidence = 0.0

    def __enter__(self) -> Self:
        plan, colors = self._plan, self._labels.colors
        if plan.wants_probabilities:
            kind = np.uint8 if plan.probabilities == "uint8" else np.float16
            shape = (len(self._labels.classes), *self._size)
            self._add(NpyRows(plan.place("probabilities", self._name), shape, kind), self._probabilities)
        if plan.overlay:
            writer = PngRows(plan.place("overlays", self._name), self._size, rgb=True)
            self._add(writer, lambda strip: overlay(strip.image, strip.mask, colors))
        place = plan.place("masks", self._name)
        writes_tiff = plan.mask_format == "tif"
        mask = TiffRows(place, self._size, colors) if writes_tiff else PngRows(place, self._size, palette=colors)
        self._add(mask, lambda strip: strip.mask)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def append(self, strip: Strip) -> None:
        """Write the next rows.

        Raises:
            OSError: The disk is full.
        """
        for writer, content in self._writers:
            writer.append(content(strip))
        self.counts += np.bincount(strip.mask.ravel(), minlength=256)
        self.confidence += strip.confidence

    def stage(self) -> list[StagedFile]:
        """Finish all files; they have yet to take their names, the mask last: where it is, the others are.

        Raises:
            OSError: The disk is full.
        """
        return [writer.stage() for writer, _ in self._writers]

    def _add(self, writer: RowWriter, content: Callable[[Strip], NDArray[np.generic]]) -> None:
        self._stack.callback(writer.discard)
        self._writers.append((writer, content))

    def _probabilities(self, strip: Strip) -> NDArray[np.generic]:
        assert strip.probabilities is not None
        return round_to_bytes(strip.probabilities) if self._plan.probabilities == "uint8" else strip.probabilities
