import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image
from toy_folders import mask_of, noise, save

from segan.data.colors import default_colors
from segan.data.labels import build_labels
from segan.data.masks import IGNORE, encode_mask, read_label_values, read_mask, write_mask
from segan.errors import DataError

INDEX = mask_of([0, 1, 2])
IDENTITY = build_labels(["a", "b", "c"])
COLORS = ((10, 20, 30), (200, 0, 0), (0, 0, 0))
BY_COLOR = build_labels(["a", "b", "c"], mapping={color: index for index, color in enumerate(COLORS)})


def palette_file(path, values=INDEX, colors=COLORS):
    picture = Image.fromarray(values)
    picture.putpalette([channel for color in colors for channel in color])
    picture.save(path)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_index_values(tmp_path, suffix):
    assert np.array_equal(read_mask(save(tmp_path / f"m.{suffix}", INDEX), IDENTITY), INDEX)


def test_palette_indices_are_classes(tmp_path):
    assert np.array_equal(read_mask(palette_file(tmp_path / "p.png"), IDENTITY), INDEX)


def test_black_and_white(tmp_path):
    labels = build_labels(["wall", "cell"], mapping={0: 1, 255: 0})
    assert np.array_equal(read_mask(save(tmp_path / "m.png", mask_of([0, 255])), labels), mask_of([1, 0]))


def test_three_equal_channels_are_grey(tmp_path):
    path = save(tmp_path / "m.png", np.repeat(INDEX[..., None], 3, axis=2))
    assert not read_label_values(path).is_color
    assert np.array_equal(read_mask(path, IDENTITY), INDEX)


def test_colours(tmp_path):
    path = save(tmp_path / "m.png", np.array(COLORS, np.uint8)[INDEX])
    assert np.array_equal(read_mask(path, BY_COLOR), INDEX)


def test_colour_labels_also_read_palettes_and_grey_masks(tmp_path):
    assert np.array_equal(read_mask(palette_file(tmp_path / "p.png"), BY_COLOR), INDEX)
    black = save(tmp_path / "black.png", np.zeros((4, 4, 3), np.uint8))
    assert (read_mask(black, BY_COLOR) == 2).all()


@pytest.mark.parametrize("white", [1, 255])
def test_one_bit(tmp_path, white):
    labels = build_labels(["a", "b"], mapping={0: 0, white: 1})
    path = save(tmp_path / "m.png", mask_of([0, 1]).astype(bool))
    assert np.array_equal(read_mask(path, labels), mask_of([0, 1]))


def test_one_bit_as_colours(tmp_path):
    labels = build_labels(["a", "b"], mapping={(255, 255, 255): 0, (0, 0, 0): 1})
    path = save(tmp_path / "m.png", mask_of([0, 1]).astype(bool))
    assert np.array_equal(read_mask(path, labels), mask_of([1, 0]))


def test_sixteen_bit_and_whole_floats(tmp_path):
    labels = build_labels(["a", "b"], mapping={7: 0, 40000: 1})
    values = np.where(mask_of([0, 1]) == 1, 40000, 7)
    assert np.array_equal(read_mask(save(tmp_path / "m.png", values.astype(np.uint16)), labels), mask_of([0, 1]))
    assert np.array_equal(read_mask(save(tmp_path / "m.tif", values.astype(np.float32)), labels), mask_of([0, 1]))


def test_many_values_lead_to_one_class_and_ignored_ones_to_255(tmp_path):
    labels = build_labels(["a", "b"], ignore_index=9, mapping={0: 0, 4: 1, 5: 1})
    mask = read_mask(save(tmp_path / "m.png", mask_of([0, 4, 5, 9])), labels)
    assert np.array_equal(mask, mask_of([0, 1, 1, IGNORE]))


def test_opaque_alpha(tmp_path):
    opaque = np.dstack([np.array(COLORS, np.uint8)[INDEX], np.full(INDEX.shape, 255, np.uint8)])
    assert np.array_equal(read_mask(save(tmp_path / "m.png", opaque), BY_COLOR), INDEX)
    opaque[0, 0, 3] = 8
    with pytest.raises(DataError, match=r"t\.png: alpha 8 to 255 seen, expected opaque pixels in a mask\. Flatten"):
        read_mask(save(tmp_path / "t.png", opaque), BY_COLOR)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_masks_are_turned_as_displayed(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / f"m.{suffix}", INDEX, exif=exif)
    assert np.array_equal(read_mask(path, IDENTITY), np.rot90(INDEX, -1))


