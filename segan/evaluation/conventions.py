"""The figures that papers on a data set report, each with its definition, to be laid beside theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from segan.errors import UsageError
from segan.evaluation.family_figures import MACRO, PER_CLASS, VALUE, Column, none_if_nan
from segan.evaluation.intervals import Ends, plain_ends
from segan.evaluation.result import Evaluation


@dataclass(frozen=True)
class Reported:
    """One figure of a convention.

    Args:
        label: What papers call it.
        family: Where it is computed.
        figure: Its name there.
        part: `macro` or `value`; `per_class`: of the class that is not background.
    """

    label: str
    family: str
    figure: str
    part: str


@dataclass(frozen=True)
class Convention:
    """How papers on one data set score.

    Args:
        definition: In one sentence.
        source: Author and year.
        figures: What they report.
        num_classes: How many classes their labels have.
        families: What must be measured.
        families_of_probabilities: What is measured where probabilities are at hand.
        has_background: Whether the first class is background, unless another is named.
        needs_region: Whether only pixels inside a field of view count.
        not_computed: What they report beside it, and why it is not computed here.
    """

    definition: str
    source: str
    figures: tuple[Reported, ...]
    num_classes: int
    families: tuple[str, ...] = ()
    families_of_probabilities: tuple[str, ...] = ()
    has_background: bool = False
    needs_region: bool = False
    not_computed: str = ""


_MEAN_IOU = Reported("mean IoU", "confusion", "iou", MACRO)

CONVENTIONS = {
    "camvid": Convention(
        "mean over the 11 classes of the IoU of pixels pooled over the test set; void counts nowhere",
        "Badrinarayanan, Kendall and Cipolla (2017), SegNet",
        (
            _MEAN_IOU,
            Reported("class average accuracy", "confusion", "recall", MACRO),
            Reported("global accuracy", "confusion", "pixel_accuracy", VALUE),
        ),
        11,
    ),
    "voc": Convention(
        "mean over 21 classes, background included, of the IoU of pixels pooled over the set; the outline (255) "
        "counts nowhere",
        "Everingham et al. (2015), The PASCAL visual object classes challenge: a retrospective",
        (_MEAN_IOU,),
        21,
        has_background=True,
    ),
    "cityscapes": Convention(
        "mean over 19 classes of the IoU of pixels pooled over the set; void counts nowhere",
        "Cordts et al. (2016), The Cityscapes dataset for semantic urban scene understanding",
        (_MEAN_IOU,),
        19,
        not_computed="iIoU is not computed: it needs instances, which masks of classes do not hold",
    ),
    "drive": Convention(
        "pixels inside the field of view, pooled over the test images; vessel is the class that is looked for",
        "Staal et al. (2004), Ridge-based vessel segmentation in color images of the retina",
        (
            Reported("accuracy", "confusion", "pixel_accuracy", VALUE),
            Reported("sensitivity", "confusion", "recall", PER_CLASS),
            Reported("specificity", "confusion", "specificity", PER_CLASS),
            Reported("F1", "confusion", "dice", PER_CLASS),
            Reported("AUC", "thresholds", "auc", VALUE),
        ),
        2,
        families_of_probabilities=("thresholds",),
        has_background=True,
        needs_region=True,
    ),
    "crack": Convention(
        "precision, recall and F1 of crack pixels with a tolerance of 2 px, pooled; papers use 2 px or 5 px, and both "
        "pooling and the mean over images",
        "Fan et al. (2018), 2 px; Shi et al. (2016), CrackForest, 5 px",
        (
            Reported("precision, 2 px", "tolerance", "precision_2px", PER_CLASS),
            Reported("recall, 2 px", "tolerance", "recall_2px", PER_CLASS),
            Reported("F1, 2 px", "tolerance", "f1_2px", PER_CLASS),
            Reported("F1, 2 px, mean over images", "tolerance", "f1_2px_of_images", PER_CLASS),
            Reported("F1, 5 px", "tolerance", "f1_5px", PER_CLASS),
            Reported("ODS, 2 px", "thresholds", "ods_f1", VALUE),
            Reported("OIS, 2 px", "thresholds", "ois_f1", VALUE),
        ),
        2,
        families=("tolerance",),
        families_of_probabilities=("thresholds",),
        has_background=True,
    ),
}


@dataclass(frozen=True)
class PaperFigures:
    """What a convention makes of an evaluation.

    Args:
        name: Of the convention.
        figures: Value and 95 % interval by label; NaN where one does not exist.
        notes: What stands between these figures and those of the papers, a sentence each.
    """

    name: str
    figures: dict[str, tuple[float, Ends]]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        convention = CONVENTIONS[self.name]
        return {
            "name": self.name,
            "definition": convention.definition,
            "source": convention.source,
            "figures": {
                label: {"value": none_if_nan(value), "interval": plain_ends(ends)}
                for label, (value, ends) in self.figures.items()
            },
            "notes": list(self.notes),
        }


def families_of(name: str, *, has_probabilities: bool) -> list[str]:
    """List the families that a convention is computed from."""
    convention = CONVENTIONS[name]
    return [*convention.families, *(convention.families_of_probabilities if has_probabilities else ())]


def background_of(name: str, classes: Sequence[str]) -> str | None:
    """Name the class that is background by convention, `None` where there is none.

    Raises:
        UsageError: The convention is about two classes and there are others.
    """
    convention = CONVENTIONS[name]
    if convention.num_classes == 2 and len(classes) != 2:
        raise UsageError(
            f"--convention {name}: {len(classes)} classes seen, expected 2. Map the others in dataset.yaml first."
        )
    return classes[0] if convention.has_background else None


def apply_convention(name: str, evaluation: Evaluation, *, has_region: bool) -> PaperFigures:
    """Read the figures of a convention from an evaluation.

    Args:
        name: Key of `CONVENTIONS`.
        evaluation: Measured with the families of the convention.
        has_region: Whether only pixels inside regions of interest were counted.
    """
    convention = CONVENTIONS[name]
    wanted = [own for own in convention.figures if own.family in evaluation.tables]
    columns = [(own, Column(own.figure, own.part, _class_name(own, evaluation))) for own in wanted]
    figures = {
        own.label: (evaluation.family_values[own.family][column], evaluation.family_intervals[own.family][column])
        for own, column in columns
    }
    missing = [own.label for own in convention.figures if own not in wanted]
    return PaperFigures(name, figures, tuple(_notes(convention, evaluation, missing, has_region)))


def _class_name(reported: Reported, evaluation: Evaluation) -> str:
    if reported.part != PER_CLASS:
        return ""
    return evaluation.classes[0 if evaluation.background == 1 else 1]


def _notes(convention: Convention, evaluation: Evaluation, missing: list[str], has_region: bool) -> list[str]:
    notes = [convention.not_computed] if convention.not_computed else []
    if len(evaluation.classes) != convention.num_classes:
        notes.append(
            f"{len(evaluation.classes)} classes seen, the papers have {convention.num_classes}: the figures are not "
            "comparable with theirs"
        )
    if convention.needs_region and not has_region:
        notes.append("no --roi given: pixels outside the field of view count unless the masks ignore them")
    if missing:
        notes.append(f"{', '.join(missing)}: not computed, probabilities are needed")
    return notes
