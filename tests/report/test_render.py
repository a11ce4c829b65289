import json
import re
from html.parser import HTMLParser

import pytest
from toy_report import make_report

from segan.report.model import Report
from segan.report.render import content_policy, dump_table, render_report, shade, write_report

ODD = ["<script>alert(1)</script>", "a\"b'c&amp;", "line\nbreak", "not utf-8 \udce9", "\u202eturned", "</script><!--"]
VOID = {"meta", "link", "img", "input", "br", "hr"}


class Page(HTMLParser):
    """Reads a page, checks that elements close in order, and keeps what tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def report() -> Report:
    return make_report(ODD)


@pytest.fixture(scope="module")
def page(report: Report) -> Page:
    return Page(render_report(report))


def test_text_of_users_is_escaped(page: Page) -> None:
    assert len(page.scripts) == 2
    assert not any("alert" in script for script in page.scripts if not script.startswith("{"))
    names = json.loads(page.scripts[0])["names"]
    escaped = ["line\\nbreak", "not utf-8 \\udce9", "\\u202eturned"]
    assert names == [*ODD[:2], *escaped, ODD[5]]
    assert "<script>alert('run')</script>" in page.text
    assert "</script><script>alert(1)</script>" in page.text
    assert "<b>tree</b>" in page.text
    assert "<i>odd</i>" in page.text
    assert not page.all("b")
    assert not page.all("i")


def test_nothing_is_loaded(page: Page) -> None:
    for _, attributes in page.tags:
        for name in ("src", "href", "action", "data", "srcset", "xlink:href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:image/")), f"{name}={value}"
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    assert not page.all("link")
    assert not page.all("iframe")


def test_style_and_script_are_allowed_by_their_hashes_alone(report: Report) -> None:
    text = render_report(report)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert style
    assert script
    policy = content_policy(style[1], script[1])
    assert policy in text.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_the_page_is_built_for_all_readers(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("h1", "main", "nav", "header")] == [1, 1, 1, 3]
    assert all("alt" in image for image in page.all("img"))
    assert all(head.get("scope") in {"row", "col"} for head in page.all("th"))
    for picture in page.all("svg"):
        assert picture.get("aria-hidden") == "true" or (picture["role"] == "img" and picture["aria-label"])
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)
        assert (attributes.get("href") or "#").removeprefix("#") in {*ids, ""}


def test_figures_stand_with_their_intervals(page: Page, report: Report) -> None:
    figure = report.headline[0]
    assert f"{figure.value:.3f}" in page.text
    assert f"{figure.ends[0]:.3f} to {figure.ends[1]:.3f} (95 %)" in page.text
    assert "On true masks" in page.text
    assert "4 images of the test split; patches weigh alike." in page.text


def test_data_of_the_table_are_those_of_the_report(report: Report) -> None:
    tree = json.loads(dump_table(report))
    assert tree["iou"] == [round(10_000 * value) for value in report.table.iou]
    assert tree["cards"] == {"0": 0, "1": 1}
    assert len(tree["byClass"]) == 3
    assert "<" not in dump_table(report)


def test_shades_grow_with_the_share() -> None:
    steps = [shade(share / 100) for share in range(101)]
    assert steps == sorted(steps)
    assert (steps[0], steps[1], steps[100]) == (0, 1, 10)


def test_the_page_is_written_whole_and_again_alike(report: Report, tmp_path) -> None:
    write_report(report, tmp_path / "a.html")
    write_report(make_report(ODD), tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert (tmp_path / "a.html").read_bytes().decode("utf-8").endswith("</html>")


def test_ten_thousand_images_make_a_page_of_a_megabyte() -> None:
    text = render_report(make_report([f"folder/frame_{index:05d}" for index in range(10_000)]))
    assert len(text) < 1_500_000
    # Only the first page of rows is written out.
    assert text.count("<bdi>folder/frame_") < 60
