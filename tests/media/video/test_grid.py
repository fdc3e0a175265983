from __future__ import annotations

import itertools
import pickle
from dataclasses import replace
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any, NamedTuple

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.filters.chain import Step
from moviola.media.bundle import read_table
from moviola.media.errors import ResultTooLong
from moviola.media.material import Source
from moviola.media.video.bundle import ChunkTable, PacketEntry, Range, ResultTable, Span
from moviola.media.video.cutting import plan as plan_module
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.process import process
from moviola.media.video.grid import MAX_TIMESCALE, Grid, Pace, grid_of
from moviola.media.video.report import ChunkReport
from moviola.media.video.writing.digest import video_packets
from tests.media.video.clips import OPEN_GOP, encode, with_empty_packets
from tests.media.video.conftest import Clip
from tests.media.video.cutting_room import frames_of, output, process_of, sound_of, take

FRAMES = 31
# Frame times at 1/600 s: bursts, a long stop, frames closer together than any grid here.
UNEVEN = [
    0,
    24,
    48,
    50,
    52,
    54,
    100,
    220,
    221,
    420,
    421,
    444,
    468,
    900,
    901,
    902,
    950,
    999,
    1000,
    1300,
    1301,
    1302,
    1303,
]


def fps(rate: str, *after: str) -> tuple[Step, ...]:
    return (Step("fps", {"rate": rate}), *(Step(name, {}) for name in after))


