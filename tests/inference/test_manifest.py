import csv
import io
from pathlib import Path, PurePath

import pytest

from segan.files import file_state
from segan.inference.manifest import (
    DONE,
    FAILED,
    Entry,
    Journal,
    Row,
    entry_key,
    fingerprint,
    manifest_columns,
    write_manifest,
)

ROW = Row("in/a.png", "masks/a.png", DONE, "", 4, 6, (0.75, 0.25), 0.9, 0.5)


def entry(name, row=ROW):
    return Entry(name, "1 2", "settings", row)


def test_the_journal_gives_back_the_last_entry_of_each_key(tmp_path):
    with Journal(tmp_path, "journal") as journal:
        journal.append(entry("a", Row("in/a.png", "", FAILED, "broken")))
        journal.append(entry("a"))
    with Journal(tmp_path, "journal-1-of-2") as other:
        other.append(entry("b"))
        assert other.read() == {"a": entry("a"), "b": entry("b")}


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_costs_that_line_only(tmp_path, cut):
    with Journal(tmp_path, "journal") as journal:
        journal.append(entry("a"))
        journal.append(entry("b"))
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(tmp_path, "journal") as journal:
        found = journal.read()
        assert found.keys() - {"b"} == {"a"}
        journal.append(entry("c"))
        assert journal.read() == {**found, "c": entry("c")}


def test_foreign_lines_are_left_out(tmp_path):
    (tmp_path / "journal.jsonl").write_bytes(b'[]\n{"key": 1}\n\xff\n\n')
    with Journal(tmp_path, "journal") as journal:
        assert journal.read() == {}


def test_names_that_are_not_text_survive(tmp_path):
    name = b"in/\xff\n.png".decode("utf-8", "surrogateescape")
    row = Row(name, "masks/x.png", DONE)
    with Journal(tmp_path, "journal") as journal:
        journal.append(entry(name, row))
        assert journal.read() == {name: entry(name, row)}
    write_manifest(tmp_path / "manifest.csv", ["a"], [row])
    assert b'"in/\xff\n.png",masks/x.png,ok' in (tmp_path / "manifest.csv").read_bytes()


def test_the_manifest_has_the_columns_of_the_contract(tmp_path):
    write_manifest(tmp_path / "manifest.csv", ["sky", "road"], [ROW, Row("in/b, c.png", "", FAILED, 'say "no"')])
    lines = list(csv.reader(io.StringIO((tmp_path / "manifest.csv").read_text())))
    assert lines[0] == manifest_columns(["sky", "road"])
    assert lines[1] == ["in/a.png", "masks/a.png", "ok", "", "4", "6", "0.750000", "0.250000", "0.9000", "0.500"]
    assert lines[2] == ["in/b, c.png", "", "failed", 'say "no"', "", "", "", "", "", "0.000"]


def test_a_key_does_not_depend_on_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert entry_key(Path("x.png"), PurePath("x")) == entry_key(tmp_path / "x.png", PurePath("x"))


def test_a_changed_file_is_noticed(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"1")
    before = file_state(path)
    path.write_bytes(b"12")
    assert file_state(path) != before


def test_fingerprints_differ_with_any_value():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})
