"""Show how good a discriminator is."""

import math
import sys
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segan.evaluation.discriminator_quality import DiscriminatorQuality, Figure

_SHOWN_IMAGES = 5


def print_quality(quality: DiscriminatorQuality, stream: TextIO | None = None) -> None:
    """Print the figures, those of each class, and the images it is most wrong about.

    Args:
        quality: What to show.
        stream: Where to; `None`: standard output.
    """
    console = Console(file=stream or sys.stdout, highlight=False)
    console.print(class_table(quality))
    console.print("most wrong about (mean logit with the true mask minus with the prediction):")
    for row in quality.ranked_images[:_SHOWN_IMAGES]:
        # A name is no markup.
        console.print(Text(f"  {row['margin']:+.3f}  {row['name']}"))


def class_table(quality: DiscriminatorQuality) -> Table:
    """Build a table with a row for each class and one for all patches."""
    about = f"{quality.images} images, {quality.patches} patches, each judged twice"
    table = Table(title=Text(about), title_justify="left", show_footer=True)
    whole = quality.figures
    table.add_column("patches of", "all", overflow="fold")
    table.add_column("share %", "100.00", justify="right")
    for heading, name in (("accuracy", "accuracy"), ("real", "accuracy_real"), ("fake", "accuracy_fake")):
        table.add_column(heading, _write(whole[name]), justify="right", no_wrap=True)
    table.add_column("preferred", _write(whole["preferred"]), justify="right", no_wrap=True)
    table.add_column("AUROC", _write(whole["auroc_patch"]), justify="right", no_wrap=True)
    for name, figures in quality.per_class.items():
        cells = (figures[key] for key in ("accuracy", "accuracy_real", "accuracy_fake", "preferred", "auroc"))
        share = "-" if math.isnan(figures["share"].value) else f"{100 * figures['share'].value:.2f}"
        table.add_row(Text(name), share, *(_write(figure) for figure in cells))
    return table


def _write(figure: Figure) -> str:
    return "-" if math.isnan(figure.value) else f"{figure.value:.3f}"
