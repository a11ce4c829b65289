import errno
import io
import os
import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image
from toy_folders import noise

from segan import files
from segan.data import row_writers
from segan.data.colors import default_colors
from segan.data.images import read_image
from segan.data.label_values import read_label_values
from segan.data.masks import write_mask
from segan.data.row_writers import NpyRows, PngRows, TiffRows

COLORS = default_colors(5)
SIZES = [(1, 1), (7, 1), (1, 9), (301, 67), (256, 256), (257, 600)]
STEPS = [1, 13, 1000]


def draw_mask(size):
    height, width = size
    mask = (np.add.outer(np.arange(height) // 5, np.arange(width) // 9) % 5).astype(np.uint8)
    mask[height // 2 :, : width // 3] = 255
    return mask


def append_in_parts(writer, array, step, axis=0):
    with writer:
        for top in range(0, array.shape[axis], step):
            writer.append(np.take(array, range(top, min(top + step, array.shape[axis])), axis))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", STEPS)
def test_png_of_indices(tmp_path, size, step):
    mask = draw_mask(size)
    append_in_parts(PngRows(tmp_path / "new" / "a.png", size, palette=COLORS), mask, step)
    write_mask(tmp_path / "b.png", mask, COLORS)
    with Image.open(tmp_path / "new" / "a.png") as ours, Image.open(tmp_path / "b.png") as theirs:
        assert ours.mode == theirs.mode == "P"
        assert ours.getpalette() == theirs.getpalette()
        assert np.array_equal(np.asarray(ours), mask)
        assert ours.info == theirs.info


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", STEPS)
def test_png_of_colours(tmp_path, size, step):
    image = noise(size=size)
    append_in_parts(PngRows(tmp_path / "a.png", size, rgb=True), image, step)
    assert np.array_equal(read_image(tmp_path / "a.png"), image)


def test_chunks_of_a_png_are_bounded(tmp_path):
    image = noise(size=(500, 700))
    append_in_parts(PngRows(tmp_path / "a.png", (500, 700), rgb=True), image, 500)
    content, lengths, place = (tmp_path / "a.png").read_bytes(), [], 8
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        lengths.append((content[place + 4 : place + 8], length))
        place += 12 + length
    data = [length for kind, length in lengths if kind == b"IDAT"]
    assert len(data) > 3
    assert set(data[:-1]) == {row_writers._PNG_CHUNK}
    assert [kind for kind, _ in lengths if kind != b"IDAT"] == [b"IHDR", b"IEND"]
    assert np.array_equal(read_image(tmp_path / "a.png"), image)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("big", [False, True])
def test_tiff_of_indices(tmp_path, monkeypatch, size, step, big):
    if big:
        monkeypatch.setattr(row_writers, "_CLASSIC_TIFF_BYTES", 1)
    mask = draw_mask(size)
    path = tmp_path / "a.tif"
    append_in_parts(TiffRows(path, size, COLORS), mask, step)
    write_mask(tmp_path / "b.png", mask, COLORS)
    with tifffile.TiffFile(path) as file:
        assert (file.is_bigtiff, file.pages.first.is_tiled) == (big, True)
        assert np.array_equal(file.asarray(), mask)
        assert [tag.code for tag in file.pages.first.tags] == sorted(tag.code for tag in file.pages.first.tags)
    with Image.open(path) as ours, Image.open(tmp_path / "b.png") as theirs:
        assert ours.mode == "P"
        assert ours.getpalette() == theirs.getpalette()
        assert np.array_equal(np.asarray(ours), mask)
    assert np.array_equal(read_label_values(path).values, mask)


def test_large_masks_are_big_tiffs(tmp_path):
    for size, big in [((60_000, 60_000), False), ((70_000, 70_000), True)]:
        writer = TiffRows(tmp_path / "a.tif", size, COLORS)
        assert writer._is_big is big
        writer.discard()


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 40, 7), (2, 301, 33)])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_npy(tmp_path, shape, step, dtype):
    planes = np.random.default_rng(0).random(shape).astype(dtype)
    append_in_parts(NpyRows(tmp_path / "a.npy", tuple(map(np.int64, shape)), dtype), planes, step, axis=1)
    expected = io.BytesIO()
    np.save(expected, planes)
    assert (tmp_path / "a.npy").read_bytes() == expected.getvalue()


WRITERS = {
    "png": lambda path: (PngRows(path, (9, 4), palette=COLORS), np.zeros((9, 4), np.uint8)),
    "colours": lambda path: (PngRows(path, (9, 4), rgb=True), np.zeros((9, 4, 3), np.uint8)),
    "tiff": lambda path: (TiffRows(path, (9, 4), COLORS), np.zeros((9, 4), np.uint8)),
    "npy": lambda path: (NpyRows(path, (1, 9, 4), np.uint8), np.zeros((1, 9, 4), np.uint8)),
}


def first_rows(array, count):
    return array[:, :count] if array.shape[0] == 1 else array[:count]


