"""Pictures of a run: predictions beside the truth, and curves."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segan.data.dataset import Sample
from segan.data.images import read_image, write_png
from segan.data.labels import Labels
from segan.data.masks import read_mask
from segan.data.overlay import overlay
from segan.inference.segmenter import Segmenter

PANEL_HEIGHT_PX = 192


def draw_samples(path: Path, segmenter: Segmenter, samples: Iterable[Sample], labels: Labels) -> None:
    """Write a picture with a row for each sample: image, truth, prediction.

    Args:
        path: PNG to write.
        segmenter: The network.
        samples: With masks.
        labels: Classes and colours.
    """
    rows = []
    for sample in samples:
        image = read_image(sample.image, sixteen_bit=segmenter.sixteen_bit)
        masks = [segmenter.predict(image).mask]
        if sample.mask is not None:
            masks.insert(0, read_mask(sample.mask, labels))
        rows.append(_row([image, *(overlay(image, mask, labels.colors) for mask in masks)]))
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    write_png(path, np.concatenate(padded))


def draw_curves(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Draw losses, validation score, discriminator accuracy and learning rate over the steps.

    Args:
        path: PNG to write.
        lines: The run's `metrics.jsonl`.
    """
    # Imported here: it takes half a second that only the end of a run should pay.
    from matplotlib.figure import Figure

    steps = [line for line in lines if line["kind"] == "step"]
    validations = [line for line in lines if line["kind"] == "validation"]
    figure = Figure(figsize=(11, 7))
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.07, top=0.95, hspace=0.3, wspace=0.17)
    panels = figure.subplots(2, 2)
    for axes, (title, names) in zip(panels.flat, _PANELS.items(), strict=True):
        source = validations if names == ("mean_iou",) else steps
        for name in names:
            points = [(line["step"], line[name]) for line in source if line.get(name) is not None]
            if points:
                axes.plot(
                    *zip(*points, strict=True), label=name, linewidth=1.2, marker="." if len(points) < 30 else None
                )
        axes.set_title(title)
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


_PANELS = {
    "generator losses": ("pixel", "adversarial"),
    "validation mean IoU": ("mean_iou",),
    "discriminator": ("d_loss", "d_accuracy"),
    "learning rate": ("lr",),
}


def _row(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Set pictures side by side at one height."""
    height, width = pictures[0].shape[:2]
    size = (max(1, round(width * PANEL_HEIGHT_PX / height)), PANEL_HEIGHT_PX)
    return np.concatenate([cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures], axis=1)
