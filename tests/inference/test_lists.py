"""A list names images by line; nothing of it leads results out of their folder."""

from pathlib import PurePath

import numpy as np
import pytest

from segan.data.images import write_png
from segan.errors import UsageError
from segan.inference.inputs import collect_jobs
from segan.inference.outputs import OutputPlan


@pytest.fixture
def folder(tmp_path):
    for name in ("in/a.png", "in/sub/b.png", "other/c.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
    return tmp_path


def names(folder, text):
    (folder / "in" / "list.txt").write_bytes(text.encode())
    jobs = collect_jobs([folder / "in" / "list.txt"], OutputPlan(folder / "out"))
    return [(job.path.resolve(), job.name, job.conflict is not None) for job in jobs]


def test_lines_are_paths_from_the_folder_of_the_list_on(folder):
    found = names(folder, "\ufeff# comment\r\nsub/b.png\r\n\r\n  ./sub/../a.png\n")
    inside = folder.resolve() / "in"
    assert found == [(inside / "sub/b.png", PurePath("sub/b"), False), (inside / "a.png", PurePath("a"), False)]


def test_lines_that_lead_out_give_their_file_name(folder):
    found = names(folder, f"../other/c.png\n{folder}/in/a.png\n")
    assert [name for _, name, _ in found] == [PurePath("c"), PurePath("a")]


def test_a_missing_image_and_a_doubled_name_are_jobs_that_fail(folder):
    found = names(folder, "a.png\ngone.png\n../in/sub/../a.png\nsub/../../other/a.png\n")
    assert [(name, conflict) for _, name, conflict in found] == [
        (PurePath("a"), False),
        (PurePath("gone"), False),
        (PurePath("a"), True),
    ]


def test_results_never_go_where_listed_images_lie(folder):
    (folder / "list.txt").write_text("out/masks/a.png\n")
    with pytest.raises(UsageError, match="a place among the inputs"):
        collect_jobs([folder / "list.txt"], OutputPlan(folder / "out"))


def test_images_of_all_kinds_of_inputs_are_listed(folder):
    (folder / "list.txt").write_text("other/c.png\n")
    jobs = collect_jobs([folder / "in", folder / "list.txt", folder / "other" / "c.png"], OutputPlan(folder / "out"))
    assert [str(job.name) for job in jobs] == ["a", "sub/b", "other/c", "c"]


def test_an_empty_list_is_told(folder):
    with pytest.raises(UsageError, match="no image found"):
        names(folder, "# nothing\n")
