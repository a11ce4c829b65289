"""What a report says, as plain data: `build.py` makes it, `render.py` turns it into a page."""

from dataclasses import dataclass

Ends = tuple[float, float]


@dataclass(frozen=True)
class Figure:
    """A number with its interval.

    Args:
        name: What it is.
        value: NaN where it does not exist.
        ends: Of the 95 % interval over images; NaN where there is none.
        about: Its convention in one sentence.
    """

    name: str
    value: float
    ends: Ends
    about: str = ""


@dataclass(frozen=True)
class ClassRow:
    """Scores of a class.

    Args:
        name: Of the class.
        color: `#rrggbb`, as in the pictures.
        share: Of the true pixels of the split.
        iou: With its interval, and so the others.
        dice: See `iou`.
        precision: See `iou`.
        recall: See `iou`.
    """

    name: str
    color: str
    share: float
    iou: Figure
    dice: Figure
    precision: Figure
    recall: Figure


@dataclass(frozen=True)
class Series:
    """A line of a chart: points (x, y) in order of x."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Curve:
    """A chart of the training.

    Args:
        title: Its heading.
        about: How to read it, in one or two sentences.
        series: Lines; at least one.
        limits: Lowest and highest value shown; `None`: from the points.
        level: A value worth a line of its own, with its name.
        marks: Steps worth a line, with their names.
    """

    title: str
    about: str
    series: tuple[Series, ...]
    limits: tuple[float, float] | None = None
    level: tuple[float, str] | None = None
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Reliability:
    """Whether confidence is accuracy.

    Args:
        shares: Of the pixels in each bin of confidence, `[B]`.
        accuracy: Of each bin; NaN where it is empty.
        confidence: Mean of each bin; NaN where it is empty.
        figures: Calibration error and Brier score.
    """

    shares: tuple[float, ...]
    accuracy: tuple[float, ...]
    confidence: tuple[float, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Panel:
    """One picture of an image.

    Args:
        title: What it shows.
        uri: Its content as `data:` address.
        alt: What is seen, in words.
        size: Width and height of the picture in pixels.
        is_photo: Whether it is smoothed when enlarged; masks are not.
    """

    title: str
    uri: str
    alt: str
    size: tuple[int, int]
    is_photo: bool = False


@dataclass(frozen=True)
class ImageCard:
    """An image that is shown.

    Args:
        group: `worst`, `median` or `best`.
        row: Its row in the table of images.
        name: Of the sample.
        iou: Mean over its classes.
        accuracy: Share of its pixels that are right.
        uncertainty: Mean normalised entropy.
        panels: Image, truth, prediction and so on.
    """

    group: str
    row: int
    name: str
    iou: float
    accuracy: float
    uncertainty: float
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class ImageTable:
    """Scores of all images; columns of one length, NaN where a score does not exist.

    Args:
        names: Of the samples.
        iou: Mean over the classes of the image.
        accuracy: Share of pixels that are right.
        uncertainty: Mean normalised entropy; empty where there are no probabilities.
        by_class: IoU of each class; empty where that would make the page too large.
    """

    names: tuple[str, ...]
    iou: tuple[float, ...]
    accuracy: tuple[float, ...]
    uncertainty: tuple[float, ...] = ()
    by_class: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class SplitSummary:
    """What is in a split.

    Args:
        name: Of the split.
        images: How many there are.
        sizes: The sizes of its images in words.
        shares: Of each class among the labelled pixels.
        present: Images in which each class occurs.
        ignored: Share of pixels that are ignored.
    """

    name: str
    images: int
    sizes: str
    shares: tuple[float, ...]
    present: tuple[int, ...]
    ignored: float


@dataclass(frozen=True)
class Confusion:
    """A kind of error: pixels of one class that are taken for another, and their share of the true class."""

    true: str
    predicted: str
    pixels: int
    share: float


@dataclass(frozen=True)
class Section:
    """Further figures under a heading, with a sentence on what they are."""

    title: str
    about: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class JudgedClass:
    """How the discriminator does on patches of a true class; NaN where there are none.

    Args:
        name: Of the class.
        share: Of all patches.
        accuracy_real: Share of true masks that it calls true.
        accuracy_fake: Share of predictions that it calls predictions.
        auroc: Area under the ROC curve.
    """

    name: str
    share: float
    accuracy_real: float
    accuracy_fake: float
    auroc: float


@dataclass(frozen=True)
class JudgedImage:
    """An image that the discriminator is wrong about: mean logit of the true mask minus that of the prediction."""

    name: str
    margin: float
    accuracy: float


@dataclass(frozen=True)
class Discriminator:
    """How well the discriminator tells true masks from predictions on held-out images.

    Args:
        about: Its convention.
        figures: Accuracy, areas, calibration error.
        reliability: Share of true masks by the probability it gives; `None` for a critic.
        classes: By true class.
        most_wrong: Images, the worst first.
    """

    about: str
    figures: tuple[Figure, ...]
    reliability: Reliability | None
    classes: tuple[JudgedClass, ...]
    most_wrong: tuple[JudgedImage, ...]


@dataclass(frozen=True)
class Report:
    """Everything a page shows; what is empty has no place on it.

    Args:
        title: Name of the run.
        lead: One sentence: what was scored.
        facts: What was trained on what: label and value.
        headline: The figures at the top.
        classes: Scores by class.
        matrix: Pixels by true class (row) and predicted class.
        confusions: The largest errors.
        curves: Charts of the training.
        health: What the watch over an adversarial run saw and did, a line each.
        reliability: Calibration; `None` without probabilities.
        discriminator: Its quality; `None` where it was not measured.
        further: Other families of figures.
        cards: Images that are shown.
        table: All images.
        splits: What is in the data.
        environment: Machine and versions: label and value.
        config: Keys and values.
        commands: What they do, and the command.
    """

    title: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    headline: tuple[Figure, ...]
    classes: tuple[ClassRow, ...]
    matrix: tuple[tuple[int, ...], ...]
    confusions: tuple[Confusion, ...]
    curves: tuple[Curve, ...]
    health: tuple[str, ...]
    reliability: Reliability | None
    discriminator: Discriminator | None
    further: tuple[Section, ...]
    cards: tuple[ImageCard, ...]
    table: ImageTable
    splits: tuple[SplitSummary, ...]
    environment: tuple[tuple[str, str], ...]
    config: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]
