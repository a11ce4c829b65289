import contextlib
import errno
import os
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from toy_folders import save

from segan.data import formats, row_source
from segan.data.images import read_image
from segan.data.row_source import ArrayRows, open_rows
from segan.data.tiff_directory import LONG, Tag, pack_directory, pack_header
from segan.errors import DataError

HEIGHT, WIDTH = 301, 67
DEEP = np.cumsum(np.random.default_rng(0).integers(0, 900, (HEIGHT, WIDTH, 4)), axis=0).astype(np.uint16)
COLOR = (DEEP >> 6).astype(np.uint8)
LAYOUTS = {
    "strips of 7": {"rowsperstrip": 7},
    "strips of 150": {"rowsperstrip": 150},
    "one strip": {"rowsperstrip": HEIGHT},
    "tiles": {"tile": (16, 48)},
    "large tiles": {"tile": (256, 80)},
}
PLANES = {"photometric": "rgb", "planarconfig": "separate"}


def write(path, array, **options):
    color = array.ndim == 3 and array.shape[-1] in {3, 4}
    tifffile.imwrite(path, array, metadata=None, **{"photometric": "rgb" if color else "minisblack"} | options)
    return path


def read_in_parts(path, sixteen_bit="percentile"):
    with open_rows(path, sixteen_bit=sixteen_bit) as rows:
        height = rows.size[0]
        return np.concatenate([rows.read(top, min(top + 40, height)) for top in range(0, height, 40)])


def is_by_rows(path):
    rows = open_rows(path, sixteen_bit="percentile")
    with contextlib.nullcontext() if rows is None else rows:
        return rows is not None


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(("big", "order"), [(False, "<"), (True, "<"), (False, ">")])
@pytest.mark.parametrize("planes", [False, True])
def test_rows_are_those_of_the_ordinary_reader(tmp_path, layout, compression, big, order, planes):
    array = np.moveaxis(COLOR[..., :3], -1, 0) if planes else COLOR[..., :3]
    options = LAYOUTS[layout] | (PLANES if planes else {})
    path = write(tmp_path / "a.tif", array, compression=compression, bigtiff=big, byteorder=order, **options)
    assert np.array_equal(read_in_parts(path), COLOR[..., :3])
    assert np.array_equal(read_image(path), COLOR[..., :3])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("sixteen_bit", ["percentile", "full"])
def test_sixteen_bit(tmp_path, layout, predictor, channels, sixteen_bit):
    array = DEEP[..., 0] if channels == 1 else DEEP[..., :channels]
    order = "<" if predictor else ">"
    options = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    path = tmp_path / "a.tif"
    write(path, array, compression="zlib", predictor=predictor, byteorder=order, **LAYOUTS[layout], **options)
    assert np.array_equal(read_in_parts(path, sixteen_bit), read_image(path, sixteen_bit=sixteen_bit))


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha", "unspecified"])
@pytest.mark.parametrize("layout", ["strips of 7", "tiles"])
def test_four_channels(tmp_path, kind, layout):
    path = write(tmp_path / "a.tif", COLOR, extrasamples=[kind], **LAYOUTS[layout])
    assert np.array_equal(read_in_parts(path), read_image(path))


def test_four_planes(tmp_path):
    array = np.moveaxis(COLOR, -1, 0)
    path = write(tmp_path / "a.tif", array, extrasamples=["unassalpha"], compression="zlib", **PLANES)
    assert np.array_equal(read_in_parts(path), read_image(path))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"])