def by_hand(film: Path, rate: Fraction, end: Fraction) -> list[tuple[Fraction | None, str]]:
    """What a new rate gives, from a plain decode: at each tick the last frame that has begun."""
    seen = [(time, planes) for time, planes in frames_of(film) if time is not None]
    start = seen[0][0]
    ticks = itertools.takewhile(lambda time: time < end, (start + tick / rate for tick in itertools.count()))
    return [(tick, [planes for begun, planes in seen if begun <= tick][-1]) for tick in ticks]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 frames/s, B-frames over open GOPs, sound."""
    return encode(tmp_path_factory.mktemp("grid") / "clip.mp4", "libx264", FRAMES, options=OPEN_GOP, sound="aac")


@pytest.mark.parametrize("rate", ["25", "50", "10", "12", "24", "30", "25/2", "30000/1001", "1", "100"])
def test_each_tick_shows_the_last_frame_that_has_begun(film: Path, tmp_path: Path, rate: str) -> None:
    reel = take(film, tmp_path, output("ffv1", fps(rate)), chunk_frames=7)
    mkv = frames_of(reel.path)
    expected = by_hand(film, Fraction(rate), Fraction(FRAMES, 25))
    assert [planes for _, planes in mkv] == [planes for _, planes in expected]
    assert reel.spliced.account.frames_in == FRAMES
    assert reel.spliced.account.frames_out == len(expected)
    assert reel.spliced.account.lost_frames == 0


@pytest.mark.parametrize("rate", ["50", "12", "25/2", "30000/1001", "1000"])
def test_times_are_exact_and_even_and_the_sound_stays(film: Path, tmp_path: Path, rate: str) -> None:
    reel = take(film, tmp_path, output("mpeg4", fps(rate)), chunk_frames=10)
    times = [time for time, _ in video_packets(reel.path)]
    assert times == [tick / Fraction(rate) for tick in range(len(times))]
    assert len(times) == -(-Fraction(FRAMES, 25) * Fraction(rate) // 1)
    assert reel.spliced.details["time_error_s"] == 0
    assert sound_of(reel.path) == sound_of(film)
    with av.open(str(reel.path)) as file:
        (stream,) = file.streams.video
        assert stream.average_rate == Fraction(rate)
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.duration * stream.time_base == len(times) / Fraction(rate)


@pytest.mark.parametrize("codec", ["h264", "mpeg4", "ffv1"])
@pytest.mark.parametrize("chunk_frames", [1, 3, 64])
def test_where_it_is_cut_does_not_show(tmp_path: Path, codec: str, chunk_frames: int) -> None:
    """Of an uneven source; the encoders of h264 and mpeg4 begin anew with a chunk, so there only times are compared."""
    uneven = encode(
        tmp_path / "uneven.mkv", "libx264", len(UNEVEN), options=OPEN_GOP, times=UNEVEN, time_base=Fraction(1, 600)
    )
    cut, whole = (
        take(uneven, tmp_path / str(size), output(codec, fps("20")), chunk_frames=size) for size in (chunk_frames, 1000)
    )
    if codec == "ffv1":
        assert frames_of(cut.path) == frames_of(whole.path)
    assert [time for time, _ in frames_of(cut.path)] == [time for time, _ in frames_of(whole.path)]
    assert len(cut.results) > 1 or chunk_frames == 64


@pytest.mark.parametrize("rate", ["5", "20", "24000/1001", "60"])
@pytest.mark.parametrize("start", [0, 59059])
def test_uneven_sources(tmp_path: Path, rate: str, start: int) -> None:
    """A start that is no whole number of frames is kept exactly; a late one is taken off."""
    times = [start + 50 * each for each in UNEVEN]
    source = encode(
        tmp_path / "uneven.mp4", "libx264", len(times), options=OPEN_GOP, times=times, time_base=Fraction(1, 30000)
    )
    with av.open(str(source)) as file:
        packets = [each for each in file.demux(video=0) if each.size]
        stream: Any = file.streams.video[0]
        end = (stream.start_time + stream.duration) * stream.time_base  # of packets it tells distances of decoding
        first = min(each.pts * each.time_base for each in packets if each.pts is not None) if start < 15_000 else 0
    reel = take(source, tmp_path, output("ffv1", fps(rate, "identity")), chunk_frames=4)
    assert [planes for _, planes in frames_of(reel.path)] == [
        planes for _, planes in by_hand(source, Fraction(rate), end)
    ]
    mp4 = take(source, tmp_path, output("mpeg4", fps(rate)), chunk_frames=4)
    shown = [time for time, _ in video_packets(mp4.path)]
    assert shown == [first + tick / Fraction(rate) for tick in range(len(shown))]


def test_one_frame_alone_is_shown_as_long_as_it_was(tmp_path: Path) -> None:
    still = encode(tmp_path / "still.mp4", "libx264", 1)
    reel = take(still, tmp_path, output("ffv1", fps("100")))
    assert [planes for _, planes in frames_of(reel.path)] == [frames_of(still)[0][1]] * 4
    assert take(still, tmp_path, output("h264", fps("1"))).spliced.account.frames_out == 1


@pytest.mark.parametrize("mode", ["filter", "bypass"])
@pytest.mark.parametrize("codec", ["mpeg4", "none"])
def test_a_pause_of_a_day_is_refused_before_anything_is_encoded(tmp_path: Path, codec: str, mode: str) -> None:
    """As a flipped bit in one of the times makes it, too."""
    day = 25 * 24 * 3600
    path = encode(tmp_path / "pause.mkv", "libx264", 4, times=[0, 1, day, day + 1])
    source, chunks = split_file(path)
    (chunk,) = chunks
    told: list[int] = []
    with pytest.raises(ResultTooLong, match="come to 2160002 frames") as raised:
        process(chunk.payload, source.process, output(codec, fps("25")), mode=mode, on_frame=told.append)
    assert not told
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_a_source_without_times_is_taken_at_its_rate(film: Path, tmp_path: Path) -> None:
    def untimed(source: Source) -> Source:
        lost = {"first_pts": None, "pts_complete": False, "last_end": None}
        return replace(source, splice={**source.splice, **lost}, process={**source.process, "first_pts": None})

    source, chunks = split_file(film, chunk_frames=7)
    source = untimed(source)
    ticks = []
    for chunk in chunks:
        if chunk.stream == 0:
            table = replace(read_table(ChunkTable, chunk.payload), span=None)
            grid = grid_of(output(chain=fps("50")), process_of(source))
            assert grid is not None
            pace = Pace(grid, table, process_of(source))
            ticks += [*pace.before(table.first + chunk.frame_count - 1), *pace.rest()]
    assert ticks == list(range(2 * FRAMES))


@pytest.mark.parametrize("name", ["h264_one_keyframe", "h264_without_timestamps"])
def test_what_cannot_be_cut_is_encoded_anew_with_its_times(
    name: str, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clip(name)
    whole = take(source, tmp_path / "whole", output("ffv1", fps("40")), chunk_frames=1000)
    monkeypatch.setattr(plan_module, "MAX_CHUNK_FRAMES", 12)
    monkeypatch.setattr(plan_module, "MAX_PIECES", 1)
    cut = take(source, tmp_path / "cut", output("ffv1", fps("40")))
    assert cut.source.facts["lossless_reencode"]
    assert len(cut.results) > 1
    assert frames_of(cut.path) == frames_of(whole.path)
    assert cut.spliced.account.frames_out == -(-cut.spliced.account.frames_in * 40 // 25)


def test_packets_that_say_the_picture_stays(tmp_path: Path) -> None:
    plain = encode(tmp_path / "plain.nut", "mpeg4", 20)
    reel = take(with_empty_packets(plain, tmp_path / "stays.nut"), tmp_path, output("ffv1", fps("25")), chunk_frames=4)
    assert [planes for _, planes in frames_of(reel.path)] == [planes for _, planes in frames_of(plain)]


@pytest.mark.usefixtures("plugin")
class TestFiltersBehindIt:
    def reports(self, film: Path, rate: str, *after: str, **more: Any) -> list[ChunkReport]:
        source, chunks = split_file(film, chunk_frames=7, context_frames=2)
        wanted = output("ffv1", fps(rate, *after), more.pop("on_error", "original"))
        results = [process(each.payload, source.process, wanted, **more) for each in chunks if each.stream == 0]
        return [read_table(ResultTable, each.payload).report for each in results]

    @pytest.mark.parametrize("rate", ["5", "10", "60"])
    def test_they_look_back_at_the_sources_frames(self, film: Path, tmp_path: Path, rate: str) -> None:
        trailed = take(film, tmp_path, output("ffv1", (Step("trail", {}),)), chunk_frames=1000)
        whole = by_hand(trailed.path, Fraction(rate), Fraction(FRAMES, 25))
        for size in (1, 7, 1000):
            made = take(
                film, tmp_path / str(size), output("ffv1", fps(rate, "trail")), chunk_frames=size, context_frames=2
            )
            assert [planes for _, planes in frames_of(made.path)] == [planes for _, planes in whole]

    def test_only_what_is_shown_or_looked_back_at_is_filtered(self, film: Path) -> None:
        """Of every five frames one is shown; 'picky' fails on every fifth, which are those."""
        reports = self.reports(film, "5", "picky")
        assert [frame for report in reports for frame, *_ in report.fallback] == [5, 10, 15, 20, 25, 30]
        assert [frame for report in self.reports(film, "25/4", "picky") for frame, *_ in report.fallback] == [20]

    def test_a_frame_that_fails_is_listed_once_however_often_it_is_shown(self, film: Path) -> None:
        reports = self.reports(film, "50", "picky")
        assert [frame for report in reports for frame, *_ in report.fallback] == [5, 10, 15, 20, 25, 30]
        assert [each for report in reports for each in report.frames] == [index // 2 for index in range(2 * FRAMES)]

    def test_dropped_frames_leave_their_ticks_empty(self, film: Path, tmp_path: Path) -> None:
        made = take(film, tmp_path, output("mpeg4", fps("50", "picky"), "drop"), chunk_frames=7)
        times = [time for time, _ in video_packets(made.path)]
        assert times == [Fraction(tick, 50) for tick in range(2 * FRAMES) if tick // 2 not in range(5, FRAMES, 5)]
        assert made.spliced.account.lost_frames == 6

    def test_frames_shown_again_and_again_are_a_sign_of_life(self, film: Path) -> None:
        source, chunks = split_file(film, chunk_frames=1000)
        payload = next(each.payload for each in chunks if each.stream == 0)
        told: list[int] = []
        process(payload, source.process, output("mpeg4", fps("100")), on_frame=told.append)
        assert len(told) == 4 * FRAMES
        assert told == sorted(told)
        assert told[-1] == FRAMES

    def test_bypassed_it_keeps_its_rate(self, film: Path) -> None:
        (first, *_) = self.reports(film, "50", "picky", mode="bypass")
        assert first.pts == list(range(2 * first.sent))


rates = st.fractions(min_value=Fraction(1, 10), max_value=1000, max_denominator=1001)
starts = st.fractions(min_value=-5, max_value=10_000, max_denominator=90_000)


@given(rate=rates, start=starts, tick=st.integers(0, 10**7))
def test_ticks_are_exact(rate: Fraction, start: Fraction, tick: int) -> None:
    grid = Grid(rate, start)
    assert grid.units(tick) * grid.time_base == start + tick / rate
    assert grid.first_tick(start + tick / rate) == tick
    assert grid.first_tick(start + tick / rate + Fraction(1, 10**12)) == tick + 1


class Times(NamedTuple):
    """When a source's frames are shown."""

    first_pts: int
    time_base: Fraction
    rate: Fraction = Fraction(25)


