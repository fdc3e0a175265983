from __future__ import annotations

import struct
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.images.ifd import BadDirectory, Directories, block
from tests.media.images.pictures import directory, exif, long, short, text


def test_values_in_place_and_elsewhere() -> None:
    (first,) = Directories(exif({274: short(6), 258: short(8, 8, 8), 271: text("a maker")})).chain(9)
    assert first[274].number == 6
    assert (first[258].number, first[258].count) == (8, 3)
    assert first[271].data == b"a maker\0"
    assert first[271].number == 0


def test_what_is_written_is_read_in_either_byte_order() -> None:
    (first,) = Directories(exif({274: short(6), 271: text("a maker")})).chain(9)
    for order, head in (("<", b"II*\0"), (">", b"MM\0*")):
        written = head + struct.pack(order + "I", 8) + block(first, order, 8)
        (again,) = Directories(written).chain(9)
        assert again[271].data == b"a maker\0"
        assert again[274].count == 1


def test_big_tiff() -> None:
    entry = struct.pack("<HHQQ", 256, 4, 1, 640)
    data = b"II+\0" + struct.pack("<HHQ", 8, 0, 16) + struct.pack("<Q", 1) + entry + struct.pack("<Q", 0)
    (first,) = Directories(data).chain(9)
    assert first[256].number == 640


def test_a_chain_that_bites_its_tail_ends() -> None:
    data = b"II*\0\x08\0\0\0" + directory({256: long(1)}, 8, following=8)
    assert len(list(Directories(data).chain(1000))) == 1


def test_values_beyond_the_end_are_left_out() -> None:
    data = exif({271: text("a maker of cameras")})[:-4]
    (first,) = Directories(data).chain(9)
    assert 271 not in first


@given(st.binary(max_size=200))
def test_garbage_is_no_directory_and_nothing_worse(data: bytes) -> None:
    for start in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0"):
        with suppress(BadDirectory):
            for entries in Directories(start + data).chain(50):
                assert all(len(entry.data) >= 1 for entry in entries.values())


def test_entries_that_claim_the_same_bytes_copy_none() -> None:
    size, count = 1 << 20, 4000
    entries = b"".join(struct.pack("<HHII", tag, 7, size, 0) for tag in range(count))
    data = b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(size)
    tracemalloc.start()
    (first,) = Directories(data).chain(1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(first) == count
    assert peak < 4 * size


def test_what_is_no_tiff() -> None:
    with pytest.raises(BadDirectory):
        Directories(b"JUNK....")
