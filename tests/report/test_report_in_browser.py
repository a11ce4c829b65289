"""The page in a real browser: nothing fails, nothing is loaded, everything works by mouse and by keyboard."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_report import make_report

from segan.report.render import write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]
ROWS = 10_000


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A page of ten thousand images, with names that try to break it."""
    names = [f"folder/frame_{index}" for index in range(ROWS)]
    names[7] = "<img src=x onerror=alert(1)>" + "long" * 60
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_report(make_report(names), path)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with sync_api.sync_playwright() as playwright:
        # A container's root has no sandbox; the page is ours.
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=[1280, 400])
def page(request, browser, place) -> Iterator:
    yield from open_page(browser, place, width=request.param)


@pytest.fixture
def wide(browser, place) -> Iterator:
    yield from open_page(browser, place, width=1280)


def open_page(browser, place: Path, *, width: int, scheme: str = "light") -> Iterator:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on("request", lambda request: problems.append(request.url) if not is_local(request.url) else None)
    page.goto(place.as_uri())
    yield page
    page.close()
    assert problems == []


def is_local(url: str) -> bool:
    return url.startswith(("file:", "data:"))


def column(page, place: int) -> list[str]:
    return page.locator(f"#table tbody tr > :nth-child({place})").all_inner_texts()


def test_the_page_fits_its_window(page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_axe_finds_no_fault_that_matters(browser, place, width: int, scheme: str) -> None:
    for page in open_page(browser, place, width=width, scheme=scheme):
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        found = axe.Axe().run(page).response
        assert len(found["passes"]) > 20
        grave = [one for one in found["violations"] if one["impact"] in {"moderate", "serious", "critical"}]
        assert [(one["id"], one["nodes"][0]["html"], one["nodes"][0].get("failureSummary")) for one in grave] == []


def test_ten_thousand_rows_open_and_sort_at_once(wide) -> None:
    loaded = wide.evaluate("performance.timing.loadEventEnd - performance.timing.navigationStart")
    assert loaded < 5000
    assert "10,000 of 10,000 images" in wide.locator("#table-status").inner_text()
    values = [float(text) for text in column(wide, 2)]
    assert values == sorted(values)
    took = wide.evaluate(
        "() => { const start = performance.now(); document.querySelector('[data-key=accuracy] button').click();"
        " return performance.now() - start; }"
    )
    assert took < 2000
    assert wide.locator("[data-key=accuracy]").get_attribute("aria-sort") == "ascending"
    assert wide.locator("#table tbody tr").count() == 25


def test_sorting_by_name_counts_numbers_as_such(wide) -> None:
    wide.get_by_role("button", name="Image", exact=True).click()
    names = [name for name in column(wide, 1) if name.startswith("folder")]
    assert names[:3] == ["folder/frame_0", "folder/frame_1", "folder/frame_2"]
    assert "folder/frame_10" in names[:11]
    wide.get_by_role("button", name="Image", exact=True).click()
    assert column(wide, 1)[0] == f"folder/frame_{ROWS - 1}"


def test_the_table_works_by_keyboard(wide) -> None:
    wide.locator("#filter").focus()
    wide.keyboard.type("FRAME_999")
    assert wide.locator("#table-status").inner_text() == "11 of 10,000 images"
    wide.locator("[data-key=iou] button").focus()
    wide.keyboard.press("Enter")
    values = [float(text) for text in column(wide, 2)]
    assert values == sorted(values, reverse=True)
    assert wide.locator("[data-key=iou]").get_attribute("aria-sort") == "descending"
    wide.locator("#filter").fill("nothing has this name")
    assert column(wide, 1) == []
    assert wide.locator("#next").is_disabled()


def test_pages_turn(wide) -> None:
    first = column(wide, 1)
    wide.locator("#next").click()
    assert column(wide, 1) != first
    wide.locator("#last").click()
    assert wide.locator("#page").inner_text() == "page 400 of 400"
    wide.locator("#first").click()
    assert column(wide, 1) == first


def test_scores_of_one_class_are_chosen(wide) -> None:
    before = column(wide, 2)
    wide.locator("#by-class").select_option("2")
    values = [float(text) for text in column(wide, 2)]
    assert values == sorted(values)
    assert column(wide, 2) != before


def test_names_are_text(wide) -> None:
    wide.locator("#filter").fill("onerror")
    assert column(wide, 1)[0].startswith("<img src=x onerror=alert(1)>")
    assert wide.locator("#table img").count() == 0
    wide.locator("#table a").first.count()


def test_the_slider_works_by_keyboard_and_by_mouse(page) -> None:
    slider = page.locator(".cover").first
    stage = page.locator(".stage").first
    slider.focus()
    page.keyboard.press("End")
    assert stage.evaluate("node => node.style.getPropertyValue('--cover')") == "100%"
    assert slider.get_attribute("aria-valuetext") == "100 % covered by prediction"
    page.keyboard.press("ArrowLeft")
    assert slider.input_value() == "99"
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert abs(int(slider.input_value()) - 25) <= 1
    page.locator(".layer").first.select_option(label="Error")
    assert slider.get_attribute("aria-valuetext").endswith("covered by error")


def test_the_matrix_is_read_by_keyboard_and_by_mouse(wide) -> None:
    cells = wide.locator(".matrix td")
    cells.first.focus()
    assert "sky labelled as sky" in wide.locator("#matrix-readout").inner_text()
    wide.keyboard.press("ArrowRight")
    wide.keyboard.press("ArrowDown")
    assert "road labelled as road" in wide.locator("#matrix-readout").inner_text()
    wide.keyboard.press("End")
    assert "road labelled as <b>tree</b>" in wide.locator("#matrix-readout").inner_text()
    assert wide.locator(".matrix td[tabindex='0']").count() == 1
    cells.nth(3).hover()
    assert "road labelled as sky" in wide.locator("#matrix-readout").inner_text()


def test_a_shown_image_is_reached_from_the_table(wide) -> None:
    wide.locator("#filter").fill("frame_0")
    wide.locator("#table a").first.click()
    assert wide.evaluate("document.activeElement.id || location.hash.slice(1)") == "card-0"


def test_the_page_can_be_read_without_scripts(browser, place) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(place.as_uri())
    assert page.locator("#table tbody tr").count() == 25
    assert page.locator(".compare").first.is_hidden()
    assert page.locator(".panels img").first.is_visible()
    context.close()
