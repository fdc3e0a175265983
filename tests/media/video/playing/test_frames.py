"""Frames of results equal those of the finished file: pixels, times, notes, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from moviola.api.frames import frames_of
from moviola.filters.chain import Step
from moviola.media import kinds
from moviola.media.annotations import SUFFIX
from moviola.media.bundle import pack, unpack
from moviola.media.errors import BundleError
from moviola.media.frame import Frame
from moviola.media.material import NO_VIDEO, Encoder, Output
from tests.media.video.clips import encode
from tests.media.video.cutting_room import BLUR, IDENTITY, Reel, output, take

GOPS = {"x264-params": "scenecut=0:b-adapt=0:bframes=3:keyint=8:min-keyint=8:open-gop=0"}
SLOW = Encoder("h264", preset="veryfast")  # with B-frames
MEASURED = (Step("metadata", {}), *BLUR)


def live(reel: Reel, wanted: Output, payloads: Sequence[bytes] | None = None) -> Iterator[Frame]:
    found = kinds.frames(reel.source, wanted, payloads or [one.payload for one in reel.results])
    assert found is not None
    return found


def assert_alike(frames: Sequence[Frame], reel: Reel) -> None:
    finished = list(frames_of(reel.path, reel.path.with_name(f"reel{SUFFIX}")))
    assert frames == finished  # but for the pixels
    assert all(one.bgr.tobytes() == other.bgr.tobytes() for one, other in zip(frames, finished, strict=True))
    assert not any(one.bgr.flags.writeable for one in frames)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("frames") / "clip.mp4", "libx264", 24, options=GOPS, sound="aac")


@pytest.mark.parametrize(
    "wanted",
    [
        Output("reel", MEASURED, SLOW),
        Output("reel", BLUR, Encoder("h264", preset="veryfast", container="matroska")),
        Output("reel", BLUR, Encoder("hevc", preset="veryfast", container="mov")),
        Output("reel", BLUR, Encoder("mpeg4")),
        Output("reel", BLUR, Encoder("ffv1")),
        Output("reel", (Step("fps", {"rate": 30}), *MEASURED), SLOW),
        Output("reel", (Step("fps", {"rate": 7}), *MEASURED), SLOW),
    ],
    ids=["h264", "h264-mkv", "hevc-mov", "mpeg4", "ffv1", "fps-30", "fps-7"],
)
def test_every_codec_container_and_rate(clip: Path, tmp_path: Path, wanted: Output) -> None:
    reel = take(clip, tmp_path, wanted, chunk_frames=8)
    frames = list(live(reel, wanted))
    assert_alike(frames, reel)
    assert len(frames) == reel.spliced.account.frames_out > 0
    if wanted.chain[-2:] == MEASURED:
        assert all(frame.notes[0]["frame"] == frame.index for frame in frames)


@pytest.mark.parametrize("codec", ["h264", "ffv1"])
@pytest.mark.parametrize("pixel_format", ["yuvj420p", "yuv444p10le", "gray", "bgr0"])
def test_every_kind_of_pixel(tmp_path: Path, codec: str, pixel_format: str) -> None:
    clip = encode(tmp_path / "clip.mkv", "libx264" if "j" in pixel_format else "ffv1", 6, pixel_format=pixel_format)
    reel = take(clip, tmp_path, output(codec), chunk_frames=3)
    assert_alike(list(live(reel, output(codec))), reel)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
@pytest.mark.parametrize("start", [0, 1001, -77])
def test_times_that_are_irregular_and_begin_anywhere(tmp_path: Path, container: str, start: int) -> None:
    times = [start + index * 33 + (index % 3) * 5 for index in range(12)]
    clip = encode(tmp_path / "clip.nut", "ffv1", 12, times=times, time_base=Fraction(1, 900 if start else 90_000))
    wanted = Output("reel", IDENTITY, Encoder("h264", preset="ultrafast", container=container))
    reel = take(clip, tmp_path, wanted, chunk_frames=5)
    assert_alike(list(live(reel, wanted)), reel)


def test_frames_that_failed_and_chunks_that_are_left_out(clip: Path, tmp_path: Path, plugin: None) -> None:
    wanted = output(chain=(Step("picky", {"every": 3}), Step("numbered", {})), on_error="drop")
    reel = take(clip, tmp_path, wanted, chunk_frames=8, without=[1])
    payloads = [b"" if index == 1 else one.payload for index, one in enumerate(reel.results)]
    assert_alike(list(live(reel, wanted, payloads)), reel)


def test_each_chunk_is_decoded_when_it_is_there(clip: Path, tmp_path: Path) -> None:
    """Its last frame does not wait for the chunk behind it."""
    wanted = Output("reel", BLUR, SLOW)
    reel = take(clip, tmp_path, wanted, chunk_frames=8)
    taken: list[int] = []

    def payloads() -> Iterator[bytes]:
        for index, one in enumerate(reel.results):
            taken.append(index)
            yield one.payload

    frames = kinds.frames(reel.source, wanted, payloads())
    assert frames is not None
    assert [next(frames).index for _ in range(8)] == list(range(8))
    assert taken == [0]
    assert next(frames).index == 8
    assert taken == [0, 1]


def test_a_result_of_another_build_is_decoded_by_its_own_headers(clip: Path, tmp_path: Path) -> None:
    """Who looks may have other libraries than who encoded."""
    wanted = output()
    reel = take(clip, tmp_path, wanted, chunk_frames=8)
    others = take(clip, tmp_path / "other", Output("reel", IDENTITY, SLOW), chunk_frames=8)
    frames = list(live(reel, wanted, [one.payload for one in others.results]))
    assert [frame.bgr.tobytes() for frame in frames] == [frame.bgr.tobytes() for frame in frames_of(others.path, None)]


def test_what_has_no_pictures(clip: Path, tmp_path: Path) -> None:
    notes = Output("reel", (Step("metadata", {}),), Encoder(NO_VIDEO))
    reel = take(clip, tmp_path, notes, chunk_frames=8)
    assert kinds.frames(reel.source, notes, []) is None
    assert list(live(reel, output(), [b"", b""])) == []


def test_a_broken_result_is_refused(clip: Path, tmp_path: Path) -> None:
    reel = take(clip, tmp_path, output(), chunk_frames=8)
    table, packets = unpack(reel.results[0].payload)
    without_format: dict[str, Any] = {**table, "report": {**table["report"], "format": None}}
    for payload in (b"\0\0\0\1x", pack(without_format, packets)):
        with pytest.raises(BundleError):
            list(live(reel, output(), [reel.results[0].payload, payload]))
