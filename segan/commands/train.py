"""`segan train`."""

import json
from pathlib import Path
from typing import Any

import click

EPILOG = """\b
Examples:
  segan train camvid_cpu --data data/camvid --out runs/camvid
  segan train --images photos --masks labels --out runs/first --set training.epochs=50
"""


@click.command(epilog=EPILOG)
@click.argument("config", required=False)
@click.option("--data", type=click.Path(), help="Dataset folder: images/<split>/ and masks/<split>/, or flat.")
@click.option("--images", type=click.Path(), help="Folder of images, with --masks instead of --data.")
@click.option("--masks", type=click.Path(), help="Folder of masks, paired with the images by stem.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Run folder to write.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change any config key; repeatable.")
@click.option("--seed", type=int, help="Seed of weights, data order and augmentation.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--max-minutes", type=float, help="Time budget; the steps are cut to fit before the start.")
@click.option("--resume", is_flag=True, help="Go on exactly where the run in --out stands.")
@click.option("--dry-run", is_flag=True, help="Check config and data, estimate the time, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Show warnings and the result only.")
def train(
    config: str | None,
    data: str | None,
    images: str | None,
    masks: str | None,
    out: Path,
    overrides: tuple[str, ...],
    seed: int | None,
    device: str,
    max_minutes: float | None,
    resume: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train a segmentation model on a labelled dataset.

    CONFIG is a shipped name (demo, camvid, camvid_cpu, membrane, ...) or a YAML file; without it, sound defaults. The
    networks train against each other beside a pixel loss; loss.adversarial_weight=0 leaves the pixel loss alone.
    """
    from segan.config import load_config
    from segan.errors import UsageError
    from segan.training.display import Display
    from segan.training.fit import fit
    from segan.training.run_folder import RunFolder
    from segan.training.setup import set_up

    if data and (images or masks):
        raise UsageError("--data and --images/--masks are both given: expected one of them. Leave the other out.")
    given: dict[str, Any] = {
        "data.root": data,
        "data.images": images,
        "data.masks": masks,
        "seed": seed,
        "training.max_minutes": max_minutes,
    }
    extra = {key: value for key, value in given.items() if value is not None}
    if images or masks:
        extra["data.root"] = None  # They win over a folder that the config names.
    display = Display(quiet=quiet)
    before = RunFolder(out).config
    name = str(before) if resume and config is None and before.exists() else config
    resolved = load_config(name, overrides, extra=extra)
    setting, state = set_up(resolved, out, resume=resume, device=device, display=display, dry_run=dry_run)
    if dry_run:
        display.line("dry run: nothing was written")
        return
    result = fit(setting, state)
    facts = {
        "out": str(out),
        "step": result.step,
        "best_step": result.best_step,
        "validation_mean_iou": result.best_score,
        "minutes": round(result.elapsed_s / 60, 2),
        "ended": result.ended,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    score = "no validation split" if result.best_score is None else f"validation mean IoU {result.best_score:.4f}"
    length = f"{result.ended} after {result.step} steps, {facts['minutes']} minutes"
    click.echo(f"{out}: {length}; {score} (step {result.best_step})")
    if not quiet:
        named = resolved.data
        source = f"--data {named.root}" if named.root else f"--images {named.images} --masks {named.masks}"
        click.echo(f"next: segan evaluate {out} {source}")
