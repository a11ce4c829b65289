"""`segan data audit`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from segan.evaluation.leaks import LeakAudit

EPILOG = """\b
Examples:
  segan data audit --data my_data
  segan data audit camvid_cpu --data data/camvid --set loss.real_masks=smooth
  segan data audit runs/first --json
"""


@click.command(epilog=EPILOG)
@click.argument("subject", metavar="[CONFIG|RUN]", required=False)
@click.option("--data", type=click.Path(), help="Dataset folder: images/<split>/ and masks/<split>/, or flat.")
@click.option("--images", type=click.Path(), help="Folder of images, with --masks instead of --data.")
@click.option("--masks", type=click.Path(), help="Folder of masks, paired with the images by stem.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change any config key; repeatable.")
@click.option("--seed", type=int, help="Seed of crops, augmentation and stand-ins for predictions.")
@click.option(
    "--samples", type=click.IntRange(min=4), default=24, show_default=True, help="Training samples to look at."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N, for RUN.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Print the result only.")
def audit(
    subject: str | None,
    data: str | None,
    images: str | None,
    masks: str | None,
    overrides: tuple[str, ...],
    seed: int | None,
    samples: int,
    device: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Look for what tells real from fake masks without their shape.

    True and predicted masks go through loss.real_masks as in training, and a probe looks at their values, edges,
    borders, padding, unlabelled pixels and scale where both depict the same. CONFIG is a shipped name or a YAML file:
    stand-ins for predictions are made from the true masks. RUN is a run folder: its model predicts, on its own data
    unless others are named. Exit code 1 tells that something leaks.
    """
    from segan.config import load_config
    from segan.errors import SeganError, UsageError
    from segan.inference.load import load_segmenter
    from segan.training.audit import audit_masks, scan_for_audit
    from segan.training.run_folder import RunFolder

    if data and (images or masks):
        raise UsageError("--data and --images/--masks are both given: expected one of them. Leave the other out.")
    run = Path(subject) if subject is not None and RunFolder(Path(subject)).config.is_file() else None
    name = subject if run is None else str(RunFolder(run).config)
    config = load_config(name, overrides, extra=_keys(data, images, masks, seed))
    dataset = scan_for_audit(config, run)
    segmenter = None if run is None else load_segmenter(run, device)
    found = audit_masks(config, dataset, count=samples, segmenter=segmenter)
    if as_json:
        click.echo(json.dumps(found.to_json(), allow_nan=False))
    else:
        if not quiet:
            _print(found)
        click.echo(found.sentence())
    if found.leaks:
        groups = ", ".join(finding.group for finding in found.leaks)
        cures = "; ".join(dict.fromkeys(finding.cure for finding in found.leaks))
        raise SeganError(
            f"loss.real_masks={found.treatment}: leaks seen in {groups}, expected none: without their shape these tell "
            f"real from fake masks. To cure it {cures}."
        )


def _keys(data: str | None, images: str | None, masks: str | None, seed: int | None) -> dict[str, Any]:
    """Collect the config keys that other options set."""
    given: dict[str, Any] = {"data.root": data, "data.images": images, "data.masks": masks, "seed": seed}
    keys = {key: value for key, value in given.items() if value is not None}
    if images or masks:
        keys["data.root"] = None  # They win over a folder that the config names.
    elif data:
        keys |= {"data.images": None, "data.masks": None}
    return keys


def _print(found: "LeakAudit") -> None:
    from rich.console import Console
    from rich.table import Table

    from segan.evaluation.leak_pixels import GROUPS

    table = Table("group", "what is looked at")
    for heading in ("samples", "AUROC", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for finding in found.findings:
        (low, high), seen = finding.interval, finding.verdict != "absent"
        figures = (f"{finding.auroc:.3f}", f"{low:.2f} to {high:.2f}") if seen else ("-", "-")
        about = GROUPS[finding.group].about
        table.add_row(finding.group, about, str(finding.samples), *figures, finding.verdict)
    Console(highlight=False).print(table)
    for finding in found.leaks:
        click.echo(finding.sentence())