@pytest.mark.parametrize("mode", ["L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "I;16"])
def test_files_of_pillow(tmp_path, mode, compression):
    picture = Image.fromarray(DEEP[..., 0]) if mode == "I;16" else Image.fromarray(COLOR[..., :3]).convert(mode)
    picture.save(tmp_path / "a.tif", compression=compression)
    assert np.array_equal(read_in_parts(tmp_path / "a.tif"), read_image(tmp_path / "a.tif"))


@pytest.mark.parametrize("compression", [cv2.IMWRITE_TIFF_COMPRESSION_LZW, cv2.IMWRITE_TIFF_COMPRESSION_PACKBITS])
@pytest.mark.parametrize("array", [DEEP[..., 0], DEEP[..., :3], COLOR[..., 0]], ids=["grey", "colours", "8 bits"])
def test_files_of_opencv(tmp_path, array, compression):
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_ROWSPERSTRIP, 13]
    path = tmp_path / "a.tif"
    path.write_bytes(cv2.imencode(".tiff", np.ascontiguousarray(array), options)[1].tobytes())
    assert np.array_equal(read_in_parts(path), read_image(path))


def test_white_at_zero_and_even_ground(tmp_path):
    write(tmp_path / "white.tif", COLOR[..., 0], photometric="miniswhite")
    assert np.array_equal(read_in_parts(tmp_path / "white.tif"), 255 - COLOR[..., :1].repeat(3, axis=2))
    spots = np.full((200, 9), 500, np.uint16)
    spots[77, 3] = 900
    write(tmp_path / "spots.tif", spots)
    assert np.array_equal(read_in_parts(tmp_path / "spots.tif"), read_image(tmp_path / "spots.tif"))


def test_any_rows_in_any_order(tmp_path):
    path = write(tmp_path / "a.tif", COLOR[..., :3], **LAYOUTS["strips of 7"])
    with open_rows(path, sixteen_bit="full") as rows:
        assert rows.size == (HEIGHT, WIDTH)
        for top, bottom in [(0, 1), (300, 301), (125, 135), (0, 301), (132, 133), (133, 266)]:
            assert np.array_equal(rows.read(top, bottom), COLOR[top:bottom, :, :3])


@pytest.mark.parametrize("source", ["file", "array"])
def test_rows_that_do_not_exist(tmp_path, source):
    path = write(tmp_path / "a.tif", COLOR[..., :3])
    with open_rows(path, sixteen_bit="full") if source == "file" else ArrayRows(COLOR[..., :3]) as rows:
        for top, bottom in [(-1, 4), (5, 5), (300, 302)]:
            with pytest.raises(ValueError, match=rf"rows {top} to {bottom} seen, expected some of 0 to 301"):
                rows.read(top, bottom)


def test_rows_of_an_array():
    with ArrayRows(COLOR[..., :3]) as rows:
        assert rows.size == (HEIGHT, WIDTH)
        assert np.array_equal(rows.read(10, 20), COLOR[10:20, :, :3])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_band_is_decoded_once(tmp_path, monkeypatch, layout):
    decoded = []
    decode = row_source.decode_pixels

    def count(content, path):
        pixels = decode(content, path)
        decoded.append(len(pixels))
        return pixels

    path = write(tmp_path / "a.tif", COLOR[..., :3], compression="zlib", **LAYOUTS[layout])
    monkeypatch.setattr(row_source, "decode_pixels", count)
    with open_rows(path, sixteen_bit="full") as rows:
        for top in range(0, HEIGHT - 100, 20):
            rows.read(top, top + 101)
    assert sum(decoded) == HEIGHT


def test_a_file_that_is_missing_is_left_to_the_ordinary_reader(tmp_path):
    assert not is_by_rows(tmp_path / "a.tif")
    save(tmp_path / "a.png", COLOR[..., :3])
    assert not is_by_rows(tmp_path / "a.png")


def test_smaller_pages_are_passed_over(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for step in (1, 2, 4):
            file.write(COLOR[::step, ::step, :3], photometric="rgb", compression="zlib", tile=(64, 64), metadata=None)
    assert np.array_equal(read_in_parts(tmp_path / "a.tif"), read_image(tmp_path / "a.tif"))


def test_uncompressed_strips_apart(tmp_path):
    path = write(tmp_path / "a.tif", COLOR[..., :3], rowsperstrip=100)
    content = path.read_bytes()
    with tifffile.TiffFile(path, mode="r+b") as file:
        tags = file.pages.first.tags
        first, count = tags[273].value[0], tags[279].value[0]
        tags[273].overwrite((len(content), *tags[273].value[1:]))
    with path.open("ab") as stream:
        stream.write(content[first : first + count])
    assert np.array_equal(read_in_parts(path), COLOR[..., :3])


@pytest.mark.parametrize("name", ["new\nline.tif", "ü-中-🦋.tif", os.fsdecode(b"caf\xe9-\xff.tif")])
def test_any_file_name(tmp_path, name):
    write(tmp_path / "a.tif", COLOR[..., :3], compression="zlib", rowsperstrip=50)
    path = (tmp_path / "a.tif").rename(tmp_path / name)
    assert np.array_equal(read_in_parts(path), COLOR[..., :3])
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(DataError, match="damaged or incomplete") as caught:
        read_in_parts(path)
    assert "\n" not in str(caught.value)
    str(caught.value).encode("utf-8")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_truncated_files_are_told(tmp_path, compression):
    path = write(tmp_path / "a.tif", COLOR[..., :3], compression=compression, rowsperstrip=50)
    path.write_bytes(path.read_bytes()[:-100])
    with open_rows(path, sixteen_bit="full") as rows:
        assert np.array_equal(rows.read(0, 100), COLOR[:100, :, :3])
        with pytest.raises(
            DataError, match=r"a\.tif: damaged or incomplete \(the file ends too early\), expected a whole"
        ):
            rows.read(100, HEIGHT)


def test_a_damaged_strip_is_told(tmp_path):
    path = write(tmp_path / "a.tif", DEEP[..., 0], compression="zlib", rowsperstrip=50)
    with tifffile.TiffFile(path) as file:
        offset = file.pages.first.dataoffsets[4]
    content = bytearray(path.read_bytes())
    content[offset + 40 : offset + 60] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.tif: damaged or incomplete \(decoder error"):
        read_image(path)
    with open_rows(path, sixteen_bit="full") as rows:
        rows.read(0, 50)
        with pytest.raises(DataError, match=r"a\.tif: damaged or incomplete \(decoder error"):
            rows.read(199, 230)


def test_a_disk_that_fails_is_told(tmp_path):
    path = write(tmp_path / "a.tif", COLOR[..., :3])
    with open_rows(path, sixteen_bit="full") as rows:
        rows.close()

        class Failing:
            def seek(self, offset):
                raise OSError(errno.EIO, os.strerror(errno.EIO))

            def close(self):
                pass

        rows._stream = Failing()
        with pytest.raises(DataError, match=r"a\.tif: cannot be read \(Input/output error\)"):
            rows.read(0, 5)


@pytest.mark.parametrize("layout", ["strips of 7", "tiles"])
def test_damaged_bytes_never_give_other_pixels(tmp_path, layout):
    path = write(tmp_path / "a.tif", COLOR[:40, :20, :3], compression="zlib", **LAYOUTS[layout])
    content = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(200):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[random.integers(0, 400, 2)] = random.integers(0, 256, 2)
        path.write_bytes(damaged.tobytes())
        if not is_by_rows(path):
            continue
        with contextlib.suppress(DataError):
            assert np.array_equal(read_in_parts(path), read_image(path))


def test_there_is_no_limit_of_pixels(tmp_path, monkeypatch):
    path = write(tmp_path / "a.tif", COLOR[..., :3], compression="zlib", rowsperstrip=64)
    monkeypatch.setattr(formats, "MAX_PIXELS", 128 * WIDTH)
    assert np.array_equal(read_in_parts(path), COLOR[..., :3])
    with pytest.raises(DataError, match="pixels seen, expected at most"):
        read_image(path)
    monkeypatch.setattr(formats, "MAX_PIXELS", 128 * WIDTH - 1)  # A band at a time is too much.
    assert not is_by_rows(path)


def test_a_small_file_cannot_claim_to_be_without_end(tmp_path, monkeypatch):
    strip = zlib.compress(bytes(9 * 128))
    strips = 1000
    values = {256: [9], 257: [strips * 128], 258: [8], 259: [8], 262: [1], 278: [128]}
    values |= {273: [8] * strips, 279: [len(strip)] * strips}
    directory = pack_directory([Tag(code, LONG, numbers) for code, numbers in values.items()], 8 + len(strip))
    path = tmp_path / "a.tif"
    path.write_bytes(pack_header(8 + len(strip)) + strip + directory)
    assert np.array_equal(read_in_parts(path), read_image(path))
    monkeypatch.setattr(formats, "MAX_PIXELS", strips * 128 * 9 - 1)
    assert not is_by_rows(path)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_memory_does_not_follow_the_height(tmp_path, compression):
    height, width = 6000, 512
    image = np.zeros((height, width, 3), np.uint8)
    image[::7] = 200
    path = write(tmp_path / "a.tif", image, compression=compression, rowsperstrip=height if compression is None else 16)
    tracemalloc.start()
    try:
        with open_rows(path, sixteen_bit="full") as rows:
            for top in range(0, height - 256, 128):
                rows.read(top, top + 256)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1200 * width * 3
