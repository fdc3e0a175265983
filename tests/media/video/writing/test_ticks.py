"""Pauses that are longer than FFmpeg's muxer of MP4 and QuickTime counts in the ticks of the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, repeat
from pathlib import Path
from typing import Any

import av
import pytest

from moviola.filters.chain import Step
from moviola.media.material import Encoder, Output
from moviola.media.video.writing.ticks import MAX_SPAN, fitting
from tests.media.video.clips import encode, packets_in
from tests.media.video.cutting_room import in_container, output, take, times_of, told

NANOSECOND = Fraction(1, 10**9)
TENTH_OF_A_MICROSECOND = Fraction(1, 10**7)


def clip_of(folder: Path, times: Sequence[Fraction | int], base: Fraction) -> Path:
    """A clip whose frames are shown at these times, in seconds, which its container counts in this unit."""
    ticks = [int(each / base) for each in times]
    return encode(folder / "clip.nut", "ffv1", len(ticks), times=ticks, time_base=base)


def with_b_frames() -> Output:
    return replace(output(), encoder=Encoder("h264", preset="veryfast"))


@pytest.mark.parametrize(
    "wanted", [output("mpeg4"), with_b_frames(), in_container("mov")], ids=lambda each: each.encoder
)
def test_a_pause_in_very_short_ticks_is_kept(tmp_path: Path, wanted: Output) -> None:
    steps = [Fraction(1, 25)] * 6 + [Fraction(3)] + [Fraction(1, 25)] * 6
    times = list(accumulate(steps, initial=Fraction(0)))
    reel = take(clip_of(tmp_path, times, NANOSECOND), tmp_path, wanted)
    assert times_of(reel.path) == times
    assert not reel.spliced.warnings
    assert "times of frames" not in told(tmp_path / "clip.nut", wanted), "they are multiples of 40 ms"


def test_a_pause_beside_times_that_need_such_ticks_has_them_rounded_and_that_is_said(tmp_path: Path) -> None:
    times = [Fraction(0), Fraction("0.0400001"), Fraction(300), Fraction("300.0000007")]
    reel = take(clip_of(tmp_path, times, TENTH_OF_A_MICROSECOND), tmp_path)
    assert times_of(reel.path) == [0, Fraction("0.04"), 300, Fraction("300.000001")]
    assert not reel.spliced.warnings, "it was said before"
    said = told(tmp_path / "clip.nut", output())["times of frames"]
    assert said.reason == "are rounded to 0.001 ms: an MP4 file with so long a pause tells no finer ones"


def test_many_short_steps_change_nothing(tmp_path: Path) -> None:
    times = list(accumulate(repeat(Fraction("0.1000001"), 40), initial=Fraction(0)))
    reel = take(clip_of(tmp_path, times, NANOSECOND), tmp_path, with_b_frames())
    assert times_of(reel.path) == times
    with av.open(str(reel.path)) as file:
        assert file.streams.video[0].time_base == NANOSECOND


def test_the_last_frame_may_be_shown_for_long(tmp_path: Path) -> None:
    clip = clip_of(tmp_path, [0, 1], NANOSECOND)
    reel = take(clip, tmp_path, edit=lambda source: replace(source, splice=lasting(source.splice, 10 * 10**9)))
    with av.open(str(reel.path)) as file:
        assert file.duration == 10 * av.time_base


def lasting(splice: dict[str, Any], end: int) -> dict[str, Any]:
    return {**splice, "last_end": end, "longest_span": end}


def test_a_slow_rate_of_its_own_may_begin_at_any_time(tmp_path: Path) -> None:
    times = [Fraction(1, 10**9), *range(1, 31, 3)]
    reel = take(clip_of(tmp_path, times, NANOSECOND), tmp_path, output(chain=(Step("fps", {"rate": "1/10"}),)))
    assert [round(float(each or 0), 6) for each in times_of(reel.path)] == [0, 10, 20]


def test_subtitles_between_which_is_a_pause(tmp_path: Path) -> None:
    lines = [(0, b"One"), (4, b"Two"), (9, b"Three")]
    clip = _in_nanoseconds(tmp_path / "clip.mkv", lines)
    with av.open(str(take(clip, tmp_path).path)) as file:
        (stream,) = file.streams.subtitles
        packets: list[Any] = [each for each in file.demux(stream) if each.size > 2]
    assert [(each.pts * each.time_base, bytes(each)[2:]) for each in packets] == lines


def _in_nanoseconds(path: Path, lines: Sequence[tuple[int, bytes]]) -> Path:
    """Write a Matroska of ten seconds, whose TimestampScale is 1: FFmpeg writes milliseconds, so many of them."""
    milliseconds, data = Fraction(1, 1000), bytes(packets_in(encode(path.with_suffix(".avi"), "mpeg4", 1))[0])
    with av.open(str(path), "w") as file:
        video: Any = file.add_mux_stream("mpeg4", rate=1, width=64, height=48, time_base=milliseconds)
        text = file.add_mux_stream("subrip", time_base=milliseconds)
        told = [(at, video, data) for at in range(10)] + [(at, text, words) for at, words in lines]
        for at, stream, content in sorted(told, key=lambda each: each[0]):
            packet: Any = av.Packet(content)
            packet.stream, packet.time_base, packet.is_keyframe = stream, milliseconds, True
            packet.pts = packet.dts = at * 10**9
            packet.duration = 10**9
            file.mux(packet)
    path.write_bytes(path.read_bytes().replace(b"\x2a\xd7\xb1\x83\x0f\x42\x40", b"\x2a\xd7\xb1\x83\0\0\1"))
    return path


@pytest.mark.parametrize(
    ("ticks", "span_s", "few"),
    [
        (90_000, 6 * 3600, 90_000),
        (10**9, 2, 10**9),
        (10**9, 3, 10**8),
        (30_000, 100_000, 3_000),
        (999_983, 3_000, 499_991),
    ],
)
def test_ticks_become_as_few_as_the_span_wants(ticks: int, span_s: int, few: int) -> None:
    assert fitting(ticks, Fraction(span_s)) == few
    assert few * span_s <= MAX_SPAN


def test_no_span_takes_long_or_leaves_no_tick() -> None:
    assert fitting(10**9, Fraction(2**62)) == 1
