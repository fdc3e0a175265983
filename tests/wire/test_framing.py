"""The frame parser: whole, byte by byte, with trailing bytes, with garbage; and what memory it takes meanwhile."""

from __future__ import annotations

import tracemalloc
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.wire.budget import Budget
from moviola.wire.errors import ProtocolError
from moviola.wire.framing import MAGIC, PREFIX, Frame, FrameReader, checksum, prefix
from moviola.wire.limits import FREE_SHARE, KIB, MAX_PAYLOAD, MIB

FRAMES = [(b"\x80", b""), (b"h" * 300, b"p" * 70_000), (b"x", b"y"), (b"z" * 5, b"")]
STREAM = b"".join(prefix(h, len(p), checksum(p)) + p for h, p in FRAMES)


def read(reader: FrameReader, data: bytes, *steps: int) -> list[Frame]:
    """Feeds `data` as a socket would: in pieces of these sizes (the last one again and again), never more than the
    reader's buffer takes."""
    frames: list[Frame] = []
    sizes = iter(steps)
    step = next(sizes)
    view = memoryview(data)
    while view:
        with reader.buffer() as buffer:
            part = view[: min(step, len(buffer))]
            assert part, "no memory"
            buffer[: len(part)] = part
        frames += reader.received(len(part))
        view = view[len(part) :]
        step = next(sizes, step)
    return frames


def plain(frames: list[Frame]) -> list[tuple[bytes, bytes]]:
    return [(frame.header, bytes(frame.payload)) for frame in frames]


@pytest.mark.parametrize("step", [1, 7, 23, 24, 25, 1000, 65536, 10**9])
def test_frames_come_out_whole_however_the_bytes_arrive(step: int) -> None:
    reader = FrameReader(max_header=1000, payload_limit=lambda _: 100_000)
    assert plain(read(reader, STREAM, step)) == FRAMES
    assert reader.idle


def test_a_payload_belongs_to_the_receiver_when_the_buffer_is_used_again() -> None:
    reader = FrameReader()
    first = read(reader, prefix(b"h", 3, checksum(b"abc")) + b"abc", 1000)[0]
    read(reader, prefix(b"h", 3, checksum(b"xyz")) + b"xyz", 1000)
    assert bytes(first.payload) == b"abc"


