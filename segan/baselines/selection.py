"""Choose what a method is fitted on and what it is scored on, by the rules of training and evaluation."""

from dataclasses import dataclass
from pathlib import Path

from segan.data.dataset import Sample
from segan.data.labels import Labels
from segan.data.source import Source
from segan.errors import DataError, UsageError
from segan.evaluation.selection import read_split


@dataclass(frozen=True)
class Splits:
    """Samples to fit on and to score.

    Args:
        train: The training split.
        scored: Another split; each sample of both has a mask.
        labels: What the masks mean.
        source: How the splits came to be, for people.
    """

    train: tuple[Sample, ...]
    scored: tuple[Sample, ...]
    labels: Labels
    source: str


def select_splits(source: Source, split: str, *, card: str | None = None, run: Path | None = None) -> Splits:
    """Find the training split and the one that is scored.

    Both are those of `segan train` with the same data, card and no config; with a run, those of the run.

    Args:
        source: Where the data lie.
        split: `val`, `test`, or `train` for the score on the training images themselves.
        card: Name or path of a dataset card.
        run: Run folder, whose `split.json` is repeated; its `dataset.yaml` is the card where there is no other.

    Raises:
        UsageError: The run has no `split.json`.
        DataError: The dataset has problems, or a split has no samples.
    """
    source.validate()
    recorded = read_split(run)
    if run is not None and recorded is None:
        raise UsageError(f"--run {run}: no split.json seen, expected a run folder of segan train. Check the path.")
    if card is None and not source.is_described and run is not None and (run / "dataset.yaml").is_file():
        card = str(run / "dataset.yaml")
    dataset = source.scan(card, split=recorded)
    if dataset.problems:
        raise DataError(f"{source.shown}: the dataset has problems, expected none. Repair these:", dataset.problems)
    for name in ("train", split):
        if not dataset.samples[name]:
            known = ", ".join(f"{known} ({len(found)})" for known, found in dataset.samples.items() if found)
            raise DataError(
                f"split {name}: no images with masks in {source.shown}, seen {known}. "
                "Add a folder for it, or choose another --split."
            )
    return Splits(dataset.samples["train"], dataset.samples[split], dataset.labels, dataset.split_source)
