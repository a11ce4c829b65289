"""Put what was read and measured into a `Report`; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segan.data.colors import Color, show_color
from segan.evaluation.intervals import Ends
from segan.evaluation.result import Evaluation
from segan.report.calibration import summarise_calibration
from segan.report.curves import draw_curves
from segan.report.facts import list_config, list_environment, list_facts
from segan.report.health import list_health
from segan.report.judge import summarise_discriminator
from segan.report.model import (
    ClassRow,
    Confusion,
    Figure,
    ImageCard,
    ImageTable,
    Reliability,
    Report,
    Section,
    SplitSummary,
)
from segan.report.record import RunRecord
from segan.report.survey import Survey, score_images
from segan.report.text import printable

MOST_CELLS = 400_000  # Scores by image and class that a page carries: about 2 MB.
_MOST_CONFUSIONS = 8


@dataclass(frozen=True)
class Material:
    """All that a report is built from.

    Args:
        title: Name of the run or of the evaluation.
        survey: Scores of all images.
        colors: Of the classes.
        record: Of the run; `None` for an evaluation alone.
        cards: Chosen images.
        splits: What is in the data.
        model: What was scored, in words.
        discriminator: Figures of the discriminator, where they were measured.
        further: Other families of figures.
        commands: What they do, and the command.
    """

    title: str
    survey: Survey
    colors: Sequence[Color]
    record: RunRecord | None = None
    cards: Sequence[ImageCard] = ()
    splits: Sequence[SplitSummary] = ()
    model: Sequence[tuple[str, str]] = ()
    discriminator: Mapping[str, Any] | None = None
    further: Sequence[Section] = ()
    commands: Sequence[tuple[str, str]] = ()


def build_report(material: Material) -> Report:
    """Build the report."""
    evaluation, record = material.survey.evaluation, material.record
    calibration = _pool_calibration(material.survey)
    return Report(
        title=material.title,
        lead=_lead(evaluation, record),
        facts=(*(list_facts(record) if record else ()), *material.model),
        headline=(*_headline(evaluation), *(calibration.figures if calibration else ())),
        classes=_list_classes(evaluation, material.colors),
        matrix=tuple(map(tuple, evaluation.confusion_matrix.tolist())),
        confusions=list_confusions(evaluation),
        curves=draw_curves(record.lines) if record else (),
        health=list_health(record.lines) if record else (),
        reliability=calibration,
        discriminator=summarise_discriminator(material.discriminator) if material.discriminator else None,
        further=tuple(material.further),
        cards=tuple(material.cards),
        table=_list_images(material.survey),
        splits=tuple(material.splits),
        environment=list_environment(record) if record else (),
        config=list_config(record.config) if record else (),
        commands=tuple(material.commands),
    )


def list_confusions(evaluation: Evaluation, most: int = _MOST_CONFUSIONS) -> tuple[Confusion, ...]:
    """List the errors of most pixels, the largest first."""
    matrix = evaluation.confusion_matrix
    wrong = matrix * (1 - np.eye(len(matrix), dtype=np.int64))
    places = np.argsort(-wrong, axis=None, kind="stable")[:most]
    cells = [divmod(int(place), len(matrix)) for place in places]
    return tuple(
        Confusion(
            evaluation.classes[row],
            evaluation.classes[column],
            int(wrong[row, column]),
            float(wrong[row, column] / matrix[row].sum()),
        )
        for row, column in cells
        if wrong[row, column] > 0
    )


def _lead(evaluation: Evaluation, record: RunRecord | None) -> str:
    count = "1 image" if evaluation.images == 1 else f"{evaluation.images:,} images"
    split = f" of the {printable(evaluation.split)} split" if evaluation.split else ""
    warning = ""
    if evaluation.split == "train":
        warning = " The model was trained on these images, so its scores on others will be lower."
    elif evaluation.split == "all" and record is not None and record.splits.get("train"):
        warning = " The model was trained on some of these images, so its scores on others will be lower."
    elif evaluation.split == "val" and record is not None:
        warning = " The model was chosen on these images, so its scores on others may be lower."
    return f"Scores over {count}{split} in {len(evaluation.classes)} classes.{warning}"


def _headline(evaluation: Evaluation) -> tuple[Figure, ...]:
    ends = evaluation.intervals.whole
    about_iou = "Mean over the classes of intersection over union; pixels of all images are counted together."
    about_accuracy = "Share of labelled pixels with the right class; large classes weigh most."
    return (
        Figure("Mean IoU", evaluation.mean_iou, ends["mean_iou"], about_iou),
        Figure("Pixel accuracy", evaluation.pixel_accuracy, ends["pixel_accuracy"], about_accuracy),
    )


def _list_classes(evaluation: Evaluation, colors: Sequence[Color]) -> tuple[ClassRow, ...]:
    true = evaluation.confusion_matrix.sum(axis=1)
    shares = (true / max(1, int(true.sum()))).tolist()
    values = {name: getattr(evaluation, name) for name in evaluation.intervals.per_class}

    def figure(kind: str, name: str) -> Figure:
        ends: Ends = evaluation.intervals.per_class[kind][name]
        return Figure(kind, values[kind][name], ends)

    return tuple(
        ClassRow(
            name, show_color(color), share, *(figure(kind, name) for kind in ("iou", "dice", "precision", "recall"))
        )
        for name, color, share in zip(evaluation.classes, colors, shares, strict=True)
    )


def _pool_calibration(survey: Survey) -> Reliability | None:
    """Pool in the order of names, as the intervals of the scores are."""
    if not survey.calibration:
        return None
    names = [image.name for image in survey.evaluation.per_image]
    order = sorted(range(len(names)), key=lambda index: names[index])
    return summarise_calibration([survey.calibration[index] for index in order])


def _list_images(survey: Survey) -> ImageTable:
    evaluation = survey.evaluation
    own = score_images(evaluation)
    fits = own.by_class.size <= MOST_CELLS
    return ImageTable(
        tuple(image.name for image in evaluation.per_image),
        tuple(own.iou.tolist()),
        tuple(own.accuracy.tolist()),
        survey.uncertainty,
        tuple(tuple(column) for column in own.by_class.T.tolist()) if fits else (),
    )
