"""What is said of a file that is shorter than it says. What is in it is counted by a plain PyAV demuxer."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from moviola.media.fidelity import Fate
from moviola.media.video.reading.scan import scan
from tests.media.video.clips import encode, packets_in, remux, with_bytes

COUNT = 40
CODECS = {".mp4": "libx264", ".mov": "libx264", ".mkv": "libx264", ".webm": "libvpx", ".avi": "mpeg4", ".ogv": "libvpx"}


def clip(folder: Path, suffix: str, **options: str) -> Path:
    """A clip of a second and a half; its index comes first where its container has one."""
    made = encode(folder / "made.mkv", CODECS[suffix], COUNT, options={"g": "10", "bf": "0", "b": "2000000"})
    path = folder / f"clip{suffix}"
    if suffix in (".mp4", ".mov"):
        options |= {"movflags": "faststart"}
    with av.open(str(made)) as source, av.open(str(path), "w", container_options=options) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path


def cut(path: Path, share: float) -> Path:
    short = path.with_name(f"short{path.suffix}")
    short.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return short


def count(path: Path) -> int:
    return sum(packet.size > 0 for packet in packets_in(path))


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_of_a_file_that_counts_its_frames_those_are_told_that_are_missing(tmp_path: Path, suffix: str) -> None:
    short = cut(clip(tmp_path, suffix), 0.6)
    there = count(short)
    assert 0 < there < COUNT
    end = scan(short).damage[0]
    assert (end.subject, end.fate) == ("the end", Fate.LOST)
    assert f"is missing: {COUNT - there} of {COUNT} frames, from {there / 25:.1f} s on" in end.reason


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".avi"])
def test_of_a_file_that_knows_how_long_it_lasts_the_seconds_are_told(tmp_path: Path, suffix: str) -> None:
    short = cut(clip(tmp_path, suffix), 0.6)
    there = count(short)
    assert 0 < there < COUNT
    end = scan(short).damage[0]
    assert f"is missing: {(COUNT - there) / 25:.1f} of 1.6 s, from {there / 25:.1f} s on" in end.reason


def test_of_a_file_that_knows_nothing_of_the_kind_it_is_told_that_its_end_is_missing(tmp_path: Path) -> None:
    whole = clip(tmp_path, ".ogv")
    (end,) = scan(cut(whole, 0.6)).damage
    assert (end.subject, end.fate) == ("the end", Fate.LOST)


@pytest.mark.parametrize("suffix", CODECS)
def test_of_a_whole_file_nothing_is_missing(tmp_path: Path, suffix: str) -> None:
    assert scan(clip(tmp_path, suffix)).damage == []


def test_a_live_recording_knows_no_length_and_lacks_nothing(tmp_path: Path) -> None:
    live = clip(tmp_path, ".mkv", live="1")
    assert scan(live).damage == []
    assert scan(cut(live, 0.6)).damage == []


def test_where_no_frame_is_missing_with_the_end_nothing_is_lost(tmp_path: Path) -> None:
    path = clip(tmp_path, ".mp4")
    with path.open("ab") as file:
        file.write((1000).to_bytes(4, "big") + b"free" + bytes(10))
    assert [each.fate for each in scan(path).damage] == [Fate.CHANGED]


def test_the_last_frame_of_what_is_left_lasts_no_longer_than_it_did(tmp_path: Path) -> None:
    short = cut(clip(tmp_path, ".mp4"), 0.6)
    found = scan(short)
    assert found.end * found.time_base == Fraction(count(short), 25)


def test_sound_that_ends_before_the_pictures_do_is_told(tmp_path: Path) -> None:
    """All pictures first, then all sound: what is cut off is sound."""
    made = encode(tmp_path / "made.mkv", "libx264", COUNT, sound="pcm_s16le")
    path = tmp_path / "apart.mov"
    with av.open(str(made)) as source, av.open(str(path), "w", container_options={"movflags": "faststart"}) as target:
        streams = {one.index: target.add_stream_from_template(one) for one in source.streams}
        packets = [packet for packet in source.demux() if packet.dts is not None]
        for packet in sorted(packets, key=lambda one: one.stream_index):
            packet.stream = streams[packet.stream_index]
            target.mux(packet)
    damage = scan(cut(path, 0.8)).damage
    assert any(each.fate is Fate.LOST and "ends early" in each.reason for each in damage), damage


def test_holes_of_zeros_are_told_before_anything_is_decoded(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.mp4", "libx264", COUNT, options={"x264-params": "keyint=10:qp=10"})

    def hollow(index: int, packet: object) -> object:
        data = bytes(packet)  # type: ignore[call-overload]
        return with_bytes(packet, data[:80] + bytes(len(data) - 80)) if index in (11, 12, 31) else packet

    found = scan(remux(whole, tmp_path / "hollow.mp4", hollow))
    assert found.damaged_packets == {11, 12, 31}
    (holes,) = found.damage
    assert holes.fate is Fate.LOST
    assert holes.reason.count(" s") == 2, "two places"
    assert scan(whole).damage == []


def test_recordings_that_were_joined_are_not_damaged_where_they_are(tmp_path: Path) -> None:
    one = encode(tmp_path / "one.ts", "libx264", COUNT, options={"x264-params": "keyint=10"})
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() * 2)
    found = scan(joined)
    assert found.track.frames_before[-1] == 2 * COUNT
    assert not found.damaged_packets
    assert found.damage == []


def test_packets_that_a_transport_stream_lacks_are_told(tmp_path: Path) -> None:
    options = {"x264-params": "keyint=10:qp=10"}
    data = encode(tmp_path / "whole.ts", "libx264", COUNT, options=options).read_bytes()
    middle = len(data) // 188 // 2 * 188
    gap = tmp_path / "gap.ts"
    gap.write_bytes(data[:middle] + data[middle + 188 :])
    found = scan(gap)
    assert found.damaged_packets
    assert "is damaged in the file at" in found.damage[0].reason


def test_what_comes_before_the_first_frame_that_can_be_decoded_is_told(tmp_path: Path) -> None:
    """A recording that begins in the middle of a group of pictures is whole, and its first frames cannot be shown."""
    whole = encode(tmp_path / "whole.ts", "libx264", COUNT, options={"x264-params": "keyint=10:scenecut=0:bframes=0"})
    with av.open(str(whole)) as source, av.open(str(tmp_path / "late.ts"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in list(source.demux(video=0))[4:]:
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    found = scan(tmp_path / "late.ts")
    assert found.damage == []
    beginnings = [each for each in found.findings if each.subject == "the beginning"]
    assert [each.reason[:31] for each in beginnings] == ["is left out: 6 frames come befo"]
