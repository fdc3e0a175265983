from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.images.tags import (
    MAX_ENTRIES,
    BadDirectory,
    directories,
    lasting,
    number,
    resolution_of,
    with_resolution,
)
from tests.media.images.pictures import directory, exif, long, short, text


def test_tags_and_their_types_come_back() -> None:
    block = exif({271: text("a maker"), 274: short(6), 33434: (5, 1, struct.pack("<2I", 1, 250))})
    (first,) = directories(lasting(block).to_exif(), 9)
    assert set(first) == {271, 33434}
    assert first.tagtype == {271: 2, 33434: 5}
    assert float(first[33434]) == 1 / 250


def test_a_chain_that_leads_back_ends() -> None:
    block = b"II*\0\x08\0\0\0" + directory({271: text("me")}, 8, following=8)
    assert len(list(directories(block, 9))) == 1


def test_big_tiff() -> None:
    head = b"II+\0\x08\0\0\0" + struct.pack("<Q", 16)
    body = struct.pack("<QHHQQQ", 1, 256, 4, 1, 640, 0)
    (first,) = directories(head + body, 9)
    assert number(first, 256) == 640


def test_more_entries_than_there_are() -> None:
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", MAX_ENTRIES + 1) + bytes(12 * (MAX_ENTRIES + 1) + 4)
    with pytest.raises(BadDirectory, match="entries"):
        list(directories(block, 9))


def test_entries_that_all_claim_the_whole_file() -> None:
    """Copied, they would be gigabytes."""
    size = 1 << 20
    entries = b"".join(struct.pack("<HHII", 1000 + tag, 1, size, 0) for tag in range(1000))
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", 1000) + entries + bytes(4)
    (first,) = directories(block.ljust(size, b"\0"), 9)
    assert len(set(first)) <= 1


def test_resolution() -> None:
    told = {282: (5, 1, struct.pack("<2I", 118, 1)), 283: (5, 1, struct.pack("<2I", 118, 1)), 296: short(3)}
    assert resolution_of(exif(told)) == pytest.approx((299.72, 299.72))
    assert resolution_of(exif({271: text("me")})) is None
    assert resolution_of(with_resolution(b"", (300.0, 150.5))) == (300.0, 150.5)
    assert with_resolution(exif(told), (72, 72)) == exif(told)
    assert resolution_of(b"") is None


@given(data=st.data())
def test_garbage_is_a_bad_directory_and_nothing_worse(data: st.DataObject) -> None:
    whole = bytearray(exif({271: text("a maker"), 282: (5, 1, bytes(8))}, {36867: text("2020:01:02 03:04:05")}))
    for _ in range(3):
        whole[data.draw(st.integers(4, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        made = lasting(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    except BadDirectory:
        return
    if made:
        list(directories(made.to_exif(), 9))


def test_each_byte_may_be_the_last() -> None:
    whole = exif({271: text("a maker"), 282: long(5)}, {36867: text("2020:01:02 03:04:05")})
    for end in range(len(whole)):
        try:
            lasting(whole[:end]).to_exif()
        except BadDirectory:
            continue
