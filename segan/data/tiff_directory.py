"""The list of tags of a TIFF as bytes, for files that no library writes: parts of others, and those written by rows."""

import struct
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

ByteOrder = Literal["<", ">"]

# Tags and the kinds of their numbers (TIFF 6.0, 1992; BigTIFF, 2004).
WIDTH, LENGTH, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, SAMPLES_PER_PIXEL, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR = 273, 274, 277, 278, 279, 284
PREDICTOR, COLOR_MAP, TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS = 317, 320, 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, XMP, IMAGE_DEPTH = 338, 339, 700, 32997
SHORT, LONG, LONG8 = 3, 4, 16
_FORMATS = {SHORT: "H", LONG: "I", LONG8: "Q"}


class Tag(NamedTuple):
    """A tag and its whole numbers, each of the kind `SHORT`, `LONG` or `LONG8`."""

    code: int
    kind: int
    values: Sequence[int]


def pack_header(directory: int, order: ByteOrder = "<", *, big: bool = False) -> bytes:
    """Pack the first bytes of a file whose tags lie at the offset `directory`: 8, or 16 in a BigTIFF."""
    mark = b"II" if order == "<" else b"MM"
    return mark + (
        struct.pack(f"{order}HHHQ", 43, 8, 0, directory) if big else struct.pack(f"{order}HI", 42, directory)
    )


def pack_directory(tags: Iterable[Tag], offset: int, order: ByteOrder = "<", *, big: bool = False) -> bytes:
    """Pack the tags of the only page of a file, with the values that do not fit into the table behind it.

    Args:
        tags: In any order.
        offset: Where the bytes will lie in the file; even.
        order: Byte order of the file.
        big: Whether the file is a BigTIFF.

    Raises:
        struct.error: A value does not fit its kind.

    Source:
        TIFF 6.0 (Adobe, 1992), section 2; BigTIFF (Aware Systems, 2004).
    """
    count_format, entry_format, offset_format = ("Q", "HHQ", "Q") if big else ("H", "HHI", "I")
    ordered = sorted(tags)
    room = struct.calcsize(f"={offset_format}")
    entry_size = struct.calcsize(f"={entry_format}") + room
    beyond_offset = offset + struct.calcsize(f"={count_format}") + len(ordered) * entry_size + room
    table, beyond = bytearray(struct.pack(order + count_format, len(ordered))), bytearray()
    for tag in ordered:
        table += struct.pack(order + entry_format, tag.code, tag.kind, len(tag.values))
        value = struct.pack(f"{order}{len(tag.values)}{_FORMATS[tag.kind]}", *tag.values)
        if len(value) > room:
            table += struct.pack(order + offset_format, beyond_offset + len(beyond))
            beyond += value + bytes(len(value) % 2)
        else:
            table += value.ljust(room, b"\0")
    no_next_page = bytes(room)
    return bytes(table) + no_next_page + bytes(beyond)