def test_unknown_values(tmp_path):
    with pytest.raises(DataError, match=r"m\.png: values 3, 9 seen, expected 0, 1, 2\. Correct the mask, or add them"):
        read_mask(save(tmp_path / "m.png", mask_of([0, 3, 9])), IDENTITY)
    with pytest.raises(DataError, match=r"c\.png: colours #010203 seen, expected #0a141e, #c80000, #000000"):
        read_mask(save(tmp_path / "c.png", np.full((2, 2, 3), (1, 2, 3), np.uint8)), BY_COLOR)
    with pytest.raises(DataError, match=r"rgb\.png: colours #0a141e seen, expected 0, 1, 2"):
        read_mask(save(tmp_path / "rgb.png", np.full((2, 2, 3), COLORS[0], np.uint8)), IDENTITY)


def test_jpeg_masks_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"m\.jpg: JPEG mask seen, expected PNG: JPEG compression changes label values"):
        read_mask(save(tmp_path / "m.jpg", INDEX), IDENTITY)


def test_fractions_ranges_and_modes(tmp_path):
    with pytest.raises(DataError, match=r"f\.tif: fractions seen, expected whole numbers"):
        read_mask(save(tmp_path / "f.tif", np.full((2, 2), 0.5, np.float32)), IDENTITY)
    with pytest.raises(DataError, match=r"n\.tif: values -4 to -4 seen, expected 0 to 65535"):
        read_mask(save(tmp_path / "n.tif", np.full((2, 2), -4, np.int32)), IDENTITY)
    Image.fromarray(noise()).convert("CMYK").save(tmp_path / "k.tif")
    with pytest.raises(DataError, match=r"k\.tif: colour mode CMYK seen, expected grey, palette or RGB"):
        read_mask(tmp_path / "k.tif", IDENTITY)


def test_written_masks_read_back_and_show_their_colours(tmp_path):
    mask = mask_of([0, 1, 2, IGNORE])
    write_mask(tmp_path / "deep" / "m.png", mask, COLORS)
    raw = read_label_values(tmp_path / "deep" / "m.png")
    assert np.array_equal(raw.values, mask)
    shown = np.asarray(Image.open(tmp_path / "deep" / "m.png").convert("RGB"))
    assert np.array_equal(shown[mask == 1][0], COLORS[1])
    assert np.array_equal(shown[mask == IGNORE][0], (128, 128, 128))


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (4, 4, 3)])
def test_only_masks_are_encoded_as_such(shape):
    with pytest.raises(ValueError, match="expected uint8"):
        encode_mask(np.zeros(shape, np.uint8), COLORS)


def test_encoded_masks_are_small_files_with_all_254_classes():
    mask = np.arange(256, dtype=np.uint8).repeat(64).reshape(128, 128)
    assert len(encode_mask(mask, default_colors(254))) < 3000


DEEP = np.where(INDEX == 2, 300, INDEX).astype(np.uint16)  # The high byte alone would be 0, 0 and 1.


def grey_alpha_png(path, values):
    """Write a 16-bit PNG of grey and opaque alpha, which neither Pillow nor OpenCV writes."""
    rows = np.dstack([values, np.full_like(values, 65535)]).astype(">u2")
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, 4, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_channels_keep_their_bits(tmp_path, suffix, channels):
    pixels = np.repeat(DEEP[..., None], channels, axis=2)
    pixels[..., 3:] = 65535
    path = tmp_path / f"m.{suffix}"
    cv2.imwrite(str(path), pixels)
    raw = read_label_values(path)
    assert np.array_equal(raw.values, DEEP)
    assert not raw.is_color
    pixels[0, 0, 0] = 9
    cv2.imwrite(str(path), pixels)
    with pytest.raises(DataError, match=rf"m\.{suffix}: 16-bit colours seen, expected grey or 8-bit colours\. Save"):
        read_label_values(path)


def test_sixteen_bit_grey_with_alpha(tmp_path):
    grey_alpha_png(tmp_path / "m.png", DEEP)
    assert np.array_equal(read_label_values(tmp_path / "m.png").values, DEEP)


def test_sixteen_bit_channels_of_an_odd_layout(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "m.png"), np.repeat(DEEP[..., None], 3, axis=2))
    monkeypatch.setattr(cv2, "imdecode", lambda *details: None)
    with pytest.raises(DataError, match=r"m\.png: 16-bit channels in an unusual layout seen, .* Save the mask as"):
        read_label_values(tmp_path / "m.png")
