from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import msgpack
import pytest
import xxhash

from moviola.media.bundle import unpack, unpack_table
from moviola.media.errors import UnreadableSource
from moviola.media.material import Chunk, Source
from moviola.media.video.cutting.plan import plan
from moviola.media.video.cutting.split import Splitter, split_file
from moviola.media.video.reading.scan import scan
from tests.media.video.clips import encode, packets_in
from tests.media.video.conftest import Clip


def video(chunks: list[Chunk]) -> list[Chunk]:
    return [one for one in chunks if one.stream == 0]


def test_own_packets_of_all_chunks_are_the_stream(clip: Clip) -> None:
    path = clip("h264_open_gop")
    _, chunks = split_file(path, chunk_frames=7)
    found = []
    for chunk in chunks:
        table, views = unpack(chunk.payload)
        own = [index for start, stop in table["own"] for index in range(start, stop)]
        assert len(own) == chunk.frame_count
        found += [(bytes(views[index]), *table["p"][index][1:4]) for index in own]
    assert found == [(bytes(one), one.pts, one.dts, one.duration) for one in packets_in(path)]


def test_chunks_are_numbered_and_first_frames_add_up(clip: Clip) -> None:
    _, chunks = split_file(clip("mpeg2"), chunk_frames=7)
    first = 0
    for index, chunk in enumerate(chunks):
        assert chunk.index == index
        assert unpack_table(chunk.payload)["first"] == first
        first += chunk.frame_count
    assert first == 40


def test_the_same_source_gives_the_same_chunks(clip: Clip) -> None:
    path = clip("with_sound")
    one, two = split_file(path, chunk_frames=11), split_file(path, chunk_frames=11)
    assert one[0] == two[0]
    assert list(one[1]) == list(two[1])


def test_a_source_travels(clip: Clip) -> None:
    source, _ = split_file(clip("with_aac"))
    assert Source.from_wire(msgpack.unpackb(msgpack.packb(source.to_wire()))) == source
    assert source.kind == "video"
    assert source.name == "sound.mp4"
    assert source.fingerprint == xxhash.xxh3_128(clip("with_aac").read_bytes()).hexdigest()
    assert source.stream_count == 2


def test_facts(clip: Clip) -> None:
    source, chunks = split_file(clip("with_sound"), chunk_frames=20)
    facts = source.facts
    assert facts["codec"] == "h264"
    assert (facts["width"], facts["height"], facts["pix_fmt"]) == (64, 48, "yuv420p")
    assert (facts["rate"], facts["frame_count"], facts["keyframe_count"]) == ("25", 100, 10)
    assert facts["duration_s"] == pytest.approx(4, abs=0.1)
    assert facts["chunk_count"] == len(video(list(chunks)))
    assert facts["preroll_frames"] > 0
    assert facts["preroll_bytes"] > 0
    assert facts["preroll_share"] == round(facts["preroll_frames"] / 100, 4)
    assert facts["streams"] == [
        {
            "type": "audio",
            "codec": "pcm_s16le",
            "sample_rate": 8000,
            "channels": 1,
            "layout": "1 channels",  # Matroska does not name it
            "language": "und",
        }
    ]
    assert facts["lossless_reencode"] is None
    assert facts["findings"] == []
    assert facts["damaged"] is False


def test_chunks_of_all_streams_come_in_the_order_of_the_file(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moviola.media.video.bundle.MAX_PACKET_COUNT", 5)
    _, chunks = split_file(clip("with_sound"), chunk_frames=20)
    streams = [one.stream for one in chunks]
    assert streams.index(1) < streams.index(0) + 3
    assert streams[2:].count(0) > 1
    assert "".join(map(str, streams)).strip("1").count("01") > 1


def test_sizes_below_one_are_refused(clip: Clip) -> None:
    with pytest.raises(ValueError, match="chunks cannot have 0 frames"):
        split_file(clip("mpeg2"), chunk_frames=0)


@pytest.mark.parametrize("frames_by_then", [20, 40], ids=["shorter", "recorded on"])
def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path, frames_by_then: int) -> None:
    path = encode(tmp_path / "a.mkv", "mpeg4", 30)
    _, chunks = split_file(path)
    encode(path, "mpeg4", frames_by_then)
    with pytest.raises(UnreadableSource, match="the file changed while it was read"):
        list(chunks)


def test_only_what_the_next_chunk_needs_is_held(clip: Clip) -> None:
    found = scan(clip("long"))
    splitter = Splitter(found, plan(found.track, 64, 48, chunk_frames=10).cuts)
    held = [len(splitter._window) for _ in splitter.chunks()]
    assert max(held) < 60


def test_a_pixel_aspect_is_told_of_the_picture_as_seen(tmp_path: Path) -> None:
    def lie_down(stream: object) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)  # type: ignore[attr-defined]
        stream.set_display_rotation(90)  # type: ignore[attr-defined]

    source, _ = split_file(encode(tmp_path / "lying.mov", "libx264", 5, setup=lie_down))
    assert source.facts["sample_aspect"] == "4/3"
    assert source.process["sample_aspect"] == source.splice["sample_aspect"] == [3, 4]
    assert source.process["orientation"][0] is True
    assert (source.process["display_width"], source.process["display_height"]) == (48, 64)
    assert source.facts["orientation"].startswith("transposed")


def test_lasting_side_data_goes_with_every_chunk(clip: Clip) -> None:
    """The file says its palette once, in its first packet."""
    for chunk in split_file(clip("smc_one_palette"), chunk_frames=7)[1]:
        side_data = unpack_table(chunk.payload)["p"][0][5]
        assert [kind for kind, _ in side_data] == ["palette"]


def test_chapters_and_metadata_are_told(tmp_path: Path, clip: Clip) -> None:
    path = tmp_path / "told.mkv"
    with av.open(str(clip("with_sound"))) as given, av.open(str(path), "w") as container:
        copies = {one.index: container.add_stream_from_template(one) for one in given.streams}
        container.metadata["title"] = "Reel"
        copies[1].metadata["language"] = "fra"
        title = {"title": "One"}
        container.set_chapters([{"id": 1, "start": 0, "end": 2000, "time_base": Fraction(1, 1000), "metadata": title}])
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                container.mux(packet)
    source, _ = split_file(path)
    assert source.splice["metadata"]["title"] == "Reel"
    assert source.splice["passthrough"][0]["language"] == "fra"
    (chapter,) = source.splice["chapters"]
    assert chapter["metadata"]["title"] == "One"
    base = chapter["time_base"]
    assert (chapter["end"] - chapter["start"]) * base[0] / base[1] == 2
