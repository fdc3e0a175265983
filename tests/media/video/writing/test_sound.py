from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from moviola.media.kinds import findings
from moviola.media.material import Encoder
from moviola.media.video.containers import Way
from moviola.media.video.cutting.split import split_file
from moviola.media.video.headers import VideoSplice
from moviola.media.video.writing.container_choice import container_of, extension
from moviola.media.video.writing.rehearsal import way_into
from tests.media.video.clips import encode
from tests.media.video.cutting_room import output, sound_of, streams_of, take


def samples_of(path: Path) -> tuple[float, Any]:
    """When the sound begins, and its samples as numbers from -1 to 1."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    parts = [np.atleast_2d(frame.to_ndarray())[0] for frame in frames]
    joined = np.concatenate(parts)
    return float(frames[0].time or 0), joined / 32768 if joined.dtype.kind == "i" else joined


@pytest.mark.parametrize(
    ("name", "sound", "codec", "chosen"),
    [
        ("clip.mp4", "aac", "h264", ".mp4"),
        ("clip.mkv", "libopus", "mpeg4", ".mp4"),
        ("clip.avi", "pcm_s16le", "h264", ".mov"),
        ("clip.mp4", "aac", "ffv1", ".mkv"),
        ("clip.mov", "pcm_mulaw", "h264", ".mov"),
        ("clip.avi", "adpcm_ms", "h264", ".mp4"),
    ],
)
def test_the_container_carries_the_sound(tmp_path: Path, name: str, sound: str, codec: str, chosen: str) -> None:
    source, _ = split_file(encode(tmp_path / name, "libx264", 10, sound=sound))
    assert extension(VideoSplice.from_wire(source.splice), Encoder(codec)) == chosen


def test_without_sound_it_is_mp4(tmp_path: Path) -> None:
    source, _ = split_file(encode(tmp_path / "clip.avi", "mpeg4", 10))
    assert extension(VideoSplice.from_wire(source.splice), Encoder("mpeg4")) == ".mp4"


def test_telephone_sound_is_untouched_in_mov(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mov", "libx264", 30, sound="pcm_mulaw")
    reel = take(clip, tmp_path)
    before, after = sound_of(clip), sound_of(reel.path)
    assert b"".join(data for _, data in after) == b"".join(data for _, data in before)
    assert not reel.spliced.warnings


@pytest.mark.parametrize(("name", "sound"), [("clip.mov", "pcm_mulaw"), ("clip.avi", "adpcm_ms")])
def test_what_matroska_does_not_take_is_kept_decoded(tmp_path: Path, name: str, sound: str) -> None:
    clip = encode(tmp_path / name, "libx264", 30, sound=sound)
    source, _ = split_file(clip)
    streams = streams_of(source)
    container = container_of(VideoSplice.from_wire(source.splice), Encoder("ffv1"))
    assert way_into(container, *streams) is Way.DECODED
    reel = take(clip, tmp_path, output("ffv1"))
    begin, samples = samples_of(clip)
    begin_after, samples_after = samples_of(reel.path)
    assert abs(begin - begin_after) <= 0.001
    assert np.array_equal(samples, samples_after)
    assert any("stored decoded" in each.reason for each in findings(reel.source, output("ffv1")))
