"""Divide labelled samples into train, val and test, the same way on every machine."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from segan.data.folders import Sample
from segan.data.label_files import SplitRule
from segan.errors import DataError

SPLITS = ("train", "val", "test", "unlabeled")
Split = dict[str, tuple[Sample, ...]]


def divide(pool: Mapping[str, Sequence[Sample]], rule: SplitRule) -> tuple[Split, str]:
    """Make the splits: folders as they are, and what is missing taken from `train`.

    Without folders for val and test, both come from train. With test alone, val comes from train. With val alone,
    there is no test split.

    Args:
        pool: Samples by folder; a flat dataset is all `train`.
        rule: Shares of train and the seed.

    Returns:
        All four splits, each sorted by name, and how they came to be.

    Raises:
        DataError: There are too few samples for the shares.
    """
    given = [name for name in SPLITS if name in pool]
    splits: Split = {name: tuple(pool.get(name, ())) for name in SPLITS}
    folders = f"folders {', '.join(given)}"
    if "val" in given or "train" not in given:
        return splits, folders if "test" in given else f"{folders}; there is no test split"
    shares = {"val": rule.val} if "test" in given else {"test": rule.test, "val": rule.val}
    taken = take(splits["train"], shares, rule.seed)
    splits |= taken
    counts = ", ".join(f"{len(taken[name])} {name}" for name in SPLITS if name in taken)
    start = f"{folders}; " if "test" in given else ""
    return splits, f"{start}train divided by seed {rule.seed} into {counts}"


def take(samples: Sequence[Sample], shares: Mapping[str, float], seed: int) -> Split:
    """Take shares of samples by the hash of seed and name: the same on every file system and Python.

    Args:
        samples: In any order.
        shares: Share of each split to be taken; above 0 means at least one sample.
        seed: Of the division.

    Returns:
        The taken splits and the rest as `train`, each sorted by name.

    Raises:
        DataError: Nothing would be left to train on.
    """
    counts = {name: max(1, int(len(samples) * share + 0.5)) if share > 0 else 0 for name, share in shares.items()}
    if sum(counts.values()) >= max(1, len(samples)):
        wanted = " and ".join(f"{share:g} of them for {name}" for name, share in shares.items())
        needed = sum(share > 0 for share in shares.values()) + 1
        advice = "Add images, or lower data.split.val and data.split.test."
        raise DataError(
            f"split: {len(samples)} labelled images seen, expected at least {needed} to take {wanted}. {advice}"
        )
    ranked = sorted(samples, key=lambda sample: _rank(sample.name, seed))
    taken: Split = {}
    start = 0
    for name, count in counts.items():
        taken[name] = _by_name(ranked[start : start + count])
        start += count
    taken["train"] = _by_name(ranked[start:])
    return taken


def replay(pool: Mapping[str, Sequence[Sample]], split: Mapping[str, Any]) -> Split:
    """Repeat a recorded split exactly.

    Args:
        pool: Samples by folder.
        split: As `Dataset.split_json` gives it, or names by split alone.

    Raises:
        DataError: A split has an unknown name, or a recorded sample is not there any more.
    """
    recorded: Mapping[str, Sequence[str]] = split.get("splits", split)
    unknown = [name for name in recorded if name not in SPLITS]
    if unknown:
        raise DataError(f"split.json: split {unknown[0]} seen, expected {', '.join(SPLITS)}. Restore the file.")
    by_folder = {folder: {sample.name: sample for sample in samples} for folder, samples in pool.items()}
    splits: Split = {}
    problems = []
    for name in SPLITS:
        # A sample lies in the folder of its split, or was taken from train.
        known = by_folder.get("train", {}) | by_folder.get(name, {})
        wanted = recorded.get(name, ())
        problems += [f"{name}: {sample} is missing or has no mask" for sample in wanted if sample not in known]
        splits[name] = tuple(known[sample] for sample in wanted if sample in known)
    if problems:
        raise DataError("split.json: samples seen in it, expected in the dataset too. Restore these files:", problems)
    return splits


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogateescape")).digest()


def _by_name(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    return tuple(sorted(samples, key=lambda sample: sample.name))
