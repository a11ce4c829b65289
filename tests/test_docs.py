"""What the pages say is true of the code: links lead somewhere, commands parse, keys and steps exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from segan.cli import segan
from segan.config import Config, load_config, parse_config
from segan.data.label_files import load_card
from segan.data.steps import STEPS, parse_steps
from segan.experiments.benchmark_file import BenchmarkFile
from segan.experiments.cells import plan_cells
from segan.resources import benchmark_names, config_names

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "datasets" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Pages that a person wrote for users; the names of sections and steps there are those of the config.
GUIDES = [ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "howto").glob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SECTIONS = [name for name, field in Config.model_fields.items() if hasattr(field.annotation, "model_fields")]
# `discriminator.safetensors` and `discriminator.json` are files.
KEY = re.compile(rf"(?:`|--set\s'?)((?:{'|'.join(SECTIONS)})(?:\.(?!safetensors|json)[a-z_0-9]+)+)[`=]")


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _blocks(page: Path) -> list[tuple[str, str]]:
    """List the fenced blocks: language and text."""
    return FENCE.findall(_read(page))


def _commands(page: Path) -> Iterator[str]:
    """Give the lines that call segan inside fenced blocks, joined where they go on; output and usage are no calls."""
    for _, text in _blocks(page):
        for line in text.replace("\\\n", " ").splitlines():
            call = line.strip().removeprefix("$ ")
            if call.startswith("segan "):
                yield call


def _anchors(page: Path) -> set[str]:
    """Collect the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", _read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _find(call: str) -> tuple[click.Command, list[str]]:
    """Find the command that a call names, and the words after it."""
    words = re.split(r"\s[>|]\s", call)[0]
    arguments = shlex.split(words, comments=True)[1:]
    command: click.Command | None = segan
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        name, *arguments = arguments
        command = command.get_command(click.Context(command), name)
        assert command is not None, f"{call}: there is no command {name}"
    assert command is not None
    return command, arguments


def _parse(call: str) -> dict[str, Any]:
    """Let click read a call, with all its checks and without running it; return the parameters."""
    command, arguments = _find(call)
    try:
        return command.make_context(
            command.name, arguments, parent=click.Context(segan, **segan.context_settings)
        ).params
    except click.exceptions.Exit:  # --help and --version are done while the call is read.
        return {}
    except click.ClickException as error:
        pytest.fail(f"{call}: {error.format_message()}")


CALLS = sorted({(_name(page), call) for page in PAGES for call in _commands(page)})


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", _read(page))):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        there = page.parent / place if place else page
        assert there.exists(), f"{_name(page)}: link to {target}"
        if anchor and there.suffix == ".md":
            assert anchor in _anchors(there), f"{_name(page)}: link to {target}"


@pytest.mark.parametrize("page", GUIDES, ids=_name)
def test_every_guide_is_in_the_index(page: Path) -> None:
    index = ROOT / "docs" / "README.md"
    assert page in [(index.parent / target).resolve() for target in LINK.findall(_read(index))]


def test_calls_are_found() -> None:
    assert len(CALLS) > 20


@pytest.mark.parametrize(("page", "call"), CALLS)
def test_commands_and_options_exist(page: str, call: str) -> None:
    parameters = _parse(call)
    config = parameters.get("config")
    known = benchmark_names() if call.startswith("segan benchmark") else config_names()
    assert config is None or config in known or Path(config).suffix == ".yaml", f"{call}: config {config}"
    shipped = config if config in config_names() else None
    # Keys and values are those of the models; an unknown one raises with a suggestion.
    load_config(shipped, parameters.get("overrides", ()))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_commands_in_the_text_exist(page: Path) -> None:
    for call in re.findall(r"`(segan [^`]+)`", FENCE.sub("", _read(page))):
        command, arguments = _find(" ".join(call.split()))
        known = {"-h", "--help", "--version", *(word for option in command.params for word in option.opts)}
        unknown = {word.partition("=")[0] for word in arguments if word.startswith("-")} - known
        assert not unknown, f"{_name(page)}: {call}: there is no {', '.join(unknown)}"


@pytest.mark.parametrize("page", GUIDES, ids=_name)
def test_keys_in_the_text_exist(page: Path) -> None:
    for key in KEY.findall(_read(page)):
        section: object = Config
        for part in key.split("."):
            fields = getattr(section, "model_fields", {})
            assert part in fields, f"{_name(page)}: key {key}"
            section = fields[part].annotation


@pytest.mark.parametrize("page", GUIDES, ids=_name)
def test_yaml_blocks_are_valid(page: Path, tmp_path: Path) -> None:
    for text in [text for language, text in _blocks(page) if language == "yaml"]:
        tree = yaml.safe_load(text)
        if "classes" in tree:
            card = tmp_path / "dataset.yaml"
            card.write_text(text, encoding="utf-8")
            load_card(card)
            continue
        if "methods" in tree:
            plan_cells(BenchmarkFile.model_validate(tree))
            continue
        base = tree.pop("extends", None)
        assert base is None or base in config_names(), f"{_name(page)}: extends {base}"
        parse_steps(parse_config(tree).preprocessing)


def test_the_table_of_steps_is_that_of_the_code() -> None:
    text = _read(ROOT / "docs" / "howto" / "preprocess.md")
    table = text.partition("## The steps")[2].partition("\n\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]
    assert [row[0].strip("` ") for row in rows] == list(STEPS)
    for name, parameters, _ in rows:
        fields = {key: field for key, field in STEPS[name.strip("` ")].model_fields.items() if key != "name"}
        assert re.findall(r"`(\w+)`", parameters) == list(fields), name
        for key, field in fields.items():
            if isinstance(field.default, int | float | str):
                assert f"`{key}` {field.default}" in parameters, f"{name}: default of {key}"
