import contextlib
import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps, PngImagePlugin
from toy_folders import noise, save

from segan.data import formats, png
from segan.data.formats import orient
from segan.data.images import decode_image, encode_png, image_size, read_image, write_png
from segan.errors import DataError

COLOR = noise(size=(10, 14))
GREY = COLOR[..., 0]
DEEP = np.random.default_rng(1).integers(0, 65536, (10, 14, 3), dtype=np.uint16)


def write_cv2(path, array):
    path.write_bytes(cv2.imencode(path.suffix, array)[1].tobytes())
    return path


@pytest.mark.parametrize("suffix", ["png", "tif", "tiff", "bmp", "PNG"])
def test_lossless_colour(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", COLOR)
    assert np.array_equal(read_image(path), COLOR)
    assert image_size(path) == (10, 14)


@pytest.mark.parametrize(("suffix", "options"), [("jpg", {"quality": 95}), ("webp", {"quality": 95})])
def test_lossy_colour(tmp_path, suffix, options):
    smooth = np.tile(np.linspace(0, 255, 32, dtype=np.uint8)[:, None, None], (1, 24, 3))
    image = read_image(save(tmp_path / f"a.{suffix}", smooth, **options))
    assert image.shape == (32, 24, 3)
    assert np.abs(image.astype(int) - smooth).max() < 12


def test_lossless_webp(tmp_path):
    assert np.array_equal(read_image(save(tmp_path / "a.webp", COLOR, lossless=True)), COLOR)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "jpg"])
def test_grey(tmp_path, suffix):
    image = read_image(save(tmp_path / f"a.{suffix}", np.full((5, 6), 77, np.uint8)))
    assert np.abs(image.astype(int) - 77).max() <= 1
    assert image.shape == (5, 6, 3)


def test_palette_and_one_bit(tmp_path):
    palette = Image.fromarray(COLOR).quantize(16)
    palette.save(tmp_path / "p.png")
    assert np.array_equal(read_image(tmp_path / "p.png"), np.asarray(palette.convert("RGB")))
    bits = GREY > 100
    Image.fromarray(bits).save(tmp_path / "b.png")
    assert np.array_equal(read_image(tmp_path / "b.png")[..., 1], bits * np.uint8(255))


def test_alpha_is_composited_over_white(tmp_path):
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = 0, 51, 255
    assert read_image(save(tmp_path / "a.png", pixels))[0, :, 0].tolist() == [255, 204, 0]
    grey_alpha = Image.fromarray(pixels).convert("LA")
    grey_alpha.save(tmp_path / "la.png")
    assert read_image(tmp_path / "la.png")[0, :, 2].tolist() == [255, 204, 0]


