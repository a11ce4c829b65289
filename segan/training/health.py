"""Whether an adversarial run is healthy: bands for its readings, and what lies outside them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from segan.training.readings import Reading

Band = tuple[float, float]

CHANCE = 0.05  # An accuracy this close to one half is one.
# Training lowers the entropy of a prediction; a fifth of the largest more than before is a model that unlearns.
ENTROPY_RISE = 0.2
# A class has collapsed where it was predicted for a fifth of its pixels or more and is for less than a hundredth.
WAS_PREDICTED, IS_PREDICTED, FEWEST_PIXELS = 0.2, 0.01, 100
# A class with less than a twentieth of the labelled pixels comes and goes early in any training: it counts only where
# at least half of the classes but the largest have gone with it.
COMMON_SHARE = 0.05
# Without a validation split a state is as good as an earlier one if its pixel loss is no more than a tenth higher.
PIXEL_RISE = 1.1


@dataclass(frozen=True)
class Bands:
    """Where the readings of a healthy run lie, and how to act outside.

    Args:
        adversarial_from: Steps of the warm-up.
        window_steps: Steps whose mean is judged at once.
        accuracy: Of the discriminator.
        d_loss: The discriminator's loss as logged; `None` where it is no cross entropy and so has no scale.
        gradient_ratio: Largest norm of the adversarial gradient as a share of the pixel loss's; `None`: any.
        factor: What a rate or a weight is lowered by.
        score_margin: How far the validation score may lie below the one at the end of the warm-up.
        score_validations: For so many validations in a row.
        discriminator_learns: Whether its figures mean anything; false for a frozen one.
        classes: Names, for the words.
    """

    adversarial_from: int
    window_steps: int
    accuracy: Band
    d_loss: Band | None
    gradient_ratio: float | None
    factor: float
    score_margin: float
    score_validations: int
    discriminator_learns: bool = True
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Anchor:
    """The state at the end of the warm-up, which everything later is compared with.

    Args:
        step: Where it was taken.
        score: Validation mean IoU; `None` without a validation split.
        reading: Of the last window before it; `None` where there was none.
    """

    step: int
    score: float | None
    reading: Reading | None


@dataclass(frozen=True)
class Finding:
    """A reading outside its band.

    Args:
        about: Whose fault it is, so where to act first.
        words: What was seen.
        seen: The reading.
        band: Where it should lie.
    """

    about: Literal["discriminator", "generator", "run"]
    words: str
    seen: float
    band: Band


def find_problems(reading: Reading, reference: Reading | None, bands: Bands) -> list[Finding]:
    """List what lies outside its band, the generator's troubles first: they concern the model.

    Args:
        reading: Of a whole window.
        reference: Of the end of the warm-up; `None` where there is none to compare with.
        bands: Of the run.
    """
    return [*_of_generator(reading, reference, bands), *_of_discriminator(reading, bands)]


def narrow(bands: Bands) -> Bands:
    """Give narrower bands: a run is well again only inside these, so that it does not swing between the two."""
    low, high = bands.accuracy
    cross_entropy = None if bands.d_loss is None else (1.25 * bands.d_loss[0], 0.9 * bands.d_loss[1])
    ratio = None if bands.gradient_ratio is None else 0.8 * bands.gradient_ratio
    return replace(bands, accuracy=(low + CHANCE, high - CHANCE), d_loss=cross_entropy, gradient_ratio=ratio)


def is_at_chance(reading: Reading, bands: Bands) -> bool:
    """Tell whether the discriminator cannot tell masks apart: no harm, but no help either."""
    return bands.discriminator_learns and abs(reading.means["d_accuracy"] - 0.5) <= CHANCE


def is_sound(score: float | None, reading: Reading | None, anchor: Anchor, bands: Bands) -> bool:
    """Tell whether a state is as good as the one at the end of the warm-up: by validation, or else by pixel loss.

    Args:
        score: Validation mean IoU of the state; `None` without a validation split.
        reading: Of the last window; `None` where there is none yet.
        anchor: To compare with.
        bands: Of the run.
    """
    if score is not None and anchor.score is not None:
        return score >= anchor.score - bands.score_margin
    if reading is None or anchor.reading is None:
        return False
    return reading.means["pixel"] <= PIXEL_RISE * anchor.reading.means["pixel"]


def _of_generator(reading: Reading, reference: Reading | None, bands: Bands) -> Iterator[Finding]:
    ratio, entropy = reading.means["gradient_ratio"], reading.means["entropy"]
    if reference is not None:
        yield from _collapsed(reading, reference, bands)
        highest = reference.means["entropy"] + ENTROPY_RISE
        if entropy > highest:
            yield Finding(
                "generator", f"the prediction becomes undecided: entropy {entropy:.2f}", entropy, (0, highest)
            )
    if bands.gradient_ratio is not None and ratio > bands.gradient_ratio:
        words = f"the adversary outweighs the labels: its gradient is {ratio:.2f} of the pixel loss's"
        yield Finding("generator", words, ratio, (0.0, bands.gradient_ratio))


def _collapsed(reading: Reading, reference: Reading, bands: Bands) -> Iterator[Finding]:
    """Find classes that the truth still holds, that were predicted and are no longer."""
    columns = zip(reading.predicted, reading.labelled, reference.predicted, reference.labelled, strict=False)
    gone = []
    judged = 0
    for index, (predicted, labelled, predicted_before, labelled_before) in enumerate(columns):
        if min(labelled, labelled_before) < FEWEST_PIXELS:
            continue
        judged += 1
        if predicted_before / labelled_before >= WAS_PREDICTED and predicted / labelled < IS_PREDICTED:
            gone.append(index)
    # A window sees few pictures, so a rare class may fill more of one: common classes are so in both.
    shares = zip(_shares(reading.labelled), _shares(reference.labelled), strict=False)
    is_common = [min(pair) >= COMMON_SHARE for pair in shares]
    many = 2 * len(gone) >= judged - 1
    for index in gone:
        if many or is_common[index]:
            predicted, labelled = reading.predicted[index], reading.labelled[index]
            name = bands.classes[index] if index < len(bands.classes) else str(index)
            words = f"class {name} is no longer predicted: {predicted} pixels where {labelled} are labelled"
            yield Finding("generator", words, predicted / labelled, (IS_PREDICTED, float("inf")))


def _shares(pixels: Sequence[int]) -> list[float]:
    return [count / max(1, sum(pixels)) for count in pixels]


def _of_discriminator(reading: Reading, bands: Bands) -> Iterator[Finding]:
    if not bands.discriminator_learns:
        return
    accuracy, d_loss = reading.means["d_accuracy"], reading.means["d_loss"]
    told = f"it tells {accuracy:.2f} of the patches right"
    if accuracy > bands.accuracy[1]:
        yield Finding("discriminator", f"the discriminator wins: {told}", accuracy, bands.accuracy)
    elif accuracy < bands.accuracy[0]:
        yield Finding("discriminator", f"the discriminator is the wrong way round: {told}", accuracy, bands.accuracy)
    if bands.d_loss is not None and d_loss < bands.d_loss[0]:
        yield Finding("discriminator", f"the discriminator wins: its loss is {d_loss:.2f}", d_loss, bands.d_loss)
    elif bands.d_loss is not None and d_loss > bands.d_loss[1]:
        words = f"the discriminator does worse than a guess: its loss is {d_loss:.2f}"
        yield Finding("discriminator", words, d_loss, bands.d_loss)
