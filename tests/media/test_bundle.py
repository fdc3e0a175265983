from __future__ import annotations

import struct

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.bundle import pack, unpack, unpack_table
from moviola.media.errors import BundleError

PACKETS = [b"first", b"", b"third one"]
TABLE = {"p": [[5, 0, 0, 1, 1, None], [0, 1, 1, 1, 0, None], [9, 2, 2, 1, 0, [["palette", b"\0\1"]]]], "preroll": 1}


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_packets_come_back(packets: list[bytes]) -> None:
    table, views = unpack(pack({"p": [[len(one)] for one in packets], "note": "x"}, packets))
    assert [bytes(view) for view in views] == packets
    assert table["note"] == "x"


def test_side_data_stays_bytes() -> None:
    assert unpack_table(pack(TABLE, PACKETS)) == TABLE


def test_unpacking_copies_nothing() -> None:
    payload = bytearray(pack(TABLE, PACKETS))
    _, views = unpack(payload)
    payload[-1:] = b"!"
    assert bytes(views[2]) == b"third on!"


def test_sizes_must_agree_when_packing() -> None:
    with pytest.raises(ValueError, match="not those of the parts"):
        pack({"p": [[4]]}, [b"first"])


@pytest.mark.parametrize("cut", [0, 3, 4, 20, -1])
def test_a_payload_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(BundleError):
        unpack(pack(TABLE, PACKETS)[:cut])


def test_a_payload_with_a_tail_is_refused() -> None:
    with pytest.raises(BundleError, match="promises 14 bytes of parts, the bundle holds 15"):
        unpack(pack(TABLE, PACKETS) + b"!")


@pytest.mark.parametrize("table", [[], {"q": []}, {"p": 3}, {"p": [3]}, {"p": [["5"]]}, {"p": [[-1]]}, {"p": [[]]}])
def test_a_strange_table_is_refused(table: object) -> None:
    packed = msgpack.packb(table)
    with pytest.raises(BundleError):
        unpack(struct.pack(">I", len(packed)) + packed)


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_read(garbage: bytes) -> None:
    try:
        table, views = unpack(garbage)
    except BundleError:
        return
    assert len(table["p"]) == len(views)
