"""What waits to be sent, taken by a socket in pieces of any size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.wire import limits
from moviola.wire.limits import MIB
from moviola.wire.outbox import MAX_BUFFERS_PER_WRITE, FileSlice, Outbox

FILE = bytes(range(256)) * 4


def _sent(outbox: Outbox, takes: list[int]) -> bytes:
    """Everything that leaves where the socket takes so many bytes at a time, over and over."""
    sent, number = b"", 0
    while (part := outbox.first) is not None:
        count = takes[number % len(takes)]
        number += 1
        if isinstance(part, FileSlice):
            here = FILE[part.offset : part.offset + min(count, part.size)]
            outbox.slice_sent(len(here)) if here else outbox.slice_unreadable()
        else:
            here = b"".join(outbox.batch())[:count]
            outbox.batch_sent(len(here))
        sent += here
    return sent


@given(
    st.lists(st.binary(max_size=40) | st.tuples(st.integers(0, 900), st.integers(0, 100)), max_size=20),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
)
def test_all_of_it_leaves_in_order_whatever_the_socket_takes(
    parts: list[bytes | tuple[int, int]], takes: list[int]
) -> None:
    outbox, expected, released = Outbox(), b"", list[int]()
    for number, part in enumerate(parts):
        if isinstance(part, bytes):
            outbox.put(part)
            expected += part
        else:
            offset, size = part
            outbox.put_slice(FileSlice(lambda: 0, offset, size, lambda number=number: released.append(number)))  # type: ignore[misc]
            expected += FILE[offset : offset + size]
    assert outbox.size == len(expected)
    assert _sent(outbox, takes) == expected
    assert (outbox.memory_bytes, outbox.file_bytes) == (0, 0)
    assert sorted(released) == [number for number, part in enumerate(parts) if isinstance(part, tuple)]


def test_what_cannot_be_read_leaves_as_zeros_in_its_place() -> None:
    outbox, released = Outbox(), list[str]()
    outbox.put(b"before")
    outbox.put_slice(FileSlice(lambda: 0, len(FILE) - 10, 10 + 2 * MIB + 3, lambda: released.append("slice")))
    outbox.put(b"behind")
    assert (outbox.memory_bytes, outbox.file_bytes) == (12, 2 * MIB + 13)
    assert _sent(outbox, [MIB]) == b"before" + FILE[-10:] + bytes(2 * MIB + 3) + b"behind"
    assert released == ["slice"]


def test_one_call_takes_so_many_buffers_and_stops_at_a_file() -> None:
    outbox = Outbox()
    for _ in range(MAX_BUFFERS_PER_WRITE + 1):
        outbox.put(b"x")
    outbox.put_slice(FileSlice(lambda: 0, 0, 1, lambda: None))
    assert outbox.batch_sent(sum(map(len, outbox.batch())))
    assert len(outbox.batch()) == 1
    assert outbox.batch_sent(1)
    assert isinstance(outbox.first, FileSlice)


def test_what_will_never_be_sent_is_released_once() -> None:
    outbox, released = Outbox(), list[str]()
    outbox.put(b"x")
    outbox.put_slice(FileSlice(lambda: 0, 0, 5, lambda: released.append("slice")))
    outbox.clear()
    outbox.clear()
    assert released == ["slice"]
    assert not outbox
    assert outbox.size == 0


def test_who_takes_too_little_is_held_back_then_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("LOW_WATERMARK", 10), ("HIGH_WATERMARK", 20), ("MAX_BACKLOG", 30)):
        monkeypatch.setattr(limits, name, size)
    outbox = Outbox()
    seen = []
    for _ in range(4):
        outbox.put(bytes(9))
        seen.append((outbox.is_low, outbox.is_high, outbox.is_beyond_bounds))
    assert seen == [(True, False, False), (False, False, False), (False, True, False), (False, True, True)]


def test_what_waits_in_files_holds_nobody_back() -> None:
    outbox = Outbox()
    outbox.put_slice(FileSlice(lambda: 0, 0, 2 * limits.MAX_BACKLOG, lambda: None))
    assert outbox.is_low
    assert not outbox.is_beyond_bounds


def test_nothing_of_what_was_sent_is_kept() -> None:
    """It may be a chunk of many megabytes, and nothing may follow it for long."""
    outbox, data = Outbox(), bytearray(100)
    outbox.put(data)
    outbox.batch()
    assert not outbox.batch_sent(40)
    outbox.batch()
    assert outbox.batch_sent(60)
    data.append(1)  # BufferError while anybody looks at it
