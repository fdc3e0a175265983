from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from moviola.media.bundle import unpack
from moviola.media.fidelity import sentences
from moviola.media.video import bundle
from moviola.media.video.bundle import DISCARD, KEY, PacketEntry
from moviola.media.video.cutting.split import split_file
from moviola.media.video.reading.backward_times import FirstChunk, times_fall
from tests.media.video.clips import RATE, encode, frames
from tests.media.video.conftest import Clip


def sound_packets(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [one for one in container.demux(container.streams.audio[0]) if one.size]


@pytest.mark.parametrize("name", ["with_aac", "with_sound"])
def test_sound_is_carried_packet_for_packet(clip: Clip, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_PACKET_COUNT", 5)
    _, chunks = split_file(clip(name))
    carried = []
    for index, chunk in enumerate(one for one in chunks if one.stream == 1):
        assert chunk.index == index
        table, views = unpack(chunk.payload)
        assert chunk.frame_count == len(views) <= 5
        carried += [(bytes(view), entry[1:5]) for view, entry in zip(views, table["p"], strict=True)]
    assert carried == [
        (bytes(one), [one.pts, one.dts, one.duration, one.is_keyframe * KEY | one.is_discard * DISCARD])
        for one in sound_packets(clip(name))
    ]


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "aac"), ("mov", "pcm_s16le"), ("mkv", "libopus"), ("mkv", "flac"), ("ts", "aac"), ("avi", "libmp3lame")],
)
def test_a_template_gives_the_stream_back(tmp_path: Path, container: str, codec: str) -> None:
    path = encode(tmp_path / f"clip.{container}", "mpeg4", 50, sound=codec)
    source, _ = split_file(path)
    (told,) = source.splice["passthrough"]
    with av.open(io.BytesIO(told["template"])) as template, av.open(str(path)) as given:
        again, original = template.streams.audio[0].codec_context, given.streams.audio[0].codec_context
        assert again.name == original.name == told["codec"]
        assert again.extradata == original.extradata
        assert (again.sample_rate, again.channels) == (original.sample_rate, original.channels)
        assert Fraction(*told["time_base"]) == given.streams.audio[0].time_base


def test_what_is_not_carried_is_said(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams: list[Any] = [container.add_stream("mpeg4", rate=RATE) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.add_attachment("font.ttf", "font/ttf", b"not really")
        for index, frame in enumerate(frames(5, "yuv420p", 64, 48)):
            for stream in streams:
                frame.pts, frame.time_base = index, 1 / RATE
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    source, chunks = split_file(path)
    assert list(sentences(source.common_facts.findings)) == [
        "stream 1 (another video) is left out: only one video stream is filtered",
    ]
    assert source.stream_count == 2  # the font goes along
    assert {one.stream for one in chunks} == {0, 1}


def test_subtitles_are_carried(tmp_path: Path) -> None:
    path = tmp_path / "words.mkv"
    subtitles = tmp_path / "words.srt"
    subtitles.write_text("1\n00:00:00,200 --> 00:00:00,900\nHello\n\n2\n00:00:01,000 --> 00:00:01,500\nagain\n\n")
    plain = encode(tmp_path / "plain.mkv", "mpeg4", 50)
    with av.open(str(plain)) as one, av.open(str(subtitles)) as two, av.open(str(path), "w") as container:
        given = [*one.streams.video, *two.streams.subtitles]
        copies = {id(stream.container): container.add_stream_from_template(stream) for stream in given}
        packets: list[Any] = [packet for source in (one, two) for packet in source.demux() if packet.dts is not None]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            packet.stream = copies[id(packet.stream.container)]
            container.mux(packet)
    source, chunks = split_file(path)
    (told,) = source.splice["passthrough"]
    assert (told["type"], told["codec"]) == ("subtitle", "srt")
    (chunk,) = [one for one in chunks if one.stream == 1]
    assert [bytes(view) for view in unpack(chunk.payload)[1]] == [b"Hello", b"again"]


def test_large_packets_make_small_chunks(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_PACKET_BYTES", 5000)
    _, chunks = split_file(clip("with_sound"))
    sizes = [len(one.payload) for one in chunks if one.stream == 1]
    assert len(sizes) > 3
    assert max(sizes) < 5000 + 2 * 1024 * 4


def entries(*decode_times: int | None, duration: int = 10) -> list[PacketEntry]:
    return [PacketEntry(100, None, dts, duration, 0, None) for dts in decode_times]


def test_times_that_fall_are_told_by_what_the_first_chunk_will_have() -> None:
    assert times_fall(entries(0, 10, 5, 30))
    assert not times_fall(entries(0, 10, 10, 30))
    assert not times_fall(entries(0, 10, 5, duration=0))  # lengths that are not known tell no times
    assert not times_fall(entries(0, None, -5))
    first = FirstChunk()
    for dts in (100, 110, 20):
        packet: Any = av.Packet(4)
        packet.dts, packet.duration = dts, 10
        first.add(packet)
    assert first.falls(lambda number: 0)
    assert not first.falls(lambda number: 100 if number == 2 else 0)  # another clock, whose times follow


def test_what_an_edit_list_cut_away_tells_no_times() -> None:
    first = FirstChunk()
    for dts, is_discard in ((100, True), (0, False), (10, False)):
        packet: Any = SimpleNamespace(size=4, pts=dts, dts=dts, duration=10, is_discard=is_discard)
        first.add(packet)
    assert not first.falls(lambda number: 0)
    assert first.falls(lambda number: 20 if number == 1 else 0)  # counted as the file has them


def test_what_comes_behind_the_first_chunk_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_PACKET_COUNT", 2)
    first = FirstChunk()
    for dts in (0, 10, 5):
        packet: Any = av.Packet(4)
        packet.dts, packet.duration = dts, 10
        first.add(packet)
    assert not first.falls(lambda number: 0)
