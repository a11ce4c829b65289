import io

import numpy as np
import pytest
import tifffile

from segan.data.tiff_directory import LONG, LONG8, SHORT, Tag, pack_directory, pack_header


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_library_reads_what_is_packed(big, order):
    pixels = np.arange(12, dtype=np.uint8).reshape(4, 3)
    first = len(pack_header(0, order, big=big))
    tags = [
        Tag(279, LONG, [6, 6]),
        Tag(273, LONG8 if big else LONG, [first, first + 6]),
        *(
            Tag(code, SHORT, [value])
            for code, value in {256: 3, 257: 4, 258: 8, 259: 1, 262: 1, 277: 1, 278: 2}.items()
        ),
        Tag(339, SHORT, [1]),
        Tag(65000, SHORT, [1, 2, 3, 4, 5]),
    ]
    directory = pack_directory(tags, first + 12, order, big=big)
    with tifffile.TiffFile(io.BytesIO(pack_header(first + 12, order, big=big) + pixels.tobytes() + directory)) as file:
        assert (file.is_bigtiff, file.byteorder, len(file.pages)) == (big, order, 1)
        assert np.array_equal(file.asarray(), pixels)
        assert file.pages.first.tags[65000].value == (1, 2, 3, 4, 5)
        assert [tag.code for tag in file.pages.first.tags] == sorted(tag.code for tag in tags)
