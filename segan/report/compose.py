"""From a folder to its report: read, score, choose, draw, build."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from segan.data.colors import default_colors
from segan.data.dataset import Sample
from segan.data.labels import Labels
from segan.data.pairs import read_pair
from segan.data.source import Source
from segan.errors import UsageError
from segan.evaluation.result import read_evaluation
from segan.evaluation.selection import Selection, select_samples
from segan.inference.load import load_segmenter
from segan.inference.segmenter import Segmenter
from segan.report.build import Material, build_report
from segan.report.contents import summarise_evaluation, summarise_masks
from segan.report.discriminator import find_discriminator, fits_page, judge_some, realism_maps
from segan.report.facts import training_command
from segan.report.families import read_families
from segan.report.model import ImageCard, Report, SplitSummary
from segan.report.pictures import ImageMap, draw_panels
from segan.report.record import RunRecord
from segan.report.survey import Survey, choose_images, score_images, survey_model

Progress = Callable[[int, int], None]
_SPLITS = ("train", "val", "test")


def report_run(
    record: RunRecord,
    source: Source,
    *,
    split: str | None = None,
    images: int = 3,
    scores: Path | None = None,
    device: str = "auto",
    commands: Sequence[tuple[str, str]] = (),
    maps: Mapping[str, ImageMap] | None = None,
    discriminator: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Score a run on a split and report it.

    Args:
        record: Of the run.
        source: Where the data lie; see `find_source`.
        split: Of the data; `None`: `test`, or `val` where the run has no test images.
        images: How many of the worst, the median and the best images are shown, each.
        scores: Folder of `segan evaluate --out` of the same images, for further figures.
        device: As `load_segmenter`.
        commands: What they do, and the command, for the page.
        maps: Further maps of the shown images, by title.
        discriminator: Figures of the discriminator; `None`: those of `discriminator.json` in the run, if it is of this
            model and split, or else measured on some images, where the run kept its discriminator.
        progress: Called with the images done and their number.

    Raises:
        UsageError: The run holds no model, or the data have no such split.
        DataError: Files cannot be used.
    """
    root = record.root
    chosen_split = split or ("test" if record.splits.get("test") or not record.splits.get("val") else "val")
    segmenter = load_segmenter(root, device)
    selection = select_samples(source, chosen_split, run=root, model_labels=segmenter.labels)
    samples, count = selection.samples, len(selection.samples)
    tell = progress or (lambda done, total: None)
    survey = survey_model(
        segmenter, samples, selection.labels, split=chosen_split, report=lambda done: tell(done, count)
    )
    further = read_families(scores, survey.evaluation) if scores is not None else ()
    measured = record.discriminator if fits_page(record.discriminator, segmenter, chosen_split) else None
    quality, own = discriminator or measured, find_discriminator(root, segmenter)
    if own is not None:
        maps = {**realism_maps(own, segmenter), **(maps or {})}
        quality = quality or judge_some(own, segmenter, samples, selection.labels, chosen_split)
    model = [("Model", f"SHA-256 {segmenter.identity[:16]}"), ("Scored", f"{source.shown}, split {chosen_split}")]
    return build_report(
        Material(
            title=_name_folder(root),
            survey=survey,
            colors=selection.labels.colors,
            record=record,
            cards=tuple(_draw_cards(segmenter, samples, selection.labels, survey, images, maps or {})),
            splits=tuple(_summarise_splits(source, selection, survey, segmenter.labels, root)),
            model=model,
            discriminator=quality,
            further=further,
            commands=(*_repeat_commands(record), *commands),
        )
    )


def report_evaluation(place: Path, *, commands: Sequence[tuple[str, str]] = ()) -> Report:
    """Report an evaluation alone: scores, without curves and pictures.

    Args:
        place: Folder that `segan evaluate --out` wrote.
        commands: As `report_run`.

    Raises:
        UsageError: There is no evaluation.
        DataError: A file is damaged.
    """
    evaluation = read_evaluation(place)
    return build_report(
        Material(
            title=_name_folder(place if place.is_dir() else place.parent),
            survey=Survey(evaluation),
            colors=default_colors(len(evaluation.classes)),
            splits=(summarise_evaluation(evaluation.split or "scored", evaluation),),
            further=read_families(place, evaluation),
            commands=commands,
        )
    )


def _name_folder(folder: Path) -> str:
    """Name a folder with the one it is in: many runs are called `run`."""
    return "/".join(folder.resolve().parts[1:][-2:])


def _draw_cards(
    segmenter: Segmenter,
    samples: Sequence[Sample],
    labels: Labels,
    survey: Survey,
    count: int,
    maps: Mapping[str, ImageMap],
) -> Iterator[ImageCard]:
    """Read and predict the chosen images once more: keeping the pictures of all would need their memory."""
    own = score_images(survey.evaluation)
    names = [image.name for image in survey.evaluation.per_image]
    for group, rows in choose_images(own.iou.tolist(), names, count).items():
        for row in rows:
            sample = samples[row]
            assert sample.mask is not None
            image, truth = read_pair(sample.image, sample.mask, labels, sixteen_bit=segmenter.sixteen_bit)
            panels = draw_panels(image, truth, segmenter.predict(image, probabilities=True), labels, maps)
            uncertainty = survey.uncertainty[row] if survey.uncertainty else math.nan
            yield ImageCard(group, row, names[row], float(own.iou[row]), float(own.accuracy[row]), uncertainty, panels)


def _summarise_splits(
    source: Source, selection: Selection, survey: Survey, model_labels: Labels, root: Path
) -> Iterator[SplitSummary]:
    """Count the scored split from its evaluation and read the masks of the others, where the data have them."""
    scored = survey.evaluation.split
    for name in (*_SPLITS, scored) if scored not in _SPLITS else _SPLITS:
        if name == scored:
            yield summarise_evaluation(name, survey.evaluation)
            continue
        try:
            found = select_samples(source, name, run=root, model_labels=model_labels)
        except UsageError:  # Other data than the run's need not have the other splits.
            continue
        yield summarise_masks(name, found.samples, selection.labels)


def _repeat_commands(record: RunRecord) -> tuple[tuple[str, str], ...]:
    typed = training_command(record)
    return (("Started by", typed),) if typed else ()
