"""The generated pages are those of the code."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("generate_reference", ROOT / "docs" / "generate_reference.py")
assert SPEC is not None
assert SPEC.loader is not None
GENERATOR = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(GENERATOR)


@pytest.mark.parametrize("page", list(GENERATOR.PAGES))
def test_page_is_up_to_date(page: str) -> None:
    seen = (ROOT / page).read_text(encoding="utf-8")
    assert seen == GENERATOR.PAGES[page]().rstrip() + "\n", f"{page} is behind the code: run `make docs`"