def test_a_start_that_no_time_base_can_hold_is_moved_by_less_than_a_frame() -> None:
    facts = Times(123_456_789, Fraction(1, 1_000_000_007))
    grid = grid_of(output(chain=fps("30000/1001")), facts)
    assert grid is not None
    exact = Fraction(123_456_789, 1_000_000_007)
    assert lcm(grid.rate.numerator, grid.origin.denominator) <= MAX_TIMESCALE
    assert 0 <= grid.origin - exact < 1 / grid.rate
    assert grid.first_tick(exact) == 0


@pytest.mark.parametrize("chain", [(), (Step("blur", {}),)])
def test_other_chains_have_none(chain: tuple[Step, ...]) -> None:
    assert grid_of(output(chain=chain), Times(0, Fraction(1, 25))) is None


@given(
    gaps=st.lists(st.integers(0, 40), min_size=1, max_size=40),
    cuts=st.sets(st.integers(1, 39)),
    rate=st.sampled_from(["5", "30000/1001", "100"]),
)
def test_chunks_tile_the_grid(gaps: list[int], cuts: set[int], rate: str) -> None:
    """However it is cut, each tick belongs to one frame, and to the same."""
    times = list(itertools.accumulate(gaps, initial=7))
    end = times[-1] + 3
    facts = Times(7, Fraction(1, 100))
    grid = grid_of(output(chain=fps(rate)), facts)
    assert grid is not None
    bounds = [0, *sorted(cut for cut in cuts if cut < len(times)), len(times)]
    shown: list[tuple[int, int]] = []
    for first, stop in itertools.pairwise(bounds):
        table = ChunkTable(
            p=[PacketEntry(1, pts, None, 0, 0, None) for pts in times[first:stop]],
            own=[Range(0, stop - first)],
            preroll=0,
            skip=0,
            first=first,
            rank=None,
            span=Span(times[first], times[stop] if stop < len(times) else end),
        )
        pace = Pace(grid, table, facts)
        assert list(pace.before(first)) == []
        for index in range(first, stop):
            shown += [(tick, index) for tick in (pace.before(index + 1) if index + 1 < stop else pace.rest())]
    count = grid.first_tick(Fraction(end, 100))
    expected = [
        max(i for i, t in enumerate(times) if Fraction(t, 100) <= Fraction(7, 100) + k / grid.rate)
        for k in range(count)
    ]
    assert shown == list(enumerate(expected))
