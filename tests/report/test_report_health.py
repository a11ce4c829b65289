"""What the watch over an adversarial run did is on the page."""

from toy_report import make_report

from segan.report.health import list_health
from segan.report.render import render_report


def test_only_health_lines_are_listed() -> None:
    lines = [
        {"kind": "step", "step": 5, "pixel": 1.0},
        {"kind": "health", "step": 10, "finding": "the discriminator wins", "done": "it rests"},
        {"kind": "validation", "step": 10, "mean_iou": 0.5},
    ]
    assert list_health(lines) == ("step 10: the discriminator wins; it rests",)
    assert list_health(lines[:1]) == ()


def test_the_page_shows_them_escaped() -> None:
    page = render_report(make_report(["a", "b"]))
    assert "<li>step 50: it &lt;wins&gt;; it rests</li>" in page