def test_trailing_bytes_wait_for_the_rest() -> None:
    reader = FrameReader()
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
        (PREFIX.pack(MAGIC, 1, 100_001, 0) + b"h", "too-large"),
        (PREFIX.pack(MAGIC, 1, 2**64 - 1, 0), "too-large"),
    ],
)
@pytest.mark.parametrize("step", [1, 10**9])
def test_what_breaks_the_rules_is_named(data: bytes, code: str, step: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(FrameReader(max_header=1000, payload_limit=lambda _: 100_000), data, step)
    assert caught.value.code == code


def test_a_payload_is_refused_by_its_header_before_any_of_it_comes() -> None:
    limits = {b"with": 10, b"without": 0}
    reader = FrameReader(payload_limit=lambda header: limits[header])
    assert plain(read(reader, prefix(b"with", 10, checksum(b"0123456789")) + b"0123456789", 1)) == [
        (b"with", b"0123456789")
    ]
    with pytest.raises(ProtocolError) as caught:
        read(reader, prefix(b"without", 1, 0), 1)
    assert caught.value.code == "too-large"


def test_what_is_only_announced_costs_nothing() -> None:
    """60 bytes took 256 MiB before."""
    reader = FrameReader()
    tracemalloc.start()
    try:
        read(reader, prefix(b"h" * 36, MAX_PAYLOAD, 1), 1000)
        with reader.buffer() as buffer:
            assert len(buffer)
        assert tracemalloc.get_traced_memory()[1] < 1 * MIB
    finally:
        tracemalloc.stop()


def test_a_large_header_in_small_pieces_is_copied_a_few_times_only() -> None:
    """What had come was copied again with each piece: 80 GB for 4 MiB."""
    header = bytes(4 * MIB)
    reader = FrameReader()
    data = prefix(header, 0, 0)
    taken = []
    view = memoryview(data)
    while view:
        with reader.buffer() as buffer:
            part = view[: min(1000, len(buffer))]
            buffer[: len(part)] = part
            taken.append(len(buffer))
        frames = list(reader.received(len(part)))
        view = view[len(part) :]
    assert [len(frame.header) for frame in frames] == [len(header)]
    grown = sum(1 for before, after in pairwise(taken) if after > before)
    assert grown < 16  # doubled as often as that: each byte is copied twice on the average, if at all


@given(st.lists(st.integers(1, 3 * MIB), min_size=1, max_size=6), st.integers(1, 8 * MIB))
def test_memory_grows_with_what_has_come(steps: list[int], size: int) -> None:
    budget = Budget()
    reader = FrameReader(budget=budget)
    read(reader, prefix(b"h", size, 1), 1000)
    come = 0
    for step in steps:
        part = min(step, size - 1 - come)
        if part <= 0:
            break
        read(reader, bytes(part), part)
        come += part
        assert len(reader._part) <= max(4 * come, come + FREE_SHARE)
        assert reader.account.held_bytes >= come
    reader.close()
    assert budget.used_bytes == 0


@given(st.binary(max_size=200), st.lists(st.integers(1, 50), min_size=1))
def test_garbage_never_does_more_than_raise_a_protocol_error(data: bytes, steps: list[int]) -> None:
    budget = Budget()
    reader = FrameReader(max_header=1000, payload_limit=lambda _: 1000, budget=budget)
    try:
        read(reader, data, *steps)
    except ProtocolError:
        pass
    assert budget.used_bytes <= 4 * KIB
    reader.close()
    assert budget.used_bytes == 0


MANY = st.lists(st.tuples(st.binary(max_size=50), st.binary(max_size=400)), max_size=5)


@given(MANY, st.lists(st.integers(1, 500), min_size=1), st.integers(1, 3))
def test_what_goes_in_comes_out(frames: list[tuple[bytes, bytes]], steps: list[int], few: int) -> None:
    """Also where no more than a few frames are taken at a time, and the buffer is used by others meanwhile."""
    stream = b"".join(prefix(h, len(p), checksum(p)) + p for h, p in frames)
    budget, scratch = Budget(), bytearray(64)
    reader = FrameReader(max_header=100, scratch=scratch, budget=budget)
    assert plain(read(reader, stream, *steps)) == frames
    assert reader.idle
    assert budget.used_bytes == 0

    got: list[Frame] = []
    view = memoryview(stream)
    sizes = iter(steps)
    step = next(sizes)
    while view:
        with reader.buffer() as buffer:
            part = view[: min(step, len(buffer))]
            buffer[: len(part)] = part
        view = view[len(part) :]
        step = next(sizes, step)
        coming = reader.received(len(part))
        while taken := list(islice(coming, few)):
            got += taken
            reader.keep()
            scratch[:] = bytes(64)
            coming = reader.frames()
    assert plain(got) == frames
    assert reader.idle
    assert budget.used_bytes == 0


@given(
    st.lists(st.tuples(st.binary(max_size=50), st.binary(min_size=1, max_size=400), st.booleans()), max_size=5),
    st.integers(1, 500),
)
def test_a_damaged_payload_is_told_and_the_next_frame_begins_where_it_should(
    frames: list[tuple[bytes, bytes, bool]], step: int
) -> None:
    def arrives(payload: bytes, is_damaged: bool) -> bytes:
        return payload[:-1] + bytes([payload[-1] ^ 1]) if is_damaged else payload

    stream = b"".join(prefix(h, len(p), checksum(p)) + arrives(p, bad) for h, p, bad in frames)
    got = read(FrameReader(max_header=100, scratch=bytearray(64)), stream, step)
    expected = [(header, b"" if bad else payload, bad) for header, payload, bad in frames]
    assert [(frame.header, bytes(frame.payload), frame.is_damaged) for frame in got] == expected
