"""Explain many images into a folder: a picture and the maps of each; a bad file is noted and the others go on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segan.data.images import read_image, show_path
from segan.data.labels import Labels
from segan.data.masks import read_mask
from segan.data.placement import resize_mask
from segan.errors import DataError, SeganError, StoppedError
from segan.explain.maps import Explainer
from segan.explain.panel import draw_panel
from segan.explain.results import Explained, ExplainPlan, remove_results, write_results, write_table
from segan.files import write_json
from segan.inference.inputs import Job, collect_jobs
from segan.inference.interrupts import Interrupted, raise_on_signals

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Truths:
    """True masks, where they are known.

    Args:
        files: By name: place below their folder, without suffix.
        labels: What they mean.
    """

    files: Mapping[str, Path]
    labels: Labels


def explain_images(
    explainer: Explainer,
    inputs: Sequence[str | Path],
    out: Path,
    *,
    truths: Truths | None = None,
    report: Report | None = None,
) -> list[Explained]:
    """Write `panels/NAME.png`, `maps/MAP/NAME.npy` and `explain.csv` for images and folders of images.

    Args:
        explainer: What to compute.
        inputs: Image files and folders; sub-folders are mirrored.
        out: Folder of the results, outside the input folders.
        truths: True masks to show beside the predictions.
        report: Called with (images done, images in all).

    Raises:
        DataError: The true masks are of other classes, or a folder cannot be read.
        UsageError: An input does not exist, or results would be written where inputs or other files lie.
        StoppedError: SIGTERM or Ctrl-C came; what was begun is whole.
        OSError: The results cannot be written.
    """
    classes = explainer.segmenter.labels.classes
    if truths is not None and truths.labels.classes != classes:
        raise DataError(
            f"classes of the true masks: seen {', '.join(truths.labels.classes)}, expected {', '.join(classes)} as the "
            "model has. Name the card of these masks by --card, or leave --masks out."
        )
    plan = ExplainPlan(out)
    jobs = collect_jobs(inputs, plan)
    rows: list[Explained] = []
    try:
        with raise_on_signals():
            write_json(plan.record, _describe(explainer))
            for job in jobs:
                rows.append(_explain_one(explainer, plan, job, truths))
                if report is not None:
                    report(len(rows), len(jobs))
    except Interrupted as interrupt:
        write_table(out / "explain.csv", explainer.maps, rows)
        message = f"stopped after {len(rows)} of {len(jobs)} images, which are done. Run the command again for all."
        raise StoppedError(interrupt.signal_number, message) from None
    write_table(out / "explain.csv", explainer.maps, rows)
    return rows


def _explain_one(explainer: Explainer, plan: ExplainPlan, job: Job, truths: Truths | None) -> Explained:
    try:
        if job.conflict is not None:
            raise DataError(
                f"{show_path(job.path)}: its result would have the name of that of {show_path(job.conflict)}, expected "
                "different names. Rename one of them, or use another --out for it."
            )
        segmenter = explainer.segmenter
        original = read_image(job.path, sixteen_bit=segmenter.sixteen_bit)
        image = explainer.fit(original)
        truth = _read_truth(truths, job, original.shape[:2], image.shape[:2])
        mask, maps = explainer.explain(image)
        labels = segmenter.labels
        asked = "" if explainer.class_index is None else labels.classes[explainer.class_index]
        panel = draw_panel(
            image, mask, maps, classes=labels.classes, colors=labels.colors, truth=truth, class_name=asked
        )
    except Exception as error:  # noqa: BLE001 - whatever one file provokes, the others go on.
        message = (
            str(error) if isinstance(error, SeganError) else f"{show_path(job.path)}: {type(error).__name__}: {error}"
        )
        if job.conflict is None:
            remove_results(plan, job.name, explainer.maps)
        return Explained(str(job.path), message=" ".join(message.split()))
    write_results(plan, job.name, panel, maps)
    return Explained(
        input=str(job.path),
        panel=plan.panel(job.name).relative_to(plan.out).as_posix(),
        size=(original.shape[0], original.shape[1]),
        examined=(image.shape[0], image.shape[1]),
        means={name: float(values.mean(dtype=np.float64)) for name, values in maps.items()},
        truth=truth is not None,
    )


def _read_truth(
    truths: Truths | None, job: Job, size: tuple[int, ...], examined: tuple[int, ...]
) -> NDArray[np.uint8] | None:
    path = truths.files.get(job.name.as_posix()) if truths is not None else None
    if truths is None or path is None:
        return None
    mask = read_mask(path, truths.labels)
    if mask.shape != size:
        raise DataError(
            f"{show_path(path)}: size {mask.shape} (height, width) seen, expected {size} as its image has. "
            "Correct the mask, or leave --masks out."
        )
    return resize_mask(mask, (examined[0], examined[1]))


def _describe(explainer: Explainer) -> dict[str, object]:
    """Tell what was asked for; the maps alone do not."""
    labels, index = explainer.segmenter.labels, explainer.class_index
    return {
        "model": explainer.segmenter.identity,
        "maps": list(explainer.maps),
        "class": None if index is None else labels.classes[index],
        "max_side_px": explainer.max_side_px,
        "gradcam_layer": explainer.part,
        "window_px": explainer.window_px,
    }
