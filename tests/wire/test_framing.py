"""The frame parser: whole, byte by byte, with trailing bytes, and with garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import ProtocolError
from wire.framing import MAGIC, PREFIX, Frame, FrameReader, checksum, prefix

FRAMES = [(b"\x80", b""), (b"h" * 300, b"p" * 70_000), (b"x", b"y"), (b"z" * 5, b"")]
STREAM = b"".join(prefix(h, len(p), checksum(p)) + p for h, p in FRAMES)


def read(reader: FrameReader, data: bytes, step: int) -> list[Frame]:
    """Feeds `data` as a socket would: never more than `step` bytes, never more than the reader's buffer takes."""
    frames: list[Frame] = []
    while data:
        buffer = reader.buffer()
        part = data[: min(step, len(buffer))]
        buffer[: len(part)] = part
        frames += reader.received(len(part))
        data = data[len(part) :]
    return frames


@pytest.mark.parametrize("step", [1, 7, 23, 24, 25, 1000, 65536, 10**9])
def test_frames_come_out_whole_however_the_bytes_arrive(step: int) -> None:
    reader = FrameReader(max_header=1000, max_payload=100_000)
    frames = read(reader, STREAM, step)
    assert [(frame.header, bytes(frame.payload)) for frame in frames] == FRAMES
    assert reader.idle


def test_a_payload_belongs_to_the_receiver_when_the_buffer_is_used_again() -> None:
    reader = FrameReader(max_header=100, max_payload=100)
    first = read(reader, prefix(b"h", 3, checksum(b"abc")) + b"abc", 1000)[0]
    read(reader, prefix(b"h", 3, checksum(b"xyz")) + b"xyz", 1000)
    assert bytes(first.payload) == b"abc"


def test_trailing_bytes_wait_for_the_rest() -> None:
    reader = FrameReader(max_header=1000, max_payload=100_000)
    assert len(read(reader, STREAM + STREAM[:10], 10**9)) == len(FRAMES)
    assert not reader.idle
    assert len(read(reader, STREAM[10:], 10**9)) == len(FRAMES)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1", "not-moviola"),
        (b"X", "not-moviola"),
        (PREFIX.pack(MAGIC, 1001, 0, 0), "too-large"),
        (PREFIX.pack(MAGIC, 2**32 - 1, 0, 0), "too-large"),
        (PREFIX.pack(MAGIC, 1, 100_001, 0), "too-large"),
        (PREFIX.pack(MAGIC, 1, 2**64 - 1, 0), "too-large"),
        (prefix(b"h", 3, 12345) + b"abc", "corrupt"),
        (prefix(b"h", 3, checksum(b"abc")) + b"abd", "corrupt"),
    ],
)
@pytest.mark.parametrize("step", [1, 10**9])
def test_what_breaks_the_rules_is_named(data: bytes, code: str, step: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(FrameReader(max_header=1000, max_payload=100_000), data, step)
    assert caught.value.code == code


@given(st.binary(max_size=200), st.integers(1, 50))
def test_garbage_never_does_more_than_raise_a_protocol_error(data: bytes, step: int) -> None:
    try:
        read(FrameReader(max_header=1000, max_payload=1000), data, step)
    except ProtocolError:
        pass


@given(st.lists(st.tuples(st.binary(max_size=50), st.binary(max_size=400)), max_size=5), st.integers(1, 500))
def test_what_goes_in_comes_out(frames: list[tuple[bytes, bytes]], step: int) -> None:
    stream = b"".join(prefix(h, len(p), checksum(p)) + p for h, p in frames)
    got = read(FrameReader(max_header=100, max_payload=1000, scratch=bytearray(64)), stream, step)
    assert [(frame.header, bytes(frame.payload)) for frame in got] == frames
