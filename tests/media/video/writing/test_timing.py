from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.errors import SpliceError
from moviola.media.video.writing.timing import StrictTimes, TimedPacket, ToldTime, completed, decode_times


def timed(pts: list[int], delay: int, step: int = 10, end: int | None = None) -> list[TimedPacket]:
    packets = [TimedPacket(memoryview(b""), index == 0, each) for index, each in enumerate(pts)]
    return list(decode_times(packets, sorted(pts), delay, step, end))


def test_without_reordering_dts_is_pts() -> None:
    packets = timed([0, 10, 25, 30], delay=0)
    assert [packet.dts for packet in packets] == [0, 10, 25, 30]
    assert [packet.duration for packet in packets] == [10, 15, 5, 10]


def test_the_last_frame_lasts_as_long_as_the_source_says() -> None:
    assert [packet.duration for packet in timed([0, 10, 20], delay=0, end=27)] == [10, 10, 7]
    assert [packet.duration for packet in timed([0, 10, 20], delay=0, end=20)] == [10, 10, 10]


def test_b_frames_at_variable_rate() -> None:
    packets = timed([5, 40, 12, 33, 90, 41], delay=1)
    assert [packet.dts for packet in packets] == [-5, 5, 12, 33, 34, 41]
    assert [packet.duration for packet in packets[:-1]] == [7, 1, 21, 7, 10]
    assert length(packets) == 90 + 10 - 5


def test_a_pause_before_the_end_lengthens_no_other_frame() -> None:
    """An MP4 stores differences of dts: what they say of the frame that is shown last is what people see."""
    packets = timed([0, 160, 80, 40, 120, 9000, 240], delay=2, step=40, end=9100)
    last = next(index for index, packet in enumerate(packets) if packet.pts == 9000)
    assert packets[last].duration == 100
    assert packets[last + 1].dts - packets[last].dts == 100
    assert max(packet.pts + packet.duration for packet in packets) <= 9100
    assert length(packets) == 9100


def length(packets: list[TimedPacket]) -> int:
    """How long an MP4 takes the stream to be: all differences of dts, and the duration of the packet decoded last."""
    return packets[-1].dts - packets[0].dts + packets[-1].duration


@given(st.data())
def test_rises_strictly_and_never_passes_pts(data: st.DataObject) -> None:
    chunks = data.draw(st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=9), min_size=1, max_size=6))
    delay = data.draw(st.integers(0, 2))
    now, decode_order, shown = data.draw(st.integers(-100, 100)), [], []
    for steps in chunks:
        times = []
        for step in steps:
            times.append(now)
            now += step
        shown += times
        # every `delay + 1` frames the last is coded first, as an encoder with B-frames does
        for start in range(0, len(times), delay + 1):
            group = times[start : start + delay + 1]
            decode_order += [group[-1], *group[:-1]]
    packets = [TimedPacket(memoryview(b""), False, pts) for pts in decode_order]
    step = min((two - one for one, two in pairwise(shown)), default=7)
    given_times = list(decode_times(packets, shown, delay, step))
    dts = [packet.dts for packet in given_times]
    assert all(one < two for one, two in pairwise(dts))
    assert all(packet.dts <= packet.pts for packet in given_times)
    assert all(packet.duration > 0 for packet in given_times)
    assert length(given_times) >= shown[-1] + step - shown[0]
    assert max(packet.pts + packet.duration for packet in given_times) == shown[-1] + step


def test_too_long_a_step() -> None:
    packets = timed([0, 2, 1], delay=2, step=50)
    assert [packet.duration for packet in packets] == [1, 50, 1]
    assert length(packets) == 52


def test_an_encoder_that_reorders_more_than_it_said() -> None:
    with pytest.raises(SpliceError, match="reorders by more than 1"):
        timed([0, 40, 30, 20, 10], delay=1)


def test_nothing_comes_of_nothing() -> None:
    assert timed([], delay=2) == []


def test_reads_no_further_than_it_must() -> None:
    seen = []

    def packets() -> object:
        for pts in range(100):
            seen.append(pts)
            yield TimedPacket(memoryview(b""), False, pts)

    stream = decode_times(packets(), range(100), 2, 1)  # type: ignore[arg-type]
    next(stream)
    assert len(seen) == 2


def test_strict_times_move_what_does_not_rise() -> None:
    times = StrictTimes()
    assert [times.next(pts) for pts in (0, 0, 0, 5, 4, 9)] == [0, 1, 2, 5, 6, 9]
    assert times.moved == 3


def test_frames_without_a_time_come_at_the_usual_rate() -> None:
    begin = ToldTime(0, 100)
    assert completed([None] * 4, range(4), Fraction(5, 2), begin) == [100, 102, 105, 108]
    assert completed([100, None, None, 190, None], range(5), Fraction(10), begin) == [100, 110, 120, 190, 200]
    assert completed([None, 140], [3, 4], Fraction(10), ToldTime(1, 110)) == [130, 140]


def test_frames_without_a_time_leave_the_others_theirs() -> None:
    assert completed([0, None, None, 6, 16], range(5), Fraction(10), ToldTime(0, 0)) == [0, 2, 4, 6, 16]
    assert completed([None, None, 100], range(3), Fraction(10), ToldTime(0, 100)) == [100, 100, 100]
    assert completed([None, 7], [0, 0], Fraction(10), ToldTime(0, 0)) == [0, 7]  # two frames of one packet