@pytest.fixture(params=WRITERS)
def started(request, tmp_path):
    """A file that was there, a writer over it that has four of nine rows, and all rows."""
    path = tmp_path / "ünï\udcff.bin"
    path.write_bytes(b"earlier")
    writer, array = WRITERS[request.param](path)
    writer.append(first_rows(array, 4))
    return path, writer, array


def is_untouched(path):
    return list(path.parent.iterdir()) == [path] and path.read_bytes() == b"earlier"


def test_the_file_exists_when_it_is_whole(started):
    path, writer, array = started
    assert path.read_bytes() == b"earlier"
    writer.append(first_rows(array, 0))
    writer.append(first_rows(array, 5))
    assert path.read_bytes() == b"earlier"
    writer.close()
    writer.close()
    assert path.read_bytes() != b"earlier"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(ValueError, match="rows after the end seen, expected none"):
        writer.append(first_rows(array, 1))


def test_an_exception_leaves_nothing(started):
    path, writer, _ = started
    with pytest.raises(KeyboardInterrupt), writer:
        raise KeyboardInterrupt
    assert is_untouched(path)


def test_missing_rows(started):
    path, writer, _ = started
    with pytest.raises(ValueError, match=r"4 rows seen, expected 9"), writer:
        pass
    assert is_untouched(path)


def test_too_many_rows(started):
    path, writer, array = started
    with pytest.raises(ValueError, match=r"10 rows seen, expected 9 in all"):
        writer.append(first_rows(array, 6))
    assert is_untouched(path)


def test_other_rows(started):
    path, writer, array = started
    with pytest.raises(ValueError, match=r"int32 \(.*\) seen, expected uint8 \(.*rows, .*4.*\)"):
        writer.append(array.astype(np.int32))
    assert is_untouched(path)


@pytest.mark.parametrize("writer", WRITERS)
def test_rows_of_another_width(tmp_path, writer):
    writer, array = WRITERS[writer](tmp_path / "a")
    with pytest.raises(ValueError, match=r"uint8 \(.*3.*\) seen, expected uint8"):
        writer.append(array[..., :3, :] if array.shape[-1] == 3 else array[..., :3])
    assert list(tmp_path.iterdir()) == []


class FullDisk(io.BytesIO):
    """Takes 100 KB."""

    def write(self, data):
        if self.tell() + memoryview(data).nbytes > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, kind):
    size = (600, 500)
    monkeypatch.setattr(files.os, "fdopen", lambda descriptor, mode: os.close(descriptor) or FullDisk())
    random = noise(size=size)
    writer, rows = {
        "png": lambda: (PngRows(tmp_path / "a", size, palette=COLORS), random[..., 0]),
        "colours": lambda: (PngRows(tmp_path / "a", size, rgb=True), random),
        "tiff": lambda: (TiffRows(tmp_path / "a", size, COLORS), random[..., 0]),
        "npy": lambda: (NpyRows(tmp_path / "a", (3, *size), np.uint8), np.moveaxis(random, -1, 0)),
    }[kind]()
    with pytest.raises(OSError, match="No space left"), writer:
        writer.append(rows)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_at_the_end_leaves_nothing(started, monkeypatch):
    path, writer, array = started
    writer.append(first_rows(array, 5))

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        writer.close()
    assert is_untouched(path)


def test_what_a_killed_process_leaves_is_removed(started):
    path, writer, _ = started
    assert len(list(path.parent.iterdir())) == 2
    files.remove_parts(path.parent)
    assert is_untouched(path)
    writer.discard()
    writer.discard()


def test_wrong_use(tmp_path):
    for options in ({}, {"palette": COLORS, "rgb": True}):
        with pytest.raises(ValueError, match="seen, expected one of the two"):
            PngRows(tmp_path / "a.png", (3, 3), **options)
    with pytest.raises(ValueError, match=r"\(None, 0\) with 3 rows seen, expected no empty side"):
        PngRows(tmp_path / "a.png", (3, 0), palette=COLORS)
    with pytest.raises(ValueError, match="with 0 rows seen, expected no empty side"):
        NpyRows(tmp_path / "a.npy", (2, 0, 5), np.float16)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", WRITERS)
def test_memory_does_not_follow_the_height(tmp_path, kind):
    height, width = 6000, 512
    rows = noise(size=(100, width))
    writer, rows = {
        "png": lambda: (PngRows(tmp_path / "a", (height, width), palette=COLORS), rows[..., 0]),
        "colours": lambda: (PngRows(tmp_path / "a", (height, width), rgb=True), rows),
        "tiff": lambda: (TiffRows(tmp_path / "a", (height, width), COLORS), rows[..., 0]),
        "npy": lambda: (NpyRows(tmp_path / "a", (3, height, width), np.uint8), np.moveaxis(rows, -1, 0)),
    }[kind]()
    tracemalloc.start()
    try:
        with writer:
            for _ in range(height // 100):
                writer.append(rows)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_500_000
