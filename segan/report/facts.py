"""Say in words what a run was: its model, its training, its data, its machine, its config."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import yaml

from segan.report.curves import adversarial_from, best_validation
from segan.report.record import RunRecord
from segan.report.text import show_minutes, show_number, show_score

Pairs = tuple[tuple[str, str], ...]


def list_facts(record: RunRecord) -> Pairs:
    """Tell what was trained on what."""
    data = record.section("data")
    place = data.get("root") or data.get("images") or "not recorded"
    facts = [
        ("Generator", _describe_generator(record)),
        ("Training", _describe_training(record)),
        ("Length", _describe_length(record)),
        ("Data", str(place)),
        ("Splits", ", ".join(f"{name} {len(names):,}" for name, names in record.splits.items() if names)),
        ("Split by", record.split_source),
        ("Chosen by", _describe_choice(record)),
        ("Config", f"SHA-256 {record.digest[:16]}"),
    ]
    return tuple((name, text) for name, text in facts if text)


def list_environment(record: RunRecord) -> Pairs:
    """Tell the machine and the versions of the last part of the run."""
    if not record.environment:
        return ()
    last = record.environment[-1]
    packages = last.get("packages", {})
    plain = {name: value for name, value in last.items() if name not in {"packages", "command"}}
    rows = [(name.replace("_", " "), _show_value(value)) for name, value in plain.items()]
    parts = [("parts of the run", str(len(record.environment)))] if len(record.environment) > 1 else []
    return (*rows, *parts, *((str(name), str(version)) for name, version in packages.items()))


def list_config(tree: Mapping[str, Any]) -> Pairs:
    """Flatten a config to dotted keys and values.

    >>> list_config({"seed": 0, "data": {"root": None}, "preprocessing": [{"name": "normalize"}]})
    (('seed', '0'), ('data.root', 'null'), ('preprocessing', '[{name: normalize}]'))
    """
    return tuple(_walk(tree, ""))


def training_command(record: RunRecord) -> str:
    """Give the command that started the run, as it was typed; empty where it is not known."""
    words = record.environment[0].get("command", []) if record.environment else []
    if not words:
        return ""
    program, *rest = map(str, words)
    name = PurePath(program).name
    start = ["python", "-m", "segan"] if name == "__main__.py" else [name]
    return shlex.join([*start, *rest])


def repeat_commands(run: Path, options: Mapping[str, object]) -> Pairs:
    """Write the commands that train the same again and that make the report again.

    Args:
        run: The run folder as it was named.
        options: Of `segan report`; those that are `None` are left out.

    >>> repeat_commands(Path("runs/a b"), {"--split": "val", "--data": None})[1]
    ('Report again', "segan report 'runs/a b' --split val")
    """
    words = [str(word) for name, value in options.items() if value is not None for word in (name, value)]
    train = ["segan", "train", str(run / "config.yaml"), "--out", "runs/again"]
    return ("Train again", shlex.join(train)), ("Report again", shlex.join(["segan", "report", str(run), *words]))


def _describe_generator(record: RunRecord) -> str:
    generator = record.section("generator")
    weights = generator.get("weights")
    start = {"none": ", from scratch", "imagenet": ", from ImageNet weights"}.get(str(weights), "")
    return f"{generator.get('architecture', 'unknown')} with {generator.get('encoder', 'unknown')}{start}"


def _describe_training(record: RunRecord) -> str:
    loss = record.section("loss")
    weight, matching = loss.get("adversarial_weight", 0), loss.get("feature_matching_weight", 0)
    if not weight and not matching:
        return "pixel losses only"
    joined = adversarial_from(record.lines)
    start = "" if joined is None else f", from step {joined:,} on"
    if not weight:
        return f"feature matching of weight {show_number(float(matching))}{start}"
    return f"adversarial: {loss.get('adversarial', 'unknown')} loss of weight {show_number(float(weight))}{start}"


def _describe_length(record: RunRecord) -> str:
    steps = [line for line in record.lines if line.get("kind") == "step"]
    if not steps:
        return ""
    last = steps[-1]
    batch = record.section("training").get("batch_size", "unknown")
    seconds = last.get("elapsed_s")
    time = f", {show_minutes(float(seconds))}" if isinstance(seconds, int | float) else ""
    return f"{last['step']:,} steps of {batch} images{time}, seed {record.config.get('seed', 'unknown')}"


def _describe_choice(record: RunRecord) -> str:
    best = best_validation(record.lines)
    if best is None:
        return "no validation split: the average at the end"
    return f"validation mean IoU {show_score(best[1])} at step {best[0]:,}"


def _walk(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _walk(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _show_value(value)


def _show_value(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...").strip("'")
