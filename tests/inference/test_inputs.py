import os
from pathlib import Path, PurePath

import numpy as np
import pytest

from segan.data.images import write_png
from segan.errors import UsageError
from segan.inference.inputs import collect_jobs, find_shared_size, take_shard
from segan.inference.outputs import OutputPlan


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(jobs):
    return [str(job.name) for job in jobs]


def test_folders_are_searched_and_mirrored(tmp_path):
    touch(*(tmp_path / "in" / name for name in ("b.JPG", "a/deep/x.tar.png", "a/y.tif", "notes.txt", ".hidden.png")))
    jobs = collect_jobs([tmp_path / "in"], OutputPlan(tmp_path / "out"))
    assert names(jobs) == ["a/deep/x.tar", "a/y", "b"]


def test_the_size_that_images_share(tmp_path):
    paths = [tmp_path / f"{index:02}.png" for index in range(40)]
    for path in paths:
        write_png(path, np.zeros((4, 6, 3), np.uint8))
    assert find_shared_size([]) is None
    assert find_shared_size(paths) == (4, 6)
    touch(paths[3], tmp_path / "x.png")
    assert find_shared_size(paths[:5]) == (4, 6)
    assert find_shared_size([tmp_path / "x.png"]) is None
    write_png(paths[0], np.zeros((4, 7, 3), np.uint8))
    assert find_shared_size(paths) is None


def test_files_go_to_the_top(tmp_path):
    touch(tmp_path / "in" / "a" / "x.png", tmp_path / "in" / "y.gif")
    jobs = collect_jobs([tmp_path / "in" / "a" / "x.png", tmp_path / "in" / "y.gif"], OutputPlan(tmp_path / "out"))
    assert names(jobs) == ["x", "y"]


def test_the_second_input_with_a_name_is_in_conflict(tmp_path):
    touch(tmp_path / "in" / "x.jpg", tmp_path / "in" / "x.png", tmp_path / "more" / "x.bmp")
    jobs = collect_jobs([tmp_path / "in", tmp_path / "more"], OutputPlan(tmp_path / "out"))
    assert [job.conflict for job in jobs] == [None, tmp_path / "in" / "x.jpg", tmp_path / "in" / "x.jpg"]


def test_an_image_named_twice_counts_once(tmp_path):
    touch(tmp_path / "in" / "x.jpg")
    jobs = collect_jobs([tmp_path / "in", tmp_path / "in" / "x.jpg"], OutputPlan(tmp_path / "out"))
    assert names(jobs) == ["x"]


def test_linked_folders_are_followed_without_circles(tmp_path):
    touch(tmp_path / "real" / "x.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "back").symlink_to(tmp_path / "in")
    assert names(collect_jobs([tmp_path / "in"], OutputPlan(tmp_path / "out"))) == ["link/x"]


def test_names_need_not_be_text(tmp_path):
    touch(Path(os.fsdecode(os.fsencode(tmp_path) + b"/in/\xff.png")))
    jobs = collect_jobs([tmp_path / "in"], OutputPlan(tmp_path / "out"))
    assert [os.fsencode(job.name) for job in jobs] == [b"\xff"]


def test_a_missing_input_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"nothing: not found, expected an image, a folder"):
        collect_jobs([tmp_path / "nothing"], OutputPlan(tmp_path / "out"))


def test_a_folder_without_images_is_told(tmp_path):
    touch(tmp_path / "in" / "notes.txt")
    with pytest.raises(UsageError, match=r"no image found, expected files that end in \.bmp"):
        collect_jobs([tmp_path / "in"], OutputPlan(tmp_path / "out"))


@pytest.mark.parametrize("out", ["in", "in/results", "in/../in/x"])
def test_nothing_is_written_into_an_input_folder(tmp_path, out):
    touch(tmp_path / "in" / "x.png")
    with pytest.raises(UsageError, match=r"a place among the inputs \(.*in\) seen, expected one outside the data"):
        collect_jobs([tmp_path / "in"], OutputPlan(tmp_path / out))


@pytest.mark.parametrize("source", ["masks", "masks/x.png"])
def test_results_never_replace_inputs(tmp_path, source):
    touch(tmp_path / "masks" / "x.png", tmp_path / ".segan" / "journal.jsonl")
    with pytest.raises(UsageError, match="a place among the inputs"):
        collect_jobs([tmp_path / source], OutputPlan(tmp_path))


@pytest.mark.parametrize("folder", ["masks", "overlays", "probabilities"])
def test_files_of_others_are_never_replaced(tmp_path, folder):
    touch(tmp_path / "data" / "images" / "x.png", tmp_path / "data" / folder / "test" / "x.png")
    with pytest.raises(UsageError, match=rf"{folder} holds files that segan did not write, .* Choose another --out\."):
        collect_jobs([tmp_path / "data" / "images"], OutputPlan(tmp_path / "data"))


def test_results_of_an_earlier_run_and_empty_folders_are_no_obstacle(tmp_path):
    touch(
        tmp_path / "in" / "x.png", tmp_path / "out" / ".segan" / "journal.jsonl", tmp_path / "out" / "masks" / "x.png"
    )
    (tmp_path / "new" / "masks").mkdir(parents=True)
    for out in ("out", "new"):
        assert names(collect_jobs([tmp_path / "in"], OutputPlan(tmp_path / out))) == ["x"]


def test_a_link_that_leads_nowhere_is_one_input_among_others(tmp_path):
    touch(tmp_path / "in" / "x.jpg")
    (tmp_path / "in" / "x.png").symlink_to("gone.png")
    first, second = collect_jobs([tmp_path / "in"], OutputPlan(tmp_path / "out"))
    assert (first.conflict, second.conflict) == (None, first.path)


def test_results_may_go_beside_an_input_folder_or_file(tmp_path):
    touch(tmp_path / "in" / "x.png", tmp_path / "y.png")
    assert names(collect_jobs([tmp_path / "in", tmp_path / "y.png"], OutputPlan(tmp_path))) == ["x", "y"]


def test_shards_part_the_work():
    parts = [take_shard(range(7), (index, 3)) for index in (1, 2, 3)]
    assert sorted(item for part in parts for item in part) == list(range(7))
    assert parts[0] == [0, 3, 6]


@pytest.mark.parametrize("shard", [(0, 2), (3, 2)])
def test_a_shard_outside_the_count_is_told(shard):
    with pytest.raises(UsageError, match=r"expected 1 to 2\. Write for example --shard 1/4"):
        take_shard([], shard)


def test_output_files_keep_dots_in_names():
    plan = OutputPlan(Path("out"), overlay=True, probabilities=True)
    assert [path.as_posix() for path in plan.files(PurePath("a/x.tar"))] == [
        "out/masks/a/x.tar.png",
        "out/overlays/a/x.tar.png",
        "out/probabilities/a/x.tar.npy",
    ]
