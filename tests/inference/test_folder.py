import csv
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

from segan.data.labels import build_labels
from segan.data.masks import read_mask
from segan.data.preprocess import build_chain
from segan.errors import SeganError, StoppedError, UsageError
from segan.inference import folder as folder_file
from segan.inference.folder import predict_folder
from segan.inference.interrupts import Interrupted
from segan.inference.torch_engine import torch_segmenter

LABELS = build_labels(["sky", "road", "car"], colors=[(255, 0, 0), (0, 255, 0), (0, 0, 255)])


class Painter(nn.Module):
    def forward(self, image):
        return 5.0 * image


def make(identity="model-1", **options):
    return torch_segmenter(Painter(), LABELS, build_chain([{"name": "normalize"}]), identity=identity, **options)


def draw(path, size=(20, 30), color=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((*size, 3), 20, np.uint8)
    pixels[:, :, 0] = 90
    pixels[: size[0] // 2, :, color] = 220
    Image.fromarray(pixels).save(path)


def read_manifest(out):
    with (out / "manifest.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return {row["input"]: row for row in csv.DictReader(stream)}


def states(folder):
    return {path.relative_to(folder): path.stat().st_ino for path in folder.rglob("*.png")}


@pytest.fixture
def images(tmp_path):
    for name in ("a.png", "sub/b.jpg", "sub/deep/c.tif"):
        draw(tmp_path / "in" / name)
    return tmp_path / "in"


def test_masks_mirror_the_folders_and_are_listed(images, tmp_path):
    out = tmp_path / "out"
    seen = []
    summary = predict_folder(
        make(), [images], out, report=lambda done, total, row: seen.append((done, total, row.status))
    )
    assert seen == [(1, 3, "ok"), (2, 3, "ok"), (3, 3, "ok")]
    masks = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert masks == ["masks/a.png", "masks/sub/b.png", "masks/sub/deep/c.png"]
    mask = read_mask(out / "masks" / "a.png", LABELS)
    assert mask.shape == (20, 30)
    assert (mask[:10] == 1).all()
    assert (mask[10:] == 0).all()
    assert Image.open(out / "masks" / "a.png").getpalette()[:6] == [255, 0, 0, 0, 255, 0]
    row = read_manifest(out)[str(images / "sub" / "b.jpg")]
    assert row["output"] == "masks/sub/b.png"
    assert (row["status"], row["height"], row["width"]) == ("ok", "20", "30")
    assert sum(float(row[f"share_{name}"]) for name in LABELS.classes) == pytest.approx(1.0)
    assert 0 < float(row["quality"]) <= 1
    assert (summary.kept, len(summary.failed), len(summary.rows)) == (0, 0, 3)
    assert summary.images_per_s > 0


def test_overlays_and_probabilities_on_demand(images, tmp_path):
    out = tmp_path / "out"
    predict_folder(make(), [images / "a.png"], out, overlay=True, probabilities="float16")
    overlay = np.asarray(Image.open(out / "overlays" / "a.png"))
    source = np.asarray(Image.open(images / "a.png"))
    np.testing.assert_allclose(overlay[0, 0], (source[0, 0] + np.array([0, 255, 0])) / 2, atol=1)
    probabilities = np.load(out / "probabilities" / "a.npy", allow_pickle=False)
    assert probabilities.shape == (3, 20, 30)
    assert probabilities.dtype == np.float16


def test_results_that_are_no_longer_wanted_go(images, tmp_path):
    out = tmp_path / "out"
    predict_folder(make(), [images], out, overlay=True, probabilities="float16")
    predict_folder(make(), [images], out)
    left = {path.parent.name for path in out.rglob("*") if path.is_file() and path.suffix in {".png", ".npy"}}
    assert not left & {"overlays", "probabilities"}


def test_a_bad_file_is_listed_and_the_others_are_done(images, tmp_path):
    (images / "broken.jpg").write_bytes((images / "sub" / "b.jpg").read_bytes()[:400])
    (images / "empty.png").touch()
    draw(images / "a.bmp")
    summary = predict_folder(make(), [images], tmp_path / "out")
    failed = {Path(row.input).name: row.message for row in summary.failed}
    assert failed.keys() == {"a.png", "broken.jpg", "empty.png"}
    assert "would have the name of that of" in failed["a.png"]
    assert "a.bmp" in failed["a.png"]
    rows = read_manifest(tmp_path / "out")
    assert rows[str(images / "broken.jpg")]["status"] == "failed"
    assert "broken.jpg" in rows[str(images / "broken.jpg")]["message"]
    assert rows[str(images / "broken.jpg")]["output"] == ""
    assert rows[str(images / "a.bmp")]["status"] == "ok"
    assert len(states(tmp_path / "out" / "masks")) == 3


def test_a_link_that_leads_nowhere_costs_one_image(images, tmp_path):
    (images / "a.jpg").symlink_to("gone.jpg")
    (images / "a.png").rename(images / "b.png")
    (row,) = predict_folder(make(), [images], tmp_path / "out").failed
    assert "a.jpg: cannot be read (No such file or directory)" in row.message


def test_an_image_that_fails_now_keeps_no_result_of_before(images, tmp_path):
    out = tmp_path / "out"
    predict_folder(make(), [images], out, overlay=True)
    (images / "a.png").write_bytes(b"no")
    draw(images / "sub" / "b.png")  # Comes after b.jpg, whose results have its name.
    assert len(predict_folder(make(), [images], out, overlay=True).failed) == 2
    assert {path.as_posix() for path in states(out)} == {
        f"{folder}/{name}.png" for folder in ("masks", "overlays") for name in ("sub/b", "sub/deep/c")
    }


def test_a_surprise_in_the_network_costs_one_image(images, tmp_path):
    segmenter = make()
    real = segmenter.engine.run
    segmenter.engine.run = lambda batch: real(batch) if batch.shape[2] == 20 else 1 / 0
    draw(images / "odd.png", (7, 7))
    (row,) = predict_folder(segmenter, [images], tmp_path / "out").failed
    assert "odd.png: ZeroDivisionError: division by zero" in row.message


def test_what_is_done_and_unchanged_is_kept(images, tmp_path):
    out = tmp_path / "out"
    predict_folder(make(), [images], out)
    before, manifest = states(out), (out / "manifest.csv").read_bytes()
    summary = predict_folder(make(), [images], out)
    assert summary.kept == 3
    assert states(out) == before
    assert (out / "manifest.csv").read_bytes() == manifest


def test_what_has_changed_is_done_again(images, tmp_path):
    out = tmp_path / "out"
    predict_folder(make(), [images], out)
    before = states(out)
    draw(images / "a.png", (20, 30), color=2)
    (out / "masks" / "sub" / "b.png").unlink()
    assert predict_folder(make(), [images], out).kept == 1
    changed = {str(path) for path, inode in states(out).items() if before[path] != inode}
    assert changed >= {"masks/a.png"}
    assert read_mask(out / "masks" / "a.png", LABELS)[0, 0] == 2
    assert (out / "masks" / "sub" / "b.png").exists()


@pytest.mark.parametrize("change", [{"identity": "model-2"}, {"tile_px": 64}, {"tta": "flip"}])
def test_another_model_or_option_does_all_again(images, tmp_path, change):
    predict_folder(make(), [images], tmp_path / "out")
    assert predict_folder(make(**change), [images], tmp_path / "out").kept == 0


def test_keeping_can_be_refused(images, tmp_path):
    predict_folder(make(), [images], tmp_path / "out")
    assert predict_folder(make(), [images], tmp_path / "out", resume=False).kept == 0


def test_failed_images_are_tried_again(images, tmp_path):
    content = (images / "a.png").read_bytes()
    (images / "a.png").write_bytes(content[:50])
    assert len(predict_folder(make(), [images], tmp_path / "out").failed) == 1
    (images / "a.png").write_bytes(content)
    summary = predict_folder(make(), [images], tmp_path / "out")
    assert (summary.kept, summary.failed) == (2, ())


def test_shards_share_a_folder_and_a_manifest(images, tmp_path):
    out = tmp_path / "out"
    (images / "broken.png").write_bytes(b"no")
    first = predict_folder(make(), [images], out, shard=(1, 2))
    assert len(read_manifest(out)) == len(first.rows) == 2
    second = predict_folder(make(), [images], out, shard=(2, 2))
    assert {row.input for row in first.rows}.isdisjoint(row.input for row in second.rows)
    statuses = {Path(name).name: row["status"] for name, row in read_manifest(out).items()}
    assert statuses == {"a.png": "ok", "broken.png": "failed", "b.jpg": "ok", "c.tif": "ok"}
    assert predict_folder(make(), [images], out).kept == 3


def test_names_need_not_be_text(tmp_path):
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/in/\xe9\xff.png"))
    draw(tmp_path / "in" / "plain.png")
    (tmp_path / "in" / "plain.png").rename(source)
    for kept in (0, 1):
        summary = predict_folder(make(), [tmp_path / "in"], tmp_path / "out")
        assert (summary.failed, summary.kept) == ((), kept)
    assert [os.fsencode(path.name) for path in (tmp_path / "out" / "masks").iterdir()] == [b"\xe9\xff.png"]
    assert b"\xe9\xff.png" in (tmp_path / "out" / "manifest.csv").read_bytes()


def test_a_full_disk_stops_at_once(images, tmp_path, monkeypatch):
    def refuse(*details):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder_file, "stage_outputs", refuse)
    with pytest.raises(SeganError, match=r"cannot be written \(No space left on device\).*run the same command again"):
        predict_folder(make(), [images], tmp_path / "out")


def test_an_output_folder_that_is_a_file_is_told(images, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(SeganError, match="out: cannot be written"):
        predict_folder(make(), [images], tmp_path / "out")


def test_nothing_is_written_into_an_input_folder(images):
    with pytest.raises(UsageError, match="a place among the inputs"):
        predict_folder(make(), [images], images / "out")
    assert not (images / "out").exists()


def test_an_interrupt_leaves_whole_files_and_the_next_run_goes_on(images, tmp_path):
    def interrupt(done, total, row):
        raise Interrupted(signal.SIGTERM)

    with pytest.raises(StoppedError, match=r"stopped after 1 of 3 images\. Run the same command again") as caught:
        predict_folder(make(), [images], tmp_path / "out", report=interrupt)
    assert caught.value.exit_code == 143
    assert not list((tmp_path / "out").rglob("*.part"))
    assert not (tmp_path / "out" / "manifest.csv").exists()
    written = states(tmp_path / "out")
    summary = predict_folder(make(), [images], tmp_path / "out")
    assert summary.kept == len(written) >= 1
    assert written.items() <= states(tmp_path / "out").items()


@pytest.mark.parametrize(("shard", "left"), [((1, 1), False), ((1, 2), True)])
def test_what_a_killed_run_left_is_removed_unless_others_may_write(images, tmp_path, shard, left):
    parts = [tmp_path / "out" / name for name in ("masks/sub/.b.png.abcd1234.part", ".manifest.csv.abcd1234.part")]
    for part in [*parts, tmp_path / "out" / ".segan" / ".labels.yaml.abcd1234.part"]:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    predict_folder(make(), [images], tmp_path / "out", shard=shard)
    assert {part.exists() for part in parts} == {left}


SLOW = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_folder import make
from segan.errors import SeganError
from segan.inference.folder import predict_folder
segmenter = make()
real = segmenter.engine.run
def slow(batch):
    time.sleep(0.02)
    return real(batch)
segmenter.engine.run = slow
print("ready", flush=True)
try:
    predict_folder(segmenter, [sys.argv[2]], Path(sys.argv[3]))
except SeganError as error:
    print(error)
    sys.exit(error.exit_code)
"""


SLOWLY = pytest.mark.slow


def start_slowly(images, out):
    """Start a process that predicts, and wait until it is about to begin."""
    command = [sys.executable, "-c", SLOW, str(Path(__file__).parent), str(images), str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=SLOWLY), pytest.param(signal.SIGINT, marks=SLOWLY)]
)
def test_a_killed_run_goes_on_where_it_was(tmp_path, number):
    out = tmp_path / "out"
    for index in range(20):
        draw(tmp_path / "in" / f"{index:02d}.png")
    process = start_slowly(tmp_path / "in", out)
    deadline = time.monotonic() + 60
    while len(states(out)) < 3 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(number)
    text, _ = process.communicate(timeout=30)
    if number == signal.SIGKILL:
        assert process.returncode == -9
    else:
        assert process.returncode == 128 + number
        assert "Run the same command again to go on" in text
    written = states(out / "masks")
    assert 3 <= len(written) < 20
    summary = predict_folder(make(), [tmp_path / "in"], out)
    assert summary.kept == len(written)
    assert set(written.items()) <= set(states(out / "masks").items())
    assert len(read_manifest(out)) == 20


@SLOWLY
def test_twenty_kills_at_random_moments_cost_nothing(tmp_path):
    for index in range(240):
        draw(tmp_path / "in" / f"{index:03d}.png", color=1 + index % 2)
    predict_folder(make(), [tmp_path / "in"], tmp_path / "whole")
    expected = {path.name: path.read_bytes() for path in (tmp_path / "whole" / "masks").iterdir()}
    out, random, finished = tmp_path / "out", np.random.default_rng(0), {}
    for _ in range(20):
        process = start_slowly(tmp_path / "in", out)
        time.sleep(random.uniform(0.0, 0.3))
        process.kill()
        process.communicate(timeout=30)
        assert process.returncode == -9
        found = {path: path.stat() for path in (out / "masks").glob("*.png")}
        assert all(path.read_bytes() == expected[path.name] for path in found)
        for path, state in finished.items():
            assert (found[path].st_ino, found[path].st_mtime_ns) == (state.st_ino, state.st_mtime_ns)
        finished = found
    assert 0 < len(finished) < 240
    assert predict_folder(make(), [tmp_path / "in"], out).kept == len(finished)
    for path, state in finished.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (state.st_ino, state.st_mtime_ns)
    assert {path.name: path.read_bytes() for path in (out / "masks").iterdir()} == expected
    assert not list(out.rglob("*.part"))
    assert len(read_manifest(out)) == 240
