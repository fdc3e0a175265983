"""What is played of results equals the finished file: every frame and its time, every packet of sound."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from moviola.filters.chain import Step
from moviola.media.errors import ForeignExtradata, SpliceError
from moviola.media.material import Encoder, Output, header
from moviola.media.video.containers import MKV, MP4, Container
from moviola.media.video.cutting.split import split_file
from moviola.media.video.headers import VideoSplice
from moviola.media.video.playing.fragments import fragment
from moviola.media.video.playing.initialisation import mime_of
from moviola.media.video.playing.playing import LiveSound, LiveVideo, Shown, beginning, sound_of
from moviola.media.video.playing.replaying import Clock, FinishedVideo, Played
from tests.media.video import cutting_room
from tests.media.video.clips import encode
from tests.media.video.cutting_room import BLUR, Reel, frames_of, take

GOPS = {"x264-params": "scenecut=0:b-adapt=0:bframes=3:keyint=8:min-keyint=8:open-gop=0"}
H264 = Output("reel", BLUR, Encoder("h264", preset="veryfast"))  # with B-frames
START = Fraction(0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("playing") / "clip.mp4", "libx264", 64, options=GOPS, sound="aac")


class Front:
    """All of a reel, as the parts in which it is played."""

    def __init__(self, reel: Reel, clip: Path, wanted: Output, chunk_frames: int) -> None:
        source = header(VideoSplice, reel.source.splice)
        self.video = LiveVideo(source, wanted)
        self.parts = [part for one in reel.results if (part := self.video.take(one.payload)) is not None]
        stream = sound_of(source)
        self.sound = LiveSound(stream) if stream is not None else None
        if stream is not None and self.sound is not None:
            _, chunks = split_file(clip, chunk_frames=chunk_frames)
            for chunk in chunks:
                if chunk.stream == stream.stream:
                    self.sound.take(chunk.payload)

    def played(self, first: int = 0) -> bytes:
        """The stream from a chunk on."""
        made = [beginning(self.video, self.sound)]
        for number, part in enumerate(self.parts[first:], start=1):
            made.append(self.fragment(number, part))
        return b"".join(made)

    def fragment(self, number: int, part: Shown) -> bytes:
        """A part with its sound; the last one with all that is left."""
        is_last = part is self.parts[-1]
        sound = self.sound.until(None if is_last else part.end_s) if self.sound is not None else None
        return fragment(number, [part.run] if sound is None else [part.run, sound])

    @property
    def clock(self) -> Clock:
        """In which units it is told."""
        assert self.sound is not None
        return Clock(self.video.timescale, self.video.lead, self.sound.rate, self.sound.lead)


def file_of(folder: Path, data: bytes) -> Path:
    path = folder / "played.mp4"
    path.write_bytes(data)
    return path


def packets_of_sound(path: Path) -> Sequence[tuple[Fraction, bytes]]:
    return cutting_room.sound_of(path)


@pytest.mark.parametrize(
    "wanted",
    [
        H264,
        Output("reel", BLUR, Encoder("hevc", preset="veryfast")),
        Output("reel", BLUR, Encoder("mpeg4")),
        Output("reel", (Step("fps", {"rate": 30}), *BLUR), H264.encoder),
    ],
    ids=["h264", "hevc", "mpeg4", "fps-30"],
)
def test_every_frame_and_its_time_is_that_of_the_finished_file(clip: Path, tmp_path: Path, wanted: Output) -> None:
    reel = take(clip, tmp_path, wanted, chunk_frames=8)
    played = file_of(tmp_path, Front(reel, clip, wanted, 8).played())
    assert frames_of(played) == frames_of(reel.path)
    assert packets_of_sound(played) == packets_of_sound(reel.path)


def test_it_begins_with_any_chunk(clip: Path, tmp_path: Path) -> None:
    reel = take(clip, tmp_path, H264, chunk_frames=8)
    played = frames_of(file_of(tmp_path, Front(reel, clip, H264, 8).played(first=5)))
    assert played == frames_of(reel.path)[5 * 8 :]


@pytest.mark.parametrize("start", [0, 1001, -77])
def test_times_that_are_irregular_and_begin_anywhere(tmp_path: Path, start: int) -> None:
    times = [start + index * 33 + (index % 3) * 5 for index in range(24)]
    clip = encode(tmp_path / "clip.nut", "ffv1", 24, times=times, time_base=Fraction(1, 900))
    reel = take(clip, tmp_path, H264, chunk_frames=8)
    played = frames_of(file_of(tmp_path, Front(reel, clip, H264, 8).played()))
    assert played == frames_of(reel.path)


def test_a_pause_in_very_short_ticks(tmp_path: Path) -> None:
    """In nanoseconds a fragment has no room for five seconds."""
    times = [index * 40_000_000 + (5 * 10**9 if index > 10 else 0) for index in range(24)]
    clip = encode(tmp_path / "clip.nut", "ffv1", 24, times=times, time_base=Fraction(1, 10**9))
    reel = take(clip, tmp_path, H264, chunk_frames=8)
    played = frames_of(file_of(tmp_path, Front(reel, clip, H264, 8).played()))
    assert played == frames_of(reel.path)


def test_a_chunk_of_another_encoder_is_refused(clip: Path, tmp_path: Path) -> None:
    one = take(clip, tmp_path / "one", H264, chunk_frames=32)
    other = take(clip, tmp_path / "other", Output("reel", BLUR, Encoder("h264", preset="ultrafast")), chunk_frames=32)
    video = LiveVideo(header(VideoSplice, one.source.splice), H264)
    assert video.take(one.results[0].payload) is not None
    with pytest.raises(ForeignExtradata):
        video.take(other.results[1].payload)


def test_what_mp4_does_not_hold_is_refused(clip: Path, tmp_path: Path) -> None:
    wanted = Output("reel", BLUR, Encoder("ffv1"))
    reel = take(clip, tmp_path, wanted)
    with pytest.raises(SpliceError, match="codec=h264"):
        LiveVideo(header(VideoSplice, reel.source.splice), wanted)
    with reel.path.open("rb") as file, pytest.raises(SpliceError, match="codec=h264"):
        FinishedVideo(file, MKV)


@pytest.mark.parametrize(
    ("encoder", "mime"),
    [
        (Encoder("h264", preset="veryfast"), r'video/mp4; codecs="avc1.64000A, mp4a.40.2"'),
        (Encoder("hevc", preset="veryfast"), r'video/mp4; codecs="hvc1.1.6.L30.90, mp4a.40.2"'),
        (Encoder("mpeg4"), r'video/mp4; codecs="mp4v.20.1, mp4a.40.2"'),
    ],
    ids=["h264", "hevc", "mpeg4"],
)
def test_a_browser_is_told_the_codecs(clip: Path, tmp_path: Path, encoder: Encoder, mime: str) -> None:
    wanted = Output("reel", BLUR, encoder)
    front = Front(take(clip, tmp_path, wanted, chunk_frames=64), clip, wanted, 64)
    assert mime_of(beginning(front.video, front.sound)) == mime


@pytest.mark.parametrize("container", [MP4, MKV], ids=["mp4", "mkv"])
def test_a_finished_file_is_played_on_behind_what_was_played_before(
    clip: Path, tmp_path: Path, container: Container
) -> None:
    wanted = Output("reel", BLUR, Encoder("h264", preset="veryfast", container=container.format))
    reel = take(clip, tmp_path, wanted, chunk_frames=8)
    front = Front(reel, clip, wanted, 8)
    assert front.sound is not None
    made = [beginning(front.video, front.sound)]
    for number, part in enumerate(front.parts[:3], start=1):
        made.append(front.fragment(number, part))
    played = Played(front.parts[2].last_s, front.sound.given_s)
    with reel.path.open("rb") as file, FinishedVideo(file, container) as finished:
        runs = finished.runs(START, front.clock, played)
        made += [fragment(number, part) for number, part in enumerate(runs, start=4)]
    path = file_of(tmp_path, b"".join(made))
    assert frames_of(path) == frames_of(reel.path)
    assert [data for _, data in packets_of_sound(path)] == [data for _, data in packets_of_sound(reel.path)]


@pytest.mark.parametrize("begin_s", ["0", "0.9", "1.28", "2.5", "99"])
def test_a_finished_file_is_played_from_the_key_frame_before_a_time(clip: Path, tmp_path: Path, begin_s: str) -> None:
    reel = take(clip, tmp_path, H264, chunk_frames=8)
    begin = Fraction(begin_s)
    with reel.path.open("rb") as file, FinishedVideo(file, MP4) as finished:
        parts = enumerate(finished.runs(begin, finished.clock), start=1)
        made = finished.beginning() + b"".join(fragment(number, part) for number, part in parts)
        assert (finished.size, finished.rate) == ((64, 48), 25.0)
        assert finished.duration_s == pytest.approx(2.56, abs=0.2)
    played, whole = frames_of(file_of(tmp_path, made)), frames_of(reel.path)
    key = max(at for at in range(0, 64, 8) if (whole[at][0] or 0) <= begin)
    assert played == whole[key:]
