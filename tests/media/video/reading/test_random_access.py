from __future__ import annotations

import pytest

from moviola.media.video.reading.random_access import (
    READERS,
    Access,
    Bitstream,
    distrust_flags,
    nal_length_size,
    nal_units,
)
from tests.media.video.clips import packets_in
from tests.media.video.conftest import Clip

AVCC = bytes((1, 66, 0, 30, 0xFF, 0xE1))
RECOVERY_POINT = bytes((0x06, 0x06, 0x01, 0xC4, 0x80))  # recovery_frame_cnt 0
SLOW_RECOVERY_POINT = bytes((0x06, 0x06, 0x02, 0x28, 0x80, 0x80))  # ue(v) 00101: 4
X264_NOTE = bytes((0x06, 0x05, 0x1B)) + bytes(16) + b"x264 - core" + b"\x80"


def stream(codec: str, extradata: bytes = b"", *, reorders: bool = True, reorder_depth: int = 2) -> Bitstream:
    return Bitstream(codec, extradata, reorders=reorders, reorder_depth=reorder_depth)


def start_coded(*units: bytes) -> bytes:
    return b"".join(b"\0\0\0\1" + unit for unit in units)


def length_coded(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


@pytest.mark.parametrize("framed", [start_coded, length_coded])
@pytest.mark.parametrize(
    ("units", "key", "access"),
    [
        ([b"\x09\xf0", b"\x67\x42", b"\x68\xce", b"\x65\x88"], False, Access.CLOSED),
        ([RECOVERY_POINT, b"\x41\x9a"], True, Access.OPEN),
        ([RECOVERY_POINT, b"\x41\x9a"], False, Access.OPEN),
        ([b"\x06\x01\x01\x00\x80", RECOVERY_POINT, b"\x41\x9a"], False, Access.OPEN),
        ([SLOW_RECOVERY_POINT, b"\x41\x9a"], True, Access.WEAK),
        ([b"\x41\x9a"], True, Access.WEAK),
        ([b"\x41\x9a"], False, Access.NONE),
        ([b"\x41\x9a", b"\x65\x88"], False, Access.NONE),
    ],
)
def test_h264_access_points_are_read_from_the_bitstream(
    framed: object, units: list[bytes], key: bool, access: Access
) -> None:
    extradata = AVCC if framed is length_coded else b""
    data = length_coded(*units) if framed is length_coded else start_coded(*units)
    assert stream("h264", extradata).access(data, key=key) == access


@pytest.mark.parametrize(
    ("kind", "access"),
    [(19, Access.CLOSED), (20, Access.CLOSED), (16, Access.OPEN), (18, Access.OPEN), (21, Access.OPEN), (1, 0)],
)
def test_hevc_access_points_are_read_from_the_first_slice(kind: int, access: int) -> None:
    data = start_coded(bytes((32 << 1, 1, 0)), bytes((kind << 1, 1, 0)), bytes((19 << 1, 1, 0)))
    assert stream("hevc").access(data, key=False) == access


def test_hevc_without_a_known_slice_is_weak() -> None:
    assert stream("hevc").access(start_coded(bytes((1 << 1, 1, 0))), key=True) == Access.WEAK


@pytest.mark.parametrize(("type_bits", "access"), [(1, Access.OPEN), (2, Access.NONE), (3, Access.NONE)])
def test_mpeg2_intra_pictures_are_open(type_bits: int, access: Access) -> None:
    data = b"\0\0\1\xb3" + bytes(8) + b"\0\0\1\0" + bytes((0, type_bits << 3, 0))
    assert stream("mpeg2video").access(data, key=True) == access
    assert stream("mpeg2video").is_anchor(data) == (type_bits != 3)


def test_mpeg4_placeholders_are_no_access_points_and_no_anchors() -> None:
    placeholder = b"\0\0\1\xb6\x10\x00\x00"
    assert stream("mpeg4").access(placeholder, key=True) == Access.NONE
    assert not stream("mpeg4").is_anchor(b"\0\0\1\xb6\x50\x00\x00")


@pytest.mark.parametrize(("depth", "access"), [(1, Access.OPEN), (0, Access.CLOSED)])
def test_mpeg4_is_open_when_it_reorders(depth: int, access: Access) -> None:
    data = b"\0\0\1\xb6\x10" + bytes(20)
    assert stream("mpeg4", reorder_depth=depth).access(data, key=False) == access


@pytest.mark.parametrize("codec", sorted(READERS))
def test_an_empty_packet_is_no_access_point(codec: str) -> None:
    assert stream(codec).access(b"", key=True) == Access.NONE


@pytest.mark.parametrize("codec", sorted(READERS))
def test_one_byte_is_enough_to_be_read(codec: str) -> None:
    for byte in range(256):
        assert stream(codec).access(bytes((byte,)), key=False) in tuple(Access)


@pytest.mark.parametrize(
    ("codec", "intra", "inter"),
    [
        ("vp8", b"\x10", b"\x11"),
        ("theora", b"\x10\x20", b"\x50"),
        ("msmpeg4v1", b"\0\0\1\0\x01", b"\0\0\1\0\x02"),
        ("msmpeg4v2", b"\x3f", b"\x40"),
        ("msmpeg4v3", b"\x3f", b"\x40"),
        ("vp9", b"\x82\x49", b"\x86\x00"),
        ("vp6", b"\x40", b"\x80"),
    ],
)
def test_flags_are_not_asked_where_the_bits_tell(codec: str, intra: bytes, inter: bytes) -> None:
    assert stream(codec, reorders=False).access(intra, key=False) == Access.CLOSED
    assert stream(codec, reorders=False).access(inter, key=True) == Access.NONE


@pytest.mark.parametrize(
    "name",
    [
        "h263",
        "vp8_wrongly_marked",
        "vp9_alternate_references",
        "msmpeg4v2_wrongly_marked",
        "msmpeg4v3",
        "wmv1",
        "wmv2",
        "flv1",
    ],
)
def test_real_streams_have_an_access_point_every_group(clip: Clip, name: str) -> None:
    bits = stream(name.split("_", maxsplit=1)[0], reorders=False)
    step = 20 if name.startswith("vp") else 10
    found = [index for index, one in enumerate(packets_in(clip(name))) if bits.access(bytes(one), key=True)]
    assert found == list(range(0, 40, step))


@pytest.mark.parametrize(("reorders", "access"), [(True, Access.WEAK), (False, Access.CLOSED)])
def test_other_codecs_are_believed_as_far_as_they_can_be(reorders: bool, access: Access) -> None:
    assert stream("rv40" if reorders else "cinepak", reorders=reorders).access(b"x", key=True) == access
    assert stream("rv40", reorders=reorders).access(b"x", key=False) == Access.NONE


def test_flags_that_mark_everything_are_not_believed() -> None:
    access = bytearray((3, 3, 3, 3))
    distrust_flags("rpza", access, intra_only=False)
    assert list(access) == [3, 0, 0, 0]


@pytest.mark.parametrize(
    ("codec", "intra_only", "access"), [("mjpeg", True, (3, 3)), ("ffv1", False, (3, 3)), ("rpza", False, (3, 0, 3))]
)
def test_flags_that_can_be_true_are_believed(codec: str, intra_only: bool, access: tuple[int, ...]) -> None:
    flags = bytearray(access)
    distrust_flags(codec, flags, intra_only=intra_only)
    assert tuple(flags) == access


@pytest.mark.parametrize("framed", [start_coded, length_coded])
def test_x264_notes_keep_their_framing(framed: object) -> None:
    make = length_coded if framed is length_coded else start_coded
    bits = stream("h264", AVCC if framed is length_coded else b"")
    data = make(RECOVERY_POINT, X264_NOTE, b"\x65\x88")
    assert bits.encoder_notes(data) == make(X264_NOTE)
    assert bits.encoder_notes(make(RECOVERY_POINT, b"\x65\x88")) == b""


def test_mpeg4_notes_are_the_user_data_before_the_picture() -> None:
    note, other = b"\0\0\1\xb2DivX503b1393p", b"\0\0\1\xb2more"
    data = b"\0\0\1\x20head" + note + b"\0\0\1\xb3\x00" + other + b"\0\0\1\xb6\x10" + note
    assert stream("mpeg4").encoder_notes(data) == note + other
    assert stream("mpeg2video").encoder_notes(data) == b""


def test_nal_length_sizes() -> None:
    assert nal_length_size("h264", AVCC) == 4
    assert nal_length_size("h264", bytes((1, 66, 0, 30, 0xFD))) == 2
    assert nal_length_size("h264", b"\0\0\0\1\x67") == 0
    assert nal_length_size("hevc", bytes((1,)) + bytes(20) + bytes((3, 0))) == 4
    assert nal_length_size("hevc", b"\0\0\0\1" + bytes(30)) == 0
    assert nal_length_size("vp9", AVCC) == 0


def test_nal_units_of_damaged_data_end() -> None:
    assert list(nal_units(b"\xff\xff\xff\xff\x65", 4)) == [(4, 4 + 0xFFFFFFFF)]
    assert list(nal_units(b"\0\0\0\0\0\0\0\0", 4)) == []
    assert list(nal_units(b"\0\0\1\0\0\1", 0)) == []
