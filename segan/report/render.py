"""Turn a report into one page that needs nothing else: no network, no other file."""

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from segan import __version__
from segan.files import write_bytes_atomically
from segan.report import charts, text
from segan.report.model import Report
from segan.report.pictures import scale_stops
from segan.report.svg import element

MOST_MATRIX_CLASSES = 40  # A larger table has no room on a page; the largest errors are listed in any case.
_UNITS = 10_000  # Scores in the data of the page are whole numbers of this part: short, and exact enough to sort.


def write_report(report: Report, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_bytes_atomically(path, render_report(report).encode("utf-8"))


def render_report(report: Report) -> str:
    """Render the page as HTML.

    All text of users is escaped by the template; style and script are allowed by their hashes alone, and nothing may
    be loaded.
    """
    templates = Environment(
        loader=PackageLoader("segan.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    templates.filters.update(
        printable=text.printable,
        score=text.show_score,
        interval=text.show_interval,
        share=text.show_share,
        count=text.show_count,
        sentence=text.to_sentence,
    )
    templates.globals.update(charts=charts, swatch=swatch, scale_stops=scale_stops, isnan=math.isnan, shade=shade)
    style, script = _read("report.css"), _read("report.js")
    return templates.get_template("report.html.j2").render(
        report=report,
        version=__version__,
        style=Markup(style),
        script=Markup(script),
        policy=content_policy(style, script),
        table_data=Markup(dump_table(report)),
        card_names={"worst": "Lowest scores", "median": "Around the median", "best": "Highest scores"},
        has_matrix=len(report.classes) <= MOST_MATRIX_CLASSES,
        most_matrix_classes=MOST_MATRIX_CLASSES,
        largest_share=max((share for split in report.splits for share in split.shares), default=0.0),
    )


def content_policy(style: str, script: str) -> str:
    """Write the security policy of the page: its own style and script, pictures inside it, and nothing else."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def dump_table(report: Report) -> str:
    """Write the scores of all images as JSON that may stand inside a script element.

    Scores are whole ten-thousandths, -1 where there is none.
    """
    table = report.table
    tree = {
        "names": [text.printable(name) for name in table.names],
        "iou": _to_units(table.iou),
        "accuracy": _to_units(table.accuracy),
        "uncertainty": _to_units(table.uncertainty),
        "classes": [text.printable(row.name) for row in report.classes] if table.by_class else [],
        "byClass": [_to_units(column) for column in table.by_class],
        "cards": {str(card.row): place for place, card in enumerate(report.cards)},
    }
    # In a script element `</script` and `<!--` would end or open something.
    return json.dumps(tree, separators=(",", ":")).replace("<", "\\u003c")


def swatch(color: str) -> Markup:
    """Draw a square in the colour of a class, with an edge that shows on any ground."""
    square = element("rect", x=1, y=1, width=10, height=10, rx=2, fill=color, class_="edge")
    return element("svg", square, viewBox="0 0 12 12", class_="swatch", aria_hidden="true")


def shade(share: float) -> int:
    """Give the step of the shade of a cell, 0 to 10; a tenth shows already at 2 %, where errors are.

    >>> shade(0.0), shade(0.02), shade(0.25), shade(1.0)
    (0, 1, 5, 10)
    """
    return round(10 * math.sqrt(share))


def _to_units(values: Sequence[float]) -> list[int]:
    return [-1 if math.isnan(value) else round(value * _UNITS) for value in values]


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode("utf-8")).digest()).decode("ascii")


def _read(name: str) -> str:
    return resources.files("segan.report").joinpath("templates", name).read_text(encoding="utf-8")
