from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from moviola.filters.chain import Step
from moviola.media.account import MISSING
from moviola.media.bundle import pack, unpack
from moviola.media.errors import BundleError, ForeignExtradata, SpliceError
from moviola.media.fidelity import Fate
from moviola.media.kinds import findings
from moviola.media.material import NO_VIDEO, Encoder, Output, Result, Source
from moviola.media.report import Lost
from moviola.media.spliced import Spliced
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.process import process
from moviola.media.video.writing.splice import splice
from tests.media.shelf import Shelf
from tests.media.video import paff
from tests.media.video.clips import encode, untimed
from tests.media.video.cutting_room import BLUR, IDENTITY, Reel, frames_of, output, sound_of, take, times_of

B_FRAMES = {"x264-params": "scenecut=0:b-adapt=0:bframes=3:b-pyramid=normal"}
Bench = tuple[Source, list[bytes], list[Result]]


def gop(length: int) -> dict[str, str]:
    return {"x264-params": f"scenecut=0:b-adapt=0:bframes=3:keyint={length}:min-keyint={length}:open-gop=0"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("splice") / "clip.mp4", "libx264", 40, options=gop(10), sound="aac")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Four chunks of ten frames, processed by an encoder with B-frames."""
    path = encode(tmp_path_factory.mktemp("bench") / "clip.mp4", "libx264", 40, options=gop(10))
    source, chunks = split_file(path, chunk_frames=10)
    payloads = [chunk.payload for chunk in chunks]
    return source, payloads, [process(each, source.process, b_frames()) for each in payloads]


def b_frames() -> Output:
    return replace(output(), encoder=Encoder("h264", preset="veryfast"))


def retimed(result: Result, pts: Sequence[int | None]) -> bytes:
    table, packets = unpack(result.payload)
    table["report"]["pts"] = list(pts)
    return pack(table, packets)


def join(
    folder: Path,
    source: Source,
    times: Sequence[int | None],
    results: Sequence[Result],
    wanted: Output,
    **changes: object,
) -> tuple[Spliced, list[Fraction | None]]:
    """Splice results whose frames have these times, in a time base of 1/1000 s."""
    facts = {**source.splice, "time_base": [1, 1000], "last_end": None, "passthrough": [], **changes}
    payloads, at = [], 0
    for result in results:
        payloads.append(retimed(result, times[at : at + result.frames_out]))
        at += result.frames_out
    spliced = splice(Shelf(folder), replace(source, splice=facts, stream_count=1), wanted, payloads, {})
    return spliced, times_of(folder / spliced.main)


# -- times -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [64, 65, 129, 130])
@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_group_lengths_around_the_chunk_size(tmp_path: Path, length: int, codec: str) -> None:
    clip = encode(tmp_path / "long.mp4", "libx264", 2 * length + 3, options=gop(length))
    wanted = replace(output(codec), encoder=Encoder(codec, preset="veryfast"))
    reel = take(clip, tmp_path, wanted, chunk_frames=64)
    assert len(reel.results) > 2
    assert times_of(reel.path) == times_of(clip) == [Fraction(index, 25) for index in range(2 * length + 3)]
    assert reel.spliced.details["time_error_s"] == 0
    assert reel.spliced.account.frames_out == reel.spliced.account.frames_in == 2 * length + 3


@pytest.mark.parametrize("chunk_frames", [1, 2, 3, 7])
def test_chunks_of_a_few_frames(tmp_path: Path, chunk_frames: int) -> None:
    clip = encode(tmp_path / "short.mp4", "libx264", 23, options={"x264-params": "bframes=0:keyint=4"})
    wanted = replace(output(), encoder=Encoder("h264", preset="veryfast"))
    reel = take(clip, tmp_path, wanted, chunk_frames=chunk_frames)
    assert len(reel.results) == -(-23 // chunk_frames)
    assert times_of(reel.path) == [Fraction(index, 25) for index in range(23)]


def test_variable_rate_with_b_frames(tmp_path: Path) -> None:
    steps = [33, 34, 17, 120, 1, 40, 500, 33]
    times = [sum((steps * 6)[:index]) for index in range(40)]
    clip = encode(tmp_path / "vfr.mkv", "libx264", 40, options=gop(10), times=times, time_base=Fraction(1, 1000))
    wanted = replace(output(), encoder=Encoder("h264", preset="veryfast"))
    reel = take(clip, tmp_path, wanted, chunk_frames=10)
    assert times_of(reel.path) == [Fraction(time, 1000) for time in times]
    assert reel.spliced.details["time_error_s"] == 0


def test_dts_rises_over_the_seams(clip: Path, tmp_path: Path) -> None:
    wanted = replace(output(), encoder=Encoder("h264", preset="veryfast"))
    reel = take(clip, tmp_path, wanted, chunk_frames=10)
    with av.open(str(reel.path)) as container:
        packets = [(p.dts, p.pts, p.duration) for p in container.demux(video=0) if p.size]
    assert all(one[0] < two[0] for one, two in pairwise(packets))  # type: ignore[operator]
    assert all(dts <= pts for dts, pts, _ in packets)  # type: ignore[operator]
    assert any(dts != pts for dts, pts, _ in packets)
    assert all(duration for _, _, duration in packets)


def test_the_length_is_the_sources(clip: Path, tmp_path: Path) -> None:
    reel = take(clip, tmp_path, chunk_frames=10)
    with av.open(str(reel.path)) as container:
        stream = container.streams.video[0]
        assert stream.duration is not None
        assert stream.duration * Fraction(stream.time_base or 0) == Fraction(40, 25)


@pytest.mark.parametrize("start", [1, 491, 3_600_000])
def test_a_late_start_is_kept(tmp_path: Path, bench: Bench, start: int) -> None:
    source, _, results = bench
    times = [start + index * 40 for index in range(40)]
    spliced, seen = join(tmp_path, source, times, results, b_frames())
    assert seen == [Fraction(time, 1000) for time in times]
    assert spliced.details["shift_s"] == 0


def test_times_that_do_not_rise_are_moved_and_counted(tmp_path: Path, bench: Bench) -> None:
    source, _, results = bench
    times = [index * 40 for index in range(40)]
    times[11] = times[10]
    times[20] = times[19] - 5
    spliced, seen = join(tmp_path, source, times, results, b_frames())
    assert (seen[11], seen[20]) == (Fraction(401, 1000), Fraction(761, 1000))
    assert any("2 frames had the time" in warning for warning in spliced.warnings)


def test_without_times_frames_are_shown_at_the_sources_rate(tmp_path: Path, bench: Bench) -> None:
    source, _, results = bench
    times = [None] * 40
    _, seen = join(tmp_path, source, times, results, b_frames(), pts_complete=False, first_pts=None)
    assert seen == [Fraction(index, 25) for index in range(40)]
    untimed = replace(source, splice=source.splice | {"pts_complete": False})
    assert any("no complete timestamps" in each.reason for each in findings(untimed, output()))


@pytest.mark.parametrize("base", [(1, 90000), (1, 10_000_000), (1001, 30000), (1, 25), (1, 1)])
def test_every_time_base_is_exact(tmp_path: Path, bench: Bench, base: tuple[int, int]) -> None:
    source, _, results = bench
    times = [index * 3 + 1 for index in range(40)]
    spliced, seen = join(tmp_path, source, times, results, b_frames(), time_base=list(base))
    assert seen == [time * Fraction(*base) for time in times]
    assert spliced.details["time_error_s"] == 0


def test_matroska_keeps_a_millisecond_and_says_so(tmp_path: Path) -> None:
    third = Fraction(1, 30)
    clip = encode(tmp_path / "thirds.mp4", "libx264", 20, times=range(20), time_base=third)
    reel = take(clip, tmp_path, output("ffv1"))
    for seen, wanted in zip(times_of(reel.path), times_of(clip), strict=True):
        assert seen is not None
        assert wanted is not None
        assert abs(seen - wanted) <= Fraction(1, 2000)
    assert 0 < reel.spliced.details["time_error_s"] <= 0.0005
    assert not reel.spliced.warnings, "it was said before"
    (said,) = [each for each in findings(reel.source, output("ffv1")) if each.subject == "times of frames"]
    assert said.reason == "are rounded to 1 ms: a Matroska file tells no finer ones"
    whole = encode(tmp_path / "whole.mp4", "libx264", 5)
    assert not [each for each in findings(take(whole, tmp_path).source, output("ffv1")) if each.fate is Fate.CHANGED]


@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("chunk_frames", [1, 7, 40])
def test_a_packet_without_a_time_leaves_all_other_frames_theirs(
    tmp_path: Path, bframes: int, chunk_frames: int
) -> None:
    """The source has a pause, after which frames at its rate would come too early."""
    options = {"x264-params": f"bframes={bframes}:keyint=10:open-gop=0"}
    times = [index + 50 * (index >= 20) for index in range(40)]
    clip = encode(tmp_path / "whole.ts", "libx264", 40, options=options, times=times)
    reel = take(untimed(clip, tmp_path / "clip.ts", 12, 33), tmp_path, output("ffv1"), chunk_frames=chunk_frames)
    assert reel.source.splice["pts_complete"] is False
    begin = times_of(clip)[0] or 0
    assert times_of(reel.path) == [time - begin for time in times_of(clip) if time is not None]
    assert not reel.spliced.warnings
    (said,) = [each for each in findings(reel.source, output("ffv1")) if "no complete" in each.reason]
    assert "where it does not tell them" in said.reason


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("chunk_frames", [1, 7, 40])
def test_a_frame_of_two_packets_comes_once_at_its_own_time(tmp_path: Path, each: bool, chunk_frames: int) -> None:
    clip = paff.recorded(tmp_path / "fields.ts", 60, each=each, gap=5 * paff.TICKS)
    reel = take(clip, tmp_path, output("ffv1"), chunk_frames=chunk_frames, context_frames=2)
    account = reel.spliced.account
    assert (account.frames_out, account.lost_frames, len(reel.spliced.warnings)) == (60, 0, 0)
    assert frames_of(reel.path) == frames_of(clip)
    assert reel.source.facts["hidden_frames"] == 0


# -- pixels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_frames", [1, 7, 1000])
def test_identity_with_ffv1_is_bit_exact(clip: Path, tmp_path: Path, chunk_frames: int) -> None:
    reel = take(clip, tmp_path, output("ffv1"), chunk_frames=chunk_frames)
    assert frames_of(reel.path) == frames_of(clip)


@pytest.mark.usefixtures("plugin")
def test_context_makes_cuts_invisible(clip: Path, tmp_path: Path) -> None:
    chain = (Step("trail", {}), *BLUR, Step("trail", {}))
    whole = take(clip, tmp_path, output("ffv1", chain), chunk_frames=1000, context_frames=4)
    seen = frames_of(whole.path)
    for chunk_frames in (1, 3, 10):
        cut = take(clip, tmp_path, output("ffv1", chain), chunk_frames=chunk_frames, context_frames=4)
        assert frames_of(cut.path) == seen


def test_the_order_of_processing_does_not_show(clip: Path, tmp_path: Path) -> None:
    forward = take(clip, tmp_path, output(chain=BLUR), chunk_frames=10)
    backward = take(clip, tmp_path, output(chain=BLUR), chunk_frames=10, order=[3, 1, 2, 0])
    assert forward.spliced.digest == backward.spliced.digest
    other = take(clip, tmp_path, output(), chunk_frames=10)
    assert other.spliced.digest != forward.spliced.digest


# -- accounts ----------------------------------------------------------------------------------------------------


def test_a_chunk_that_is_left_out_is_counted(clip: Path, tmp_path: Path) -> None:
    reel = take(clip, tmp_path, chunk_frames=10, without=[1])
    account = reel.spliced.account
    assert (account.frames_in, account.frames_out, account.lost_frames) == (40, 30, 10)
    assert account.lost[0] == Lost(10, MISSING)
    assert [frame for frame, _ in account.lost] == list(range(10, 20))
    assert times_of(reel.path) == [Fraction(i, 25) for i in range(40) if not 10 <= i < 20]


@pytest.mark.parametrize("missing", [0, 3])
def test_also_the_first_and_the_last_one(clip: Path, tmp_path: Path, missing: int) -> None:
    reel = take(clip, tmp_path, chunk_frames=10, without=[missing])
    assert reel.spliced.account.lost_frames == 10
    assert len(frames_of(reel.path)) == 30


def test_results_out_of_order_are_refused(tmp_path: Path, bench: Bench) -> None:
    source, _, results = bench
    swapped = [results[0].payload, results[2].payload, results[1].payload]
    with pytest.raises(SpliceError, match="not in order"):
        splice(Shelf(tmp_path), source, b_frames(), swapped, {})


def test_the_same_chunk_twice_is_refused(tmp_path: Path, bench: Bench) -> None:
    source, _, results = bench
    with pytest.raises(SpliceError, match="there already"):
        splice(Shelf(tmp_path), source, b_frames(), [results[0].payload] * 2, {})


def test_a_foreign_encoder_is_named(tmp_path: Path, bench: Bench) -> None:
    source, payloads, results = bench
    foreign = process(payloads[2], source.process, replace(output(), encoder=Encoder("h264", preset="ultrafast")))
    mixed = [results[0].payload, results[1].payload, foreign.payload, results[3].payload]
    with pytest.raises(ForeignExtradata) as raised:
        splice(Shelf(tmp_path), source, b_frames(), mixed, {})
    assert raised.value.index == 2


def test_also_when_it_comes_first(tmp_path: Path, bench: Bench) -> None:
    source, _, results = bench
    with pytest.raises(ForeignExtradata) as raised:
        splice(Shelf(tmp_path), source, output(), [each.payload for each in results], {})
    assert raised.value.index == 0


def test_nothing_left_is_said(tmp_path: Path, bench: Bench) -> None:
    with pytest.raises(SpliceError, match="no frame came out"):
        splice(Shelf(tmp_path), bench[0], output(), [b"", b""], {})


def test_a_broken_result_is_said(tmp_path: Path, bench: Bench) -> None:
    with pytest.raises(BundleError):
        splice(Shelf(tmp_path), bench[0], output(), [bench[2][0].payload[:-3]], {})


@pytest.mark.usefixtures("plugin")
def test_dropped_frames_leave_the_others_at_their_times(clip: Path, tmp_path: Path) -> None:
    reel = take(clip, tmp_path, output(chain=(Step("picky", {"every": 9}),), on_error="drop"), chunk_frames=10)
    account = reel.spliced.account
    assert [frame for frame, _ in account.lost] == [9, 18, 27, 36]
    assert (account.frames_in, account.frames_out, account.lost_frames) == (40, 36, 4)
    assert times_of(reel.path) == [Fraction(i, 25) for i in range(40) if i == 0 or i % 9]


@pytest.mark.usefixtures("plugin")
def test_notes_become_lines_with_times(clip: Path, tmp_path: Path) -> None:
    reel = take(clip, tmp_path, output(chain=(Step("numbered", {}),)), chunk_frames=10)
    lines = reel.path.with_name("reel.annotations.jsonl").read_text().splitlines()
    notes = [json.loads(line) for line in lines]
    assert [note["frame"] for note in notes] == list(range(1, 40, 2))
    assert notes[7] == {"frame": 15, "source_frame": 15, "time_s": 0.6, "number": 15}


@pytest.mark.usefixtures("plugin")
class TestWithoutVideo:
    def notes(self, reel: Reel) -> list[dict[str, Any]]:
        return [json.loads(line) for line in reel.path.read_text().splitlines()]

    def test_the_notes_are_all_there_is(self, clip: Path, tmp_path: Path) -> None:
        chain = (Step("numbered", {}),)
        reel = take(clip, tmp_path, output(NO_VIDEO, chain), chunk_frames=10)
        assert reel.path.name == "reel.annotations.jsonl"
        assert [each.name for each in reel.path.parent.iterdir()] == [reel.path.name]
        with_video = take(clip, tmp_path / "video", output(chain=chain), chunk_frames=7)
        assert reel.path.read_bytes() == with_video.path.with_name(reel.path.name).read_bytes()
        assert reel.spliced.digest == hashlib.sha256(reel.path.read_bytes()).hexdigest()
        assert reel.spliced.details["size"] == reel.path.stat().st_size
        assert reel.spliced.account.frames_out == 40

    def test_nothing_is_encoded(self, clip: Path, tmp_path: Path) -> None:
        reel = take(clip, tmp_path, output(NO_VIDEO, (Step("numbered", {}),)))
        assert reel.spliced.account.seconds.encode < 0.001
        assert all(unpack(result.payload)[1] == [] for result in reel.results)
        assert len({result.content for result in reel.results}) == len(reel.results)

    def test_without_notes_the_file_is_empty(self, clip: Path, tmp_path: Path) -> None:
        reel = take(clip, tmp_path, output(NO_VIDEO))
        assert reel.path.read_bytes() == b""
        assert reel.spliced.digest == hashlib.sha256(b"").hexdigest()

    def test_failures_are_counted_all_the_same(self, clip: Path, tmp_path: Path) -> None:
        chain = (Step("numbered", {}), Step("picky", {"every": 5}))
        for on_error, expected in (("original", (40, 7, 0)), ("drop", (33, 0, 7))):
            reel = take(clip, tmp_path / on_error, output(NO_VIDEO, chain, on_error), chunk_frames=10)
            account = reel.spliced.account
            assert (account.frames_out, account.fallback_frames, account.lost_frames) == expected
        notes = self.notes(reel)
        assert [note["source_frame"] for note in notes] == [i for i in range(1, 40, 2) if i % 5]
        assert [note["frame"] for note in notes][:4] == [1, 3, 6, 8]
        assert notes[2]["time_s"] == 0.28

    def test_chunks_left_out_are_lost(self, clip: Path, tmp_path: Path) -> None:
        whole = take(clip, tmp_path / "whole", output(NO_VIDEO, (Step("numbered", {}),)), chunk_frames=10)
        reel = take(clip, tmp_path, output(NO_VIDEO, (Step("numbered", {}),)), chunk_frames=10, without=[0])
        lost = whole.results[0].frames_out
        assert reel.spliced.account.lost_frames == lost
        assert [note["source_frame"] for note in self.notes(reel)] == [i for i in range(lost, 40) if i % 2]

    def test_repeated_frames_repeat_their_notes(self, clip: Path, tmp_path: Path) -> None:
        chain = (Step("fps", {"rate": "50"}), Step("numbered", {}))
        notes = self.notes(take(clip, tmp_path, output(NO_VIDEO, chain), chunk_frames=7))
        assert [(note["frame"], note["source_frame"]) for note in notes] == [
            (i, i // 2) for i in range(80) if i // 2 % 2
        ]
        assert [note["time_s"] for note in notes] == [note["frame"] / 50 for note in notes]


def test_results_are_read_one_at_a_time(tmp_path: Path, bench: Bench) -> None:
    """Before the next result is asked for, the packets of those before are on their way into the file."""
    source, _, results = bench
    alive: list[int] = []
    kept: list[weakref.ref[Payload]] = []

    def payloads() -> Iterator[Any]:
        for result in results:
            payload = Payload(result.payload)
            kept.append(weakref.ref(payload))
            yield payload
            del payload
            alive.append(sum(each() is not None for each in kept))

    splice(Shelf(tmp_path), source, b_frames(), payloads(), {})
    assert alive[-1] <= 2


class Payload(bytearray):
    """Bytes that tell when they are gone."""


# -- other streams -----------------------------------------------------------------------------------------------


def test_the_file_lies_in_an_order_that_plays_at_once(clip: Path, tmp_path: Path) -> None:
    data = take(clip, tmp_path, chunk_frames=10).path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("codec", ["h264", "ffv1"])
@pytest.mark.parametrize(
    ("suffix", "sound"), [("mp4", "aac"), ("mkv", "libopus"), ("mkv", "libmp3lame"), ("mkv", "flac")]
)
def test_sound_comes_out_packet_for_packet(tmp_path: Path, suffix: str, sound: str, codec: str) -> None:
    clip = encode(tmp_path / f"clip.{suffix}", "libx264", 30, options=gop(10), sound=sound)
    reel = take(clip, tmp_path, output(codec), chunk_frames=10)
    before, after = sound_of(clip), sound_of(reel.path)
    assert [data for _, data in after] == [data for _, data in before]
    assert max(abs(one - two) for (one, _), (two, _) in zip(before, after, strict=True)) < Fraction(1, 1900)


def test_pcm_comes_out_byte_for_byte(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mkv", "libx264", 30, options=gop(10), sound="pcm_s16le")
    reel = take(clip, tmp_path, chunk_frames=10)
    before, after = sound_of(clip), sound_of(reel.path)
    assert b"".join(data for _, data in after) == b"".join(data for _, data in before)
    assert after[0][0] == before[0][0]


def test_tags_of_the_source_are_kept_and_those_of_its_container_are_not(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", "libx264", 10, sound="aac")

    def titled(source: Source) -> Source:
        tags = {"title": "A reel", "major_brand": "qt  "}
        return replace(source, splice={**source.splice, "metadata": tags})

    with av.open(str(take(clip, tmp_path, edit=titled).path)) as container:
        assert container.metadata["title"] == "A reel"
        assert container.metadata["major_brand"] == "isom"


def test_chapters_are_kept(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", "libx264", 30, sound="aac")

    def with_chapters(source: Source) -> Source:
        chapter = {"id": 1, "start": 0, "end": 600, "time_base": [1, 1000], "metadata": {"title": "One"}}
        return replace(source, splice={**source.splice, "chapters": [chapter]})

    with av.open(str(take(clip, tmp_path, output("ffv1"), edit=with_chapters).path)) as container:
        (chapter,) = container.chapters()
    assert chapter["metadata"]["title"] == "One"
    assert chapter["end"] * Fraction(chapter["time_base"] or 0) == Fraction(6, 10)


def test_subtitles_go_over_into_mp4(tmp_path: Path) -> None:
    clip = _with_subtitles(tmp_path)
    reel = take(clip, tmp_path)
    with av.open(str(reel.path)) as container:
        (stream,) = container.streams.subtitles
        packets = [(_seconds(p), bytes(p)[2:]) for p in container.demux(stream) if p.size > 2]
    assert stream.codec_context.name == "mov_text"
    assert packets == [(0.2, b"One"), (0.8, b"Two")]


def test_subtitles_stay_as_they_are_in_matroska(tmp_path: Path) -> None:
    reel = take(_with_subtitles(tmp_path), tmp_path, output("ffv1"))
    with av.open(str(reel.path)) as container:
        (stream,) = container.streams.subtitles
        packets = [(_seconds(p), bytes(p)) for p in container.demux(stream) if p.size]
    assert packets == [(0.2, b"One"), (0.8, b"Two")]


def _seconds(packet: Any) -> float:
    return float(packet.pts * packet.time_base)


def _with_subtitles(folder: Path) -> Path:
    video = encode(folder / "video.mp4", "libx264", 30)
    path = folder / "subtitled.mkv"
    with av.open(str(video)) as given, av.open(str(path), "w") as container:
        stream = given.streams.video[0]
        copy = container.add_stream_from_template(stream)
        text = container.add_mux_stream("subrip", time_base=Fraction(1, 1000))
        packets: list[Any] = []
        for packet in given.demux(stream):
            if packet.size:
                base = packet.time_base
                packet.stream, packet.time_base = copy, base
                packets.append(packet)
        for start, words in ((200, b"One"), (800, b"Two")):
            line: Any = av.Packet(words)
            line.stream, line.time_base = text, Fraction(1, 1000)
            line.pts = line.dts = start
            line.duration = 300
            line.is_keyframe = True
            packets.append(line)
        for packet in sorted(packets, key=lambda each: float(each.dts * each.time_base)):
            container.mux(packet)
    return path


def test_a_reel_names_its_source(clip: Path, tmp_path: Path) -> None:
    reel: Reel = take(clip, tmp_path, output(chain=IDENTITY))
    assert reel.source.name == clip.name
    assert reel.spliced.details["size"] == reel.path.stat().st_size
