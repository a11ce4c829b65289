"""Which files a prediction leaves beside its masks, through stops, parts and changes of mind."""

import json
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from test_folder import LABELS, draw, make

from segan.data.masks import read_mask
from segan.errors import StoppedError, UsageError
from segan.inference.coco import annotate
from segan.inference.folder import predict_folder
from segan.inference.interrupts import Interrupted
from segan.inference.manifest import Journal
from segan.inference.outlines import encode_outlines

ALL = {"overlay": True, "probabilities": "uint8", "outlines": True, "coco": True}


@pytest.fixture
def images(tmp_path):
    for index, name in enumerate(("a.png", "sub/b.png", "sub/c.png", "sub/deep/d.png")):
        draw(tmp_path / "in" / name, color=1 + index % 2)
    return tmp_path / "in"


def written(out):
    """List what was written for users and for a resumed run, but for the journal."""
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    return {name for name in files if not name.startswith(".segan/") or name.startswith(".segan/coco/")}


def test_all_kinds_mirror_the_folders(images, tmp_path):
    out = tmp_path / "out"
    predict_folder(make(), [images], out, **ALL)
    names = ("a", "sub/b", "sub/c", "sub/deep/d")
    kinds = {"masks": "png", "overlays": "png", "probabilities": "npy", "outlines": "geojson", ".segan/coco": "json"}
    files = {f"{folder}/{name}.{suffix}" for folder, suffix in kinds.items() for name in names}
    assert written(out) == files | {"annotations.json", "manifest.csv"}
    mask = read_mask(out / "masks" / "sub" / "b.png", LABELS)
    assert (out / "outlines" / "sub" / "b.geojson").read_bytes() == encode_outlines(mask, LABELS)
    tree = json.loads((out / "annotations.json").read_bytes())
    assert [image["file_name"] for image in tree["images"]] == [str(images / f"{name}.png") for name in names]
    own = [{key: value for key, value in one.items() if key not in {"id", "image_id"}} for one in tree["annotations"]]
    assert own[2:4] == annotate(mask, LABELS)
    assert [one["image_id"] for one in tree["annotations"]] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_eight_bits_are_the_nearest_steps(images, tmp_path):
    predict_folder(make(), [images], tmp_path / "half", probabilities="float16")
    predict_folder(make(), [images], tmp_path / "bytes", probabilities="uint8")
    half = np.load(tmp_path / "half" / "probabilities" / "a.npy").astype(np.float64)
    steps = np.load(tmp_path / "bytes" / "probabilities" / "a.npy")
    assert (steps.dtype, steps.shape) == (np.uint8, (3, 20, 30))
    assert (steps == np.rint(255 * half)).all()


def test_what_is_no_longer_wanted_goes(images, tmp_path):
    out = tmp_path / "out"
    predict_folder(make(), [images], out, **ALL)
    predict_folder(make(), [images], out)
    assert {Path(name).parts[0] for name in written(out)} == {"masks", "manifest.csv"}


@pytest.mark.parametrize(
    "change", [{"probabilities": "float16"}, {"outlines": True}, {"coco": True}, {"probabilities": "none"}]
)
def test_another_choice_does_all_again(images, tmp_path, change):
    options = {"probabilities": "uint8", "outlines": False, "coco": False}
    predict_folder(make(), [images], tmp_path / "out", **options)
    assert predict_folder(make(), [images], tmp_path / "out", **options).kept == 4
    assert predict_folder(make(), [images], tmp_path / "out", **{**options, **change}).kept == 0
    assert predict_folder(make(), [images], tmp_path / "out", **{**options, **change}).kept == 4


@pytest.mark.parametrize("name", ["outlines/sub/b.geojson", ".segan/coco/sub/b.json", "probabilities/sub/b.npy"])
def test_a_file_that_is_gone_is_made_again(images, tmp_path, name):
    out = tmp_path / "out"
    predict_folder(make(), [images], out, **ALL)
    before = (out / name).read_bytes()
    (out / name).unlink()
    assert predict_folder(make(), [images], out, **ALL).kept == 3
    assert (out / name).read_bytes() == before


def test_an_image_that_fails_now_keeps_nothing_of_before(images, tmp_path):
    out = tmp_path / "out"
    predict_folder(make(), [images], out, **ALL)
    (images / "sub" / "b.png").write_bytes(b"no")
    assert len(predict_folder(make(), [images], out, **ALL).failed) == 1
    assert not [name for name in written(out) if "sub/b" in name]
    tree = json.loads((out / "annotations.json").read_bytes())
    assert [image["id"] for image in tree["images"]] == [1, 3, 4]
    assert [one["id"] for one in tree["annotations"]] == [1, 2, 3, 4, 5, 6]


def test_annotations_are_the_same_in_one_go_in_parts_and_after_a_stop(images, tmp_path):
    (images / "sub" / "bad.png").write_bytes(b"no")

    def stop(done, total, row):
        if done == 2:
            raise Interrupted(signal.SIGTERM)

    whole, parts, stopped = (tmp_path / name / "annotations.json" for name in ("whole", "parts", "stopped"))
    predict_folder(make(), [images], whole.parent, coco=True)
    for part in (2, 3, 1):
        assert not parts.exists(), "some images are not known yet"
        predict_folder(make(), [images], parts.parent, coco=True, shard=(part, 3))
    with pytest.raises(StoppedError):
        predict_folder(make(), [images], stopped.parent, coco=True, report=stop)
    assert not stopped.exists()
    assert predict_folder(make(), [images], stopped.parent, coco=True).kept >= 1
    assert whole.read_bytes() == parts.read_bytes() == stopped.read_bytes()
    assert len(json.loads(whole.read_bytes())["images"]) == 4


def test_a_stop_takes_annotations_of_other_masks_away(images, tmp_path):
    def stop(done, total, row):
        raise Interrupted(signal.SIGTERM)

    predict_folder(make(), [images], tmp_path / "out", coco=True)
    with pytest.raises(StoppedError):
        predict_folder(make(identity="model-2"), [images], tmp_path / "out", coco=True, report=stop)
    assert not (tmp_path / "out" / "annotations.json").exists()


@pytest.mark.parametrize("name", ["outlines/x.geojson", "annotations.json"])
def test_files_of_others_are_never_written_over(images, tmp_path, name):
    place = tmp_path / "out" / name
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    with pytest.raises(UsageError, match=r"that segan did not write, expected an empty or a new folder"):
        predict_folder(make(), [images], tmp_path / "out")
    assert place.read_text() == "mine"


def test_parts_that_end_together_write_their_tables_in_turn(tmp_path):
    order = []

    def end_second():
        with Journal(tmp_path, "journal-2-of-2") as journal:
            journal.read_in_turn()
            order.append("second")

    with Journal(tmp_path, "journal-1-of-2") as journal:
        journal.read_in_turn()
        second = threading.Thread(target=end_second)
        second.start()
        second.join(0.2)
        order.append("first")
    second.join(10)
    assert order == ["first", "second"]
