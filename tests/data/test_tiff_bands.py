import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from toy_folders import noise, save

from segan.data.images import read_image
from segan.data.row_source import open_rows
from segan.data.tiff_bands import find_bands

COLOR = noise(size=(41, 30))
ALPHA = np.concatenate([COLOR, COLOR[..., :1]], axis=2)
DEEP = ALPHA.astype(np.uint16) * 200
PLANES = {"photometric": "rgb", "planarconfig": "separate"}


def write(path, array, **options):
    color = array.ndim == 3 and array.shape[-1] != 2
    tifffile.imwrite(path, array, metadata=None, **{"photometric": "rgb" if color else "minisblack"} | options)
    return path


def jpeg(path):
    save(path, COLOR, compression="jpeg")


def thumbnail_of_another_kind(path):
    with tifffile.TiffWriter(path) as file:
        file.write(COLOR, photometric="rgb", metadata=None)
        file.write(COLOR[::2, ::2, 0], photometric="minisblack", metadata=None)


def edited(path, code, value):
    """Write a picture and change a tag of it."""
    write(path, COLOR, extratags=[(274, 3, 1, 1, True)])
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages.first.tags[code].overwrite(value)


def extended(path, code, value):
    """Write a picture whose tag for the unit of its resolution is another one."""
    content = write(path, COLOR).read_bytes()
    unit = struct.pack("<HHIHH", 296, 3, 1, 1, 0)
    assert unit in content
    path.write_bytes(content.replace(unit, struct.pack("<HHIHH", code, 3, 1, value, 0)))


def sparse(path):
    write(path, COLOR, tile=(16, 16))
    with tifffile.TiffFile(path, mode="r+b") as file:
        tag = file.pages.first.tags[324]
        tag.overwrite((0, *tag.value[1:]))


def turned_by_xmp(path):
    xmp = b'<rdf:Description tiff:Orientation="6"/>'
    write(path, COLOR, extratags=[(700, 1, len(xmp), xmp, True)])


LEFT_TO_THE_ORDINARY_READER = {
    "pages": lambda path: write(path, COLOR[None, ..., :3].repeat(2, axis=0)),
    "thumbnail of another kind": thumbnail_of_another_kind,
    "orientation": lambda path: edited(path, 274, 6),
    "orientation by XMP": turned_by_xmp,
    "depth": lambda path: extended(path, 32997, 2),
    "fill order": lambda path: extended(path, 266, 2),
    "photometric": lambda path: edited(path, 262, 8),
    "one bit": lambda path: save(path, COLOR[..., 0] > 99),
    "floats": lambda path: write(path, COLOR[..., 0].astype(np.float32)),
    "signed": lambda path: write(path, COLOR[..., 0].astype(np.int16)),
    "32 bits": lambda path: write(path, COLOR[..., 0].astype(np.uint32)),
    "CMYK": lambda path: Image.fromarray(COLOR).convert("CMYK").save(path),
    "YCbCr": lambda path: write(path, COLOR, photometric="ycbcr"),
    "JPEG": jpeg,
    "unknown compression": lambda path: edited(path, 259, 50002),
    "LZMA": lambda path: save(path, COLOR, compression="lzma"),
    "sparse": sparse,
    "deep planes": lambda path: write(path, np.moveaxis(DEEP[..., :3], -1, 0), **PLANES),
    "planes with more than transparency": lambda path: write(
        path, np.moveaxis(ALPHA, -1, 0), extrasamples=["unspecified"], **PLANES
    ),
    "five channels": lambda path: write(
        path, DEEP[..., [0, 1, 2, 3, 0]], photometric="rgb", extrasamples=["unassalpha", "unspecified"]
    ),
    "premultiplied grey": lambda path: write(path, COLOR[..., :2], extrasamples=["assocalpha"], planarconfig="contig"),
    "giant strip": lambda path: write(path, np.zeros((1100, 3), np.uint8), compression="zlib", rowsperstrip=1100),
    "PNG": lambda path: save(path, COLOR, format="PNG"),
    "nothing": lambda path: path.touch(),
    "no tags": lambda path: path.write_bytes(b"II*\0" + bytes(60)),
}


@pytest.mark.parametrize("kind", LEFT_TO_THE_ORDINARY_READER)
def test_files_that_are_left_to_the_ordinary_reader(tmp_path, capfd, kind):
    LEFT_TO_THE_ORDINARY_READER[kind](tmp_path / "a.tif")
    capfd.readouterr()
    with (tmp_path / "a.tif").open("rb") as stream:
        assert find_bands(stream) is None
    assert capfd.readouterr() == ("", "")


def test_harmless_tags(tmp_path):
    edited(tmp_path / "a.tif", 274, 1)
    extended(tmp_path / "b.tif", 266, 1)
    extended(tmp_path / "c.tif", 32997, 1)
    for name in "abc":
        with open_rows(tmp_path / f"{name}.tif", sixteen_bit="full") as rows:
            assert np.array_equal(rows.read(0, 41), read_image(tmp_path / f"{name}.tif"))