def test_palette_with_transparent_index(tmp_path):
    picture = Image.fromarray(np.array([[0, 1]], np.uint8))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.save(tmp_path / "t.png", transparency=0)
    assert read_image(tmp_path / "t.png").tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_cmyk(tmp_path):
    Image.fromarray(np.full((8, 8, 3), (200, 40, 40), np.uint8)).convert("CMYK").save(tmp_path / "c.tif")
    assert read_image(tmp_path / "c.tif")[4, 4].tolist() == [200, 40, 40]


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", DEEP[..., 0])
    full = read_image(path, sixteen_bit="full")
    assert np.abs(full[..., 0] - DEEP[..., 0] / 257).max() <= 0.5
    dark = save(tmp_path / f"d.{suffix}", (DEEP[..., 0] // 100).astype(np.uint16))
    stretched = read_image(dark)
    assert stretched.min() == 0
    assert stretched.max() == 255


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_colour_keeps_its_bits_and_its_channel_order(tmp_path, suffix):
    path = write_cv2(tmp_path / f"a{suffix}", np.ascontiguousarray(DEEP[..., ::-1]))
    assert np.abs(read_image(path, sixteen_bit="full") - DEEP / 257).max() <= 0.5
    dark = write_cv2(tmp_path / f"d{suffix}", np.ascontiguousarray(DEEP[..., ::-1] // 256))
    assert len(np.unique(read_image(dark))) > 100  # Eight bits of Pillow would leave one value.


def test_sixteen_bit_colour_with_alpha(tmp_path):
    alpha = np.zeros((10, 14, 1), np.uint16)
    alpha[5:] = 65535
    path = write_cv2(tmp_path / "a.png", np.concatenate([DEEP[..., ::-1], alpha], axis=2))
    image = read_image(path, sixteen_bit="full")
    assert (image[:5] == 255).all()
    assert np.abs(image[5:] - DEEP[5:] / 257).max() <= 0.5


def test_sixteen_bit_colour_in_planes_is_refused(tmp_path):
    path = tmp_path / "planes.tif"
    tifffile.imwrite(path, np.moveaxis(DEEP, -1, 0), photometric="rgb", planarconfig="separate")
    with pytest.raises(
        DataError, match=r"planes\.tif: 16-bit channels in planes of their own seen, expected interleaved"
    ):
        read_image(path)


def test_float_tiff(tmp_path):
    values = np.linspace(-3, 7, 140, dtype=np.float32).reshape(10, 14)
    values[0, 0] = np.nan
    path = save(tmp_path / "f.tif", values)
    image = read_image(path)
    assert (image[-1, -1, 0], image[0, 1, 0]) == (255, 0)
    with pytest.raises(DataError, match=r"f\.tif: values -2\.9.* to 7 seen, expected 0 to 1\. Set data\.sixteen_bit"):
        read_image(path, sixteen_bit="full")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_table_agrees_with_pillow(orientation):
    picture = Image.fromarray(COLOR)
    picture.getexif()[0x0112] = orientation
    assert np.array_equal(orient(COLOR, orientation), np.asarray(ImageOps.exif_transpose(picture)))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_orientation_is_applied(tmp_path, suffix, orientation):
    quarter = np.zeros((16, 24, 3), np.uint8)
    quarter[:8, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / f"a.{suffix}", quarter, exif=exif)
    image = read_image(path)
    assert image_size(path) == image.shape[:2]
    assert np.abs(image.astype(int) - orient(quarter, orientation)).mean() < 5


@pytest.mark.parametrize("place", ["ahead", "behind", "text behind", "nowhere"])
def test_the_size_of_a_png_is_known_without_its_pixels(tmp_path, monkeypatch, place):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encode_png(COLOR)
    text = b"Raw profile type exif\0\nexif\n%8d\n%s\n" % (len(exif.tobytes()), exif.tobytes().hex().encode())
    chunk = png.encode_chunk(b"tEXt", text) if place == "text behind" else png.encode_chunk(b"eXIf", exif.tobytes()[6:])
    cut = {"ahead": 33, "behind": -12, "text behind": -12, "nowhere": None}[place]  # After IHDR; before IEND.
    path = tmp_path / "a.png"
    path.write_bytes(content if cut is None else content[:cut] + chunk + content[cut:])
    if "behind" not in place:
        monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("the pixels were decoded"))
    size = image_size(path)
    monkeypatch.undo()
    assert size == read_image(path).shape[:2] == ((10, 14) if place == "nowhere" else (14, 10))


def test_oriented_sixteen_bit_tiff(tmp_path):
    deep = np.zeros((4, 6, 3), np.uint16)
    deep[0, 0] = 65535
    content = cv2.imencode(".tiff", deep, [cv2.IMWRITE_TIFF_COMPRESSION, 1])[1].tobytes()
    (tmp_path / "a.tif").write_bytes(_with_tiff_orientation(content, 6))
    image = read_image(tmp_path / "a.tif", sixteen_bit="full")
    assert image.shape == (6, 4, 3) == (*image_size(tmp_path / "a.tif"), 3)
    assert image[0, -1].tolist() == [255, 255, 255]


def _with_tiff_orientation(content, orientation):
    """Write the table of tags again at the end, with one more."""
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    tags = [content[start + 2 + 12 * index :][:12] for index in range(count)]
    tags.append(struct.pack("<HHIHH", 274, 3, 1, orientation, 0))
    tags.sort(key=lambda tag: struct.unpack_from("<H", tag))
    table = struct.pack("<H", len(tags)) + b"".join(tags) + bytes(4)
    return content[:4] + struct.pack("<I", len(content)) + content[8:] + table


ODD_NAMES = [
    "new\nline.png",
    "sp ace 'quote\".png",
    "ü-é-中-🦋.png",
    os.fsdecode(b"caf\xe9-\xff.png"),
    "n" * 251 + ".png",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_file_name(tmp_path, name):
    path = tmp_path / name
    write_png(path, COLOR)
    assert np.array_equal(read_image(path), COLOR)
    assert image_size(path) == (10, 14)
    path.write_bytes(b"not a picture")
    with pytest.raises(DataError) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)
    str(caught.value).encode("utf-8")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "bmp", "webp"])
def test_truncated_files_are_refused(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", noise(size=(64, 64)))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=rf"a\.{suffix}: (damaged|no known|a damaged)") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "bmp", "webp"])
def test_damaged_bytes_never_raise_anything_else(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", noise(size=(16, 16)))
    content = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(150):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[random.integers(0, len(damaged), 4)] = random.integers(0, 256, 4)
        with contextlib.suppress(DataError):
            assert decode_image(damaged.tobytes(), path).ndim == 3


@pytest.mark.parametrize(
    "options",
    [{}, {"quality": 95, "subsampling": 0}, {"progressive": True}, {"quality": 10}, {"restart_marker_blocks": 3}],
)
def test_jpeg_pixels_are_those_of_pillow_or_none(tmp_path, options):
    soft = cv2.GaussianBlur(noise(size=(61, 83)), (5, 5), 2)
    content = save(tmp_path / "a.jpg", soft, **options).read_bytes()
    with Image.open(io.BytesIO(content)) as picture:
        assert np.array_equal(decode_image(content, tmp_path), np.asarray(picture))
    random = np.random.default_rng(0)
    for turn in range(300):
        damaged = bytearray(content)
        if turn % 2:
            damaged[random.integers(2, len(content) - 2)] = random.integers(0, 256)
        else:
            start = random.integers(2, len(content) - 2)
            del damaged[start : start + random.integers(1, 40)]
        try:
            with Image.open(io.BytesIO(damaged)) as picture:
                expected = np.asarray(picture.convert("RGB"))
        except Exception:
            with pytest.raises(DataError):
                decode_image(bytes(damaged), tmp_path)
        else:
            assert np.array_equal(decode_image(bytes(damaged), tmp_path), expected)


def test_missing_empty_and_foreign_files(tmp_path):
    with pytest.raises(DataError, match=r"none\.png: cannot be read \(No such file or directory\)"):
        read_image(tmp_path / "none.png")
    with pytest.raises(DataError, match=r"none\.png: cannot be read"):
        image_size(tmp_path / "none.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(DataError, match=r"empty\.png: 0 bytes seen, expected a picture"):
        read_image(tmp_path / "empty.png")
    Image.fromarray(COLOR).save(tmp_path / "gif.png", format="GIF")
    with pytest.raises(DataError, match=r"gif\.png: no known picture format seen, expected JPEG, PNG"):
        read_image(tmp_path / "gif.png")


def _png_header(height, width):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    body = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@pytest.mark.parametrize(("side", "seen"), [(25_000, "25000 x 25000|more"), (60_000, "more")])
def test_decompression_bombs_are_refused_before_decoding(tmp_path, side, seen):
    path = tmp_path / "bomb.png"
    path.write_bytes(_png_header(side, side))
    with pytest.raises(DataError, match=rf"bomb\.png: ({seen}) pixels seen, expected at most 400 million"):
        read_image(path)


def test_pixel_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MAX_PIXELS", 139)
    with pytest.raises(DataError, match=r"10 x 14 pixels seen"):
        read_image(save(tmp_path / "a.png", COLOR))


def test_stacks_are_refused_but_thumbnails_are_not(tmp_path):
    pages = [Image.fromarray(noise(seed)) for seed in range(3)]
    pages[0].save(tmp_path / "stack.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(DataError, match=r"stack\.tif: 3 pages seen, expected one picture a file\. Save each"):
        read_image(tmp_path / "stack.tif")
    pages[0].save(tmp_path / "thumb.tif", save_all=True, append_images=[pages[1].resize((4, 3))])
    assert np.array_equal(read_image(tmp_path / "thumb.tif"), noise(0))


def test_tiff_of_an_unusual_layout(tmp_path):
    (tmp_path / "odd.tif").write_bytes(b"II*\0" + bytes(60))
    with pytest.raises(
        DataError, match=r"odd\.tif: a damaged TIFF or one of an unusual layout seen, expected 8 or 16-bit"
    ):
        read_image(tmp_path / "odd.tif")


def test_unusual_colour_mode(tmp_path):
    Image.fromarray(COLOR).convert("LAB").save(tmp_path / "lab.tif")
    with pytest.raises(DataError, match=r"lab\.tif: colour mode LAB seen, expected grey, palette, RGB or CMYK"):
        read_image(tmp_path / "lab.tif")


@pytest.mark.parametrize("array", [COLOR, GREY, DEEP[..., 0]])
def test_png_round_trip(tmp_path, array):
    write_png(tmp_path / "deep" / "a.png", array)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO((tmp_path / "deep" / "a.png").read_bytes()))), array)


def test_png_refuses_other_arrays():
    with pytest.raises(ValueError, match=r"float64 \(2, 2\) seen, expected uint8"):
        encode_png(np.zeros((2, 2)))
