"""The two ways of `segan evaluate` from its options to an evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from segan.commands.network_options import choose_model

if TYPE_CHECKING:
    from segan.data.source import Source
    from segan.evaluation.measures import Measures
    from segan.evaluation.result import Evaluation


@dataclass(frozen=True)
class Wanted:
    """The options that say what is measured, as the user gave them."""

    metrics: tuple[str, ...]
    background: str | None
    membrane: str | None
    roi: Path | None
    convention: str | None

    def choose(self, classes: Sequence[str], *, has_probabilities: bool, quiet: bool) -> "Measures":
        """Choose the families and the roles of classes, and tell what `all` leaves out."""
        from segan.evaluation.conventions import background_of, families_of
        from segan.evaluation.measures import choose_measures

        names, background = self.metrics, self.background
        if self.convention is not None:
            names = (*names, *families_of(self.convention, has_probabilities=has_probabilities))
            of_convention = background_of(self.convention, classes)
            background = background or of_convention
        measures = choose_measures(
            names, classes, background=background, membrane=self.membrane, has_probabilities=has_probabilities
        )
        for sentence in () if quiet else measures.left_out:
            click.echo(sentence, err=True)
        return measures

    def pair_regions(self, truths: Mapping[str, Path]) -> dict[str, Path] | None:
        """Find the region of interest of each true mask, where regions are wanted."""
        from segan.evaluation.pairing import pair_regions

        return None if self.roi is None else pair_regions(self.roi, truths)


def score_model(
    model: str,
    source: "Source",
    split: str,
    wanted: Wanted,
    *,
    card: str | None,
    tile: int | None,
    tta: bool | None,
    min_areas: Mapping[str, int] | None,
    device: str,
    backend: str,
    precision: str | None,
    quiet: bool,
) -> "Evaluation":
    """Predict the images of a split and score them; the arguments are the options of `segan evaluate`."""
    from segan.commands.progress import progress_bar
    from segan.evaluation.evaluate import evaluate_model
    from segan.evaluation.selection import select_samples
    from segan.inference.bundle import is_bundle
    from segan.inference.load import load_segmenter
    from segan.inference.model_file import find_model_file

    chosen, runs = choose_model(model, backend, device, precision, quiet=quiet)
    segmenter = load_segmenter(
        chosen, device, backend=runs, tile_px=tile, tta=tta, min_area_px=min_areas, precision=precision
    )
    run = None if is_bundle(model) else find_model_file(model).parent
    selection = select_samples(source, split, card=card, run=run, model_labels=segmenter.labels)
    if not quiet:
        click.echo(f"{split}: {len(selection.samples)} images; {selection.source}", err=True)
    measures = wanted.choose(selection.labels.classes, has_probabilities=True, quiet=quiet)
    regions = wanted.pair_regions({sample.name: sample.mask for sample in selection.samples if sample.mask is not None})
    with progress_bar("evaluating", quiet=quiet) as bar:
        return evaluate_model(
            segmenter,
            selection.samples,
            selection.labels,
            split=split,
            measures=measures,
            regions=regions,
            report=lambda done: bar(done, len(selection.samples)),
        )


def score_masks(
    predictions: Path,
    masks: Path | None,
    data: Path | None,
    split: str,
    wanted: Wanted,
    *,
    card: str | None,
    values: str,
    quiet: bool,
) -> "Evaluation":
    """Score masks of any tool; the arguments are the options of `segan evaluate`."""
    from segan.commands.progress import progress_bar
    from segan.data.source import Source
    from segan.errors import UsageError
    from segan.evaluation.evaluate import evaluate_predictions
    from segan.evaluation.pairing import (
        find_prediction_labels,
        find_probability_folder,
        list_probabilities,
        pair_masks,
    )
    from segan.evaluation.selection import select_masks, select_samples

    if (masks is None) == (data is None):
        seen = "neither" if masks is None else "both"
        raise UsageError(
            f"--masks and --data: seen {seen}, expected one of them beside --predictions. Add --masks DIR."
        )
    known = find_prediction_labels(predictions)
    if masks is not None:
        truths, labels = select_masks(masks, card=card, model_labels=known)
        split = ""
    else:
        assert data is not None
        selection = select_samples(Source.of_dataset(data), split, card=card, model_labels=known)
        truths = {sample.name: sample.mask for sample in selection.samples if sample.mask is not None}
        labels = selection.labels
    if not quiet:
        click.echo(f"{len(truths)} true masks; {labels.understood}", err=True)
    pairs = pair_masks(predictions, truths)
    place = find_probability_folder(predictions)
    measures = wanted.choose(labels.classes, has_probabilities=place is not None, quiet=quiet)
    needed = place if measures.needs_probabilities else None
    with progress_bar("evaluating", quiet=quiet) as bar:
        return evaluate_predictions(
            pairs,
            labels,
            model_labels=known,
            values=values,
            split=split,
            measures=measures,
            regions=wanted.pair_regions(truths),
            probabilities=None if needed is None else list_probabilities(needed, pairs),
            report=lambda done: bar(done, len(pairs)),
        )
