from __future__ import annotations

import io
import struct

import pytest

from moviola.media.errors import SpliceError
from moviola.media.video.mov_boxes import to_front


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
