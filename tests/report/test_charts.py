import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from segan.report import charts
from segan.report.model import Curve, Figure, Reliability, Series
from segan.report.svg import element, linear_scale, nice_ticks

CURVE = Curve(
    "Losses <1>",
    "Lower.",
    (Series("a & b", ((10.0, 3.0), (20.0, 1.0))), Series("c", ((10.0, 0.5),))),
    marks=((15.0, "x"),),
)


def read(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(markup))


def find(markup: str, tag: str, name: str = "") -> list[ElementTree.Element]:
    return [one for one in read(markup).iter(tag) if name in (one.get("class") or "")]


def test_elements_escape_text_and_values() -> None:
    node = read(element("text", "<&>", element("tspan", "b"), class_='"x"', stroke_width=1.23456))
    assert (node.text, node[0].text) == ("<&>", "b")
    assert (node.get("class"), node.get("stroke-width")) == ('"x"', "1.23")


def test_lines_lie_where_their_values_are() -> None:
    drawn = find(charts.line_chart(CURVE), "path", "line s0")[0].get("d")
    # The first point is the highest value, at the upper left corner of the field; 1 of 3 lies a third up.
    assert drawn == "M46 12L326 120"
    assert len(find(charts.line_chart(CURVE), "circle", "s1")) == 1
    (mark,) = find(charts.line_chart(CURVE), "line", "mark")
    assert mark.get("x1") == "186"


def test_a_chart_is_told_in_words() -> None:
    label = read(charts.line_chart(CURVE)).get("aria-label")
    assert label == "Losses <1>. a & b: 3 at step 10, 1 at step 20; c: 0.5 at step 10, 0.5 at step 10"


def test_a_single_point_and_equal_values_are_drawn() -> None:
    for points in (((5.0, 0.0),), ((5.0, 2.0), (6.0, 2.0)), ((1.0, -3.0), (2.0, -1.0))):
        text = str(charts.line_chart(Curve("t", "", (Series("s", points),))))
        assert "nan" not in text
        assert "inf" not in text


def test_level_is_named() -> None:
    curve = Curve("t", "", CURVE.series, (0.0, 4.0), (2.0, "chance"))
    assert "chance" in [text.text for text in read(charts.line_chart(curve)).iter("text")]


def test_bar_and_whisker_have_the_length_of_their_values() -> None:
    bar = charts.interval_bar(Figure("iou", 0.5, (0.25, 0.75)))
    assert find(bar, "rect", "bar")[0].get("width") == "100"
    assert find(bar, "path", "whisker")[0].get("d").startswith("M50.00 10L150.00 10")
    nothing = charts.interval_bar(Figure("iou", math.nan, (math.nan, math.nan)))
    assert not find(nothing, "path")
    assert not [one for one in find(nothing, "rect") if one.get("class") == "bar"]


def test_share_is_drawn_to_the_largest() -> None:
    assert find(charts.share_bar(0.2, 0.4, "#ff0000"), "rect")[0].get("width") == "50"
    assert find(charts.share_bar(0.0, 0.0, "#ff0000"), "rect")[0].get("width") == "0"


def test_reliability_of_a_calibrated_bin_lies_on_the_diagonal() -> None:
    bins = Reliability((0.0, 0.25, 0.75), (math.nan, 0.5, 1.0), (math.nan, 0.5, 0.9), ())
    chart = charts.reliability_chart(bins)
    gaps = find(chart, "line", "gap")
    assert gaps[0].get("y1") == gaps[0].get("y2")
    assert float(gaps[1].get("y1")) > float(gaps[1].get("y2"))
    assert read(chart).get("aria-label") == (
        "Accuracy by confidence. confidence 0.50: accuracy 0.50; confidence 0.90: accuracy 1.00"
    )
    empty = charts.reliability_chart(Reliability((0.0,), (math.nan,), (math.nan,), ()))
    assert "nan" not in str(empty)


def test_histogram_counts_all_images() -> None:
    values = [0.0, 0.02, 0.52, 1.0, math.nan]
    tall = [float(bar.get("height")) for bar in find(charts.histogram(values, "IoU"), "rect", "bar")]
    assert np.flatnonzero(tall).tolist() == [0, 10, 19]
    assert tall[0] == pytest.approx(2 * tall[10], abs=0.02)
    assert "lowest 0.000, median 0.270, highest 1.000" in str(charts.histogram(values, "IoU"))
    assert "no image has a score" in str(charts.histogram([math.nan], "IoU"))


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 1e-6), (-5.0, 5.0), (10.0, 1781.0), (3.0, 3.0)])
def test_ticks_lie_inside(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert 1 <= len(ticks) <= 7
    assert all(low - 1e-12 <= tick <= high + 1e-12 for tick in ticks)


def test_a_scale_without_a_range_is_the_middle() -> None:
    assert linear_scale(2.0, 2.0, 0.0, 10.0)(2.0) == 5.0
