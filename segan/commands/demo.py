"""`segan demo`."""

from pathlib import Path

import click

EPILOG = """\b
Examples:
  segan demo
  segan demo --out runs/demo --seed 1
"""

# Images drawn for each split.
IMAGES = {"train": 140, "val": 16, "test": 40, "unlabeled": 8}


@click.command(epilog=EPILOG)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Folder to write."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the drawing and of the training."
)
@click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Change any key of the config; repeatable."
)
@click.option("--resume", is_flag=True, help="Go on where the demo in --out was stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Show warnings and the result only.")
def demo(out: Path, seed: int, overrides: tuple[str, ...], resume: bool, as_json: bool, quiet: bool) -> None:
    """Draw a small labelled dataset, train adversarially, evaluate, predict and report on its test split.

    Needs neither data nor a network; takes about three minutes on two cores.
    """
    import json
    import shlex
    import time

    from segan.commands.progress import progress_bar
    from segan.config import load_config
    from segan.data.drawing import draw_dataset
    from segan.errors import UsageError
    from segan.evaluation.evaluate import evaluate_model, write_evaluation
    from segan.evaluation.tables import print_evaluation
    from segan.inference.folder import predict_folder
    from segan.inference.load import load_segmenter
    from segan.report.compose import report_run
    from segan.report.facts import repeat_commands
    from segan.report.record import find_source, read_run
    from segan.report.render import write_report
    from segan.training.display import Display
    from segan.training.fit import fit
    from segan.training.setup import set_up

    start = time.monotonic()
    data, run = out / "data", out / "run"
    if out.exists() and any(out.iterdir()) and not resume:
        raise UsageError(
            f"--out {out}: is not empty. Choose another folder, or add --resume to go on with the demo in it."
        )
    display = Display(quiet=quiet)
    if not (data / "dataset.yaml").exists():
        display.line(f"drawing {sum(IMAGES.values())} images into {data}")
        draw_dataset(
            data,
            train=IMAGES["train"],
            val=IMAGES["val"],
            test=IMAGES["test"],
            unlabeled=IMAGES["unlabeled"],
            seed=seed,
        )
    config = load_config("demo", overrides, extra={"data.root": str(data), "seed": seed})
    again = shlex.join(["segan", "demo", "--resume", "--out", str(out), "--seed", str(seed)])
    again += "".join(f" --set {shlex.quote(override)}" for override in overrides)
    setting, state = set_up(config, run, resume=resume, device="auto", display=display, resume_command=again)
    fit(setting, state)
    segmenter = load_segmenter(run, "auto")
    evaluation = evaluate_model(segmenter, setting.dataset.samples["test"], setting.dataset.labels, split="test")
    write_evaluation(evaluation, out / "evaluation")
    predictions = out / "predictions"
    with progress_bar("predicting", quiet=quiet) as bar:
        images = [data / "images" / "test"]
        predict_folder(segmenter, images, predictions, overlay=True, report=lambda done, total, row: bar(done, total))
    record = read_run(run)
    page = report_run(record, find_source(record), split="test", commands=repeat_commands(run, {}))
    write_report(page, run / "report.html")
    minutes = (time.monotonic() - start) / 60
    if as_json:
        click.echo(json.dumps({"out": str(out), "mean_iou": evaluation.mean_iou, "minutes": round(minutes, 2)}))
        return
    if not quiet:
        print_evaluation(evaluation)
    click.echo(f"test mean IoU {evaluation.mean_iou:.4f} after {minutes:.1f} minutes")
    if not quiet:
        click.echo(f"model: {run / 'model.safetensors'}")
        click.echo(f"report: {run / 'report.html'}")
        click.echo(f"scores: {out / 'evaluation' / 'metrics.json'}")
        click.echo(f"masks and overlays: {predictions}")
        click.echo("next: segan train --images YOUR_IMAGES --masks YOUR_MASKS --out runs/first")
