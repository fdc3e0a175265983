from __future__ import annotations

import io
import struct
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import pytest

from moviola.media.errors import SpliceError
from moviola.media.video.mov_boxes import in_index, is_dolby_vision, parsed, to_front, told_end


def box(kind: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I4s", len(data) + 8, kind) + data


def table(*offsets: int) -> bytes:
    return box(b"stco", struct.pack(">II", 0, len(offsets)), struct.pack(f">{len(offsets)}I", *offsets))


def film(*tables: bytes) -> bytes:
    tracks = (box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", one)))) for one in tables)
    return box(b"ftyp", b"isom") + box(b"mdat", bytes(range(200))) + box(b"moov", *tracks)


def moved(data: bytes) -> bytes:
    file = io.BytesIO(data)
    to_front(file, lambda _moov: None)
    return file.getvalue()


def test_the_index_comes_to_the_front_and_still_finds_the_media() -> None:
    begin = len(box(b"ftyp", b"isom")) + 8
    data = moved(film(table(begin, begin + 50), table(begin + 100)))
    assert data[12:][4:8] == b"moov"
    places: list[int] = []
    for at in range(len(data)):
        if data[at : at + 4] == b"stco":
            (count,) = struct.unpack_from(">I", data, at + 8)
            places += struct.unpack_from(f">{count}I", data, at + 12)
    assert [data[place] for place in places] == [0, 50, 100]
    assert len(data) == len(film(table(begin, begin + 50), table(begin + 100)))


def test_places_beyond_32_bits_get_64() -> None:
    data = moved(film(table(2**32 - 10), table(40)))
    assert data.count(b"co64") == 1
    assert data.count(b"stco") == 1
    at = data.index(b"co64")
    (place,) = struct.unpack_from(">Q", data, at + 12)
    (size,) = struct.unpack_from(">I", data, 12)
    assert place == 2**32 - 10 + size


@pytest.mark.parametrize("data", [b"", box(b"ftyp", b"isom"), box(b"moov"), box(b"ftyp") + box(b"moov") + box(b"mdat")])
def test_a_file_without_an_index_at_its_end_is_refused(data: bytes) -> None:
    with pytest.raises(SpliceError, match="index"):
        moved(data)


HEADER = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 600, 900))
DESCRIPTION = box(b"stsd", struct.pack(">II", 0, 1), box(b"hvc1", bytes(70), box(b"dvcC", bytes(24))))
TABLES = 200 * 1024 * 1024


def with_index(path: Path, *content: bytes) -> Path:
    path.write_bytes(box(b"ftyp", b"isom") + box(b"moov", *content))
    return path


def nested(inside: int, *kinds: bytes) -> bytes:
    """The heads of boxes, each the only one in that before it, around so many bytes."""
    heads, size = b"", inside
    for kind in reversed(kinds):
        size += 8
        heads = struct.pack(">I4s", size, kind) + heads
    return heads


def test_what_a_source_tells_is_found_without_reading_its_tables(tmp_path: Path) -> None:
    """They have megabytes, and a file may say that they have any number."""
    path = tmp_path / "clip.mp4"
    behind = struct.pack(">I4s", TABLES, b"stsz")
    track = nested(len(DESCRIPTION) + TABLES, b"trak", b"mdia", b"minf", b"stbl")
    with path.open("wb") as file:
        file.write(
            box(b"ftyp", b"isom") + nested(len(track) + len(DESCRIPTION) + TABLES + len(HEADER), b"moov") + track
        )
        file.write(behind)
        file.seek(TABLES - 8, 1)  # a hole, which takes no room on the disk
        file.write(DESCRIPTION + HEADER)
    tracemalloc.start()
    try:
        assert is_dolby_vision(path, "mov,mp4")
        assert told_end(path, "mov,mp4") == Fraction(3, 2)
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()


def test_an_index_of_very_many_boxes_is_given_up(tmp_path: Path) -> None:
    path = with_index(tmp_path / "clip.mp4", box(b"free") * 100_000, HEADER)
    assert told_end(path, "mov,mp4") is None
    assert not is_dolby_vision(path, "mov,mp4")


def test_a_file_in_fragments_tells_no_end(tmp_path: Path) -> None:
    path = with_index(tmp_path / "clip.mp4", HEADER, box(b"mvex"))
    assert told_end(path, "mov,mp4") is None


def test_an_index_with_a_size_of_64_bits_is_looked_into() -> None:
    index = struct.pack(">I4sQ", 1, b"moov", 16 + len(HEADER)) + HEADER
    file: BinaryIO = io.BytesIO(box(b"ftyp", b"isom") + index + bytes(20))
    assert list(in_index(file, b"mvhd")) == [HEADER[8:]]


def test_a_tree_of_boxes_is_read_without_copies_of_what_lies_within() -> None:
    content = bytes(4 * 1024 * 1024)
    data = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stsz", content))))))
    tracemalloc.start()
    try:
        (moov,) = parsed(data)
        assert tracemalloc.get_traced_memory()[1] < 1.1 * len(content)
    finally:
        tracemalloc.stop()
    assert moov.to_bytes() == data
