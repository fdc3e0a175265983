"""Bitmaps in parts: whatever they hold, they come together again, and no message is large."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.wire.bitmap import Bitmap
from moviola.wire.errors import ProtocolError
from moviola.wire.limits import KIB, MAX_CHUNKS, MIB
from moviola.wire.messages import ChunkWindow, Holdings, encode
from moviola.wire.windows import HEAD_SIZE, Windows, heads, windows

INDEXES = st.one_of(
    st.integers(0, 40),
    st.integers(8 * HEAD_SIZE - 20, 8 * HEAD_SIZE + 20),
    st.integers(0, MAX_CHUNKS - 1),
    st.integers(MAX_CHUNKS - 20, MAX_CHUNKS - 1),
)


def bitmap_of(indexes: set[int]) -> Bitmap:
    made = Bitmap()
    for index in indexes:
        made.add(index)
    return made


@given(st.lists(st.sets(INDEXES, max_size=30), max_size=4))
def test_bitmaps_come_together_again(tracks: list[set[int]]) -> None:
    bitmaps = [bitmap_of(indexes) for indexes in tracks]
    receiver = Windows()
    for window in windows("j", 3, bitmaps):
        assert len(encode(window)) < 300 * KIB
        receiver.add(window)
    last = Holdings("j", 3, heads(bitmaps))
    assert len(encode(last)) < MIB
    again = receiver.take("j", 3, last.tracks)
    assert [set(bitmap) for bitmap in again] == tracks
    assert [len(bitmap) for bitmap in again] == [len(indexes) for indexes in tracks]


def test_four_chunks_at_the_far_end_are_a_few_bytes() -> None:
    """In one message they were 5 MB, which cost the connection."""
    bitmaps = [bitmap_of({MAX_CHUNKS - 1}) for _ in range(4)]
    assert sum(len(encode(window)) for window in windows("j", 1, bitmaps)) < KIB
    assert len(encode(Holdings("j", 1, heads(bitmaps)))) < KIB


def test_a_full_job_of_all_tracks_is_sent_in_small_messages() -> None:
    full = Bitmap(b"\xff" * (MAX_CHUNKS // 8))
    assert len(encode(Holdings("j", 1, heads([full] * 127), ["f" * 4096] * 127))) < 2 * MIB
    assert [len(window.bits) for window in windows("j", 1, [full])] == [256 * KIB] * 4 + [MAX_CHUNKS // 8 - 1032 * KIB]


@pytest.mark.parametrize(
    "window",
    [
        ChunkWindow("j", 1, 0, 8 * HEAD_SIZE + 1, b"\1"),
        ChunkWindow("j", 1, 0, 0, b"\1"),
        ChunkWindow("j", 1, 0, MAX_CHUNKS + 8, b"\1"),
        ChunkWindow("j", 1, 256, 8 * HEAD_SIZE, b"\1"),
    ],
)
def test_a_window_that_cannot_be_one_is_refused(window: ChunkWindow) -> None:
    with pytest.raises(ProtocolError):
        Windows().add(window)


def test_windows_are_in_order_and_of_one_answer() -> None:
    """So that nobody can send more of them than there are chunks."""
    first = ChunkWindow("j", 1, 1, 8 * HEAD_SIZE, b"\1")
    for second in (
        first,
        ChunkWindow("j", 1, 0, 9 * 8 * HEAD_SIZE, b"\1"),
        ChunkWindow("k", 1, 2, 8 * HEAD_SIZE, b"\1"),
    ):
        receiver = Windows()
        receiver.add(first)
        with pytest.raises(ProtocolError):
            receiver.add(second)
    receiver = Windows()
    receiver.add(first)
    with pytest.raises(ProtocolError, match="answer for job k does not fit a window of job j"):
        receiver.take("k", 1, [b"", b""])
    assert [list(one) for one in receiver.take("k", 1, [b"\1"])] == [[0]]
