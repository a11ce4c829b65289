"""`segan compare`."""

from pathlib import Path

import click

EPILOG = """\b
Examples:
  segan compare scores/pixel scores/adversarial
  segan compare runs/a/test/metrics.json runs/b/test/metrics.json --resamples 100000 --json
"""


@click.command(epilog=EPILOG)
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--resamples",
    type=click.IntRange(min=100),
    default=10_000,
    show_default=True,
    help="Draws of images for the intervals, and exchanges for the test.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draws and exchanges.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.option("--quiet", is_flag=True, help="Show errors and the verdict only.")
def compare(a: Path, b: Path, resamples: int, seed: int, as_json: bool, quiet: bool) -> None:
    """Compare two evaluations of the same images: is B better than A, or may chance explain the difference?

    A and B are folders that segan evaluate --out wrote, or the metrics.json in them. Images are paired by name; the
    interval comes from drawing images again, p from exchanging A and B image by image. Both speak of other images, not
    of other training runs.
    """
    import json

    from segan.evaluation.comparison import compare_evaluations
    from segan.evaluation.result import read_evaluation
    from segan.evaluation.tables import print_comparison

    first, second = read_evaluation(a), read_evaluation(b)
    comparison = compare_evaluations(first, second, name_a=str(a), name_b=str(b), resamples=resamples, seed=seed)
    if as_json:
        click.echo(json.dumps({**comparison.to_json(), "resamples": resamples, "seed": seed}, allow_nan=False))
        return
    if not quiet:
        print_comparison(comparison)
        click.echo(f"A: {a}\nB: {b}")
    click.echo(comparison.sentence())
    if not quiet:
        click.echo(f"next: {_advise(comparison.verdict, b)}")


def _advise(verdict: str, b: Path) -> str:
    """Tell what to do after the verdict."""
    if verdict in {"better", "worse"}:
        return "train both settings with other --seed values and compare again; runs of one setting differ too"
    folder = b if b.is_dir() else b.parent
    return f"evaluate both on more images, or look at those of the lowest mean_iou in {folder / 'per_image.csv'}"
