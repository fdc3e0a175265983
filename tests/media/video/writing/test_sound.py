from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from moviola.media.kinds import findings
from moviola.media.material import Encoder, Source
from moviola.media.video.containers import Way
from moviola.media.video.cutting.split import split_file
from moviola.media.video.headers import VideoSplice
from moviola.media.video.writing import sound as sound_module
from moviola.media.video.writing.container_choice import container_of, extension
from moviola.media.video.writing.rehearsal import way_into
from tests.media.video.clips import AAC_FRAME, aac, broadcast, encode
from tests.media.video.cutting_room import in_container, output, sound_of, streams_of, take


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


def unforeseen(source: Source) -> Source:
    """The source as if the headers of its sound had not told that it changes, as those of other codecs do not."""
    streams = [stream | {"changes_at": None} for stream in source.splice["passthrough"]]
    return replace(source, splice=source.splice | {"passthrough": streams})


@pytest.mark.parametrize("name", ["mp4", "matroska"])
def test_decoded_sound_goes_on_where_its_channels_change(tmp_path: Path, name: str) -> None:
    """As LATM of DVB-T2 does between programmes; neither container takes it as it is. It began in stereo."""
    parts = [*aac("latm", "stereo", 20), *aac("latm", "5.1", 20), *aac("latm", "stereo", 7)]
    clip = broadcast(tmp_path / "clip.ts", "aac_latm", parts)
    reel = take(clip, tmp_path, in_container(name), edit=unforeseen)
    with av.open(str(reel.path)) as container:
        frames = list(container.decode(audio=0))
    assert {frame.layout.nb_channels for frame in frames} == {2}
    assert sum(frame.samples for frame in frames) == pytest.approx(len(parts) * AAC_FRAME, abs=AAC_FRAME)
    _, samples = samples_of(reel.path)
    step = 3 * AAC_FRAME
    loud = [abs(samples[at : at + step]).max() for at in range(0, len(samples) - step, step)]
    assert min(loud) > 0.1
    (warning,) = [each for each in reel.spliced.warnings if "throughout" in each]
    assert warning.startswith("stream 1 (audio, aac_latm) has 6 channels at 48000 Hz from 0.4 s on")
    assert warning.endswith("its sound is stored with 2 channels at 48000 Hz throughout")


def test_decoded_sound_goes_on_where_its_rate_changes(tmp_path: Path) -> None:
    parts = [*aac("latm", "stereo", 20), *aac("latm", "stereo", 20, 24000)]
    clip = broadcast(tmp_path / "clip.ts", "aac_latm", parts)
    reel = take(clip, tmp_path, in_container("matroska"), edit=unforeseen)
    with av.open(str(reel.path)) as container:
        frames = list(container.decode(audio=0))
    assert {frame.sample_rate for frame in frames} == {48000}
    assert sum(frame.samples for frame in frames) == pytest.approx(60 * AAC_FRAME, abs=3 * AAC_FRAME)
    assert any("24000 Hz" in each for each in reel.spliced.warnings)


def test_sound_that_cannot_be_decoded_further_costs_no_other_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = sound_module._from_zero

    def refusing(part: av.AudioFrame) -> Iterator[av.AudioFrame]:
        if (part.pts or 0) > 12_000:  # behind the first packets, with which it is tried
            raise ValueError("no such frame")
        return heard(part)

    monkeypatch.setattr(sound_module, "_from_zero", refusing)
    clip = encode(tmp_path / "clip.mov", "libx264", 60, sound="pcm_s16le")
    reel = take(clip, tmp_path, in_container("mp4"))
    assert reel.spliced.account.frames_out == 60
    (warning,) = [each for each in reel.spliced.account.warnings if "decoded to its end" in each]
    assert warning.endswith("could not be decoded to its end (no such frame): it is left out")
