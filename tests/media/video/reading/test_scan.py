from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.packet import PacketSideData, packet_sidedata_type_from_literal

from moviola.media.video.reading.random_access import Access
from moviola.media.video.reading.scan import scan
from moviola.media.video.writing.sound import SKIPPED
from tests.media.video import paff
from tests.media.video.catalogue import CLIPS
from tests.media.video.clips import ONE_KEYFRAME, RATE, encode, packets_in, remux, truncated
from tests.media.video.conftest import Clip


def test_what_is_known_of_packets(clip: Clip) -> None:
    found = scan(clip("h264_open_gop"))
    assert found.track.frames_before[-1] == 40
    assert [index for index, one in enumerate(found.track.access) if one] == [0, 9, 19, 29]
    assert found.track.access[0] == Access.CLOSED
    assert found.track.access[9] == Access.OPEN
    assert found.rate == RATE
    assert found.first_pts == 0
    assert found.last_end == 40 * found.time_base.denominator // 25
    assert found.decoder.codec == "h264"
    assert not found.damaged_packets
    assert not found.damage


def test_an_edit_list_hides_packets(clip: Clip) -> None:
    found = scan(clip("h264_edit_list"))
    assert 0 < found.track.frames_before[-1] == 25 < len(found.track)
    assert found.first_pts == 0


def test_empty_packets_are_counted_but_show_nothing(clip: Clip) -> None:
    found = scan(clip("vp8_empty_packets"))
    assert [index for index, size in enumerate(found.track.size) if size == 0] == [6, 14]
    assert [index for index, shown in enumerate(found.track.shown) if not shown] == [6, 14]
    assert found.track.frames_before[-1] == 30


def test_a_file_cut_short_is_read_up_to_there(tmp_path: Path, clip: Clip) -> None:
    found = scan(truncated(clip("h264_vfr"), tmp_path / "short.mkv", 0.6))
    assert 0 < found.track.frames_before[-1] < 40


def test_a_rate_is_found_where_none_is_told(clip: Clip) -> None:
    assert scan(clip("h264_without_timestamps")).rate == RATE
    assert scan(clip("h264_duplicate_times")).rate > 0


def test_rate_from_times(tmp_path: Path) -> None:
    times = [index * 100 for index in range(20)]
    path = encode(tmp_path / "slow.mkv", "libx264", 20, options=ONE_KEYFRAME, times=times, time_base=Fraction(1, 1000))
    assert scan(path).rate in (Fraction(10), RATE)


def test_skipped_samples_of_a_video_mean_nothing(tmp_path: Path) -> None:
    """FFmpeg tells a Matroska's DiscardPadding as skipped samples, also of a track that is no sound."""

    def padded(index: int, packet: Any) -> Any:
        if index == 3:
            skipped = PacketSideData(packet_sidedata_type_from_literal(SKIPPED), 10)  # type: ignore[call-arg]
            skipped.update(struct.pack("<IIH", 5, 7, 0))
            packet.set_sidedata(skipped)
        return packet

    path = remux(encode(tmp_path / "plain.mkv", "mpeg4", 10), tmp_path / "padded.mkv", padded)
    assert any(packet.has_sidedata(SKIPPED) for packet in packets_in(path))
    assert scan(path).track.times == scan(tmp_path / "plain.mkv").track.times


def test_a_cover_picture_is_not_the_video(tmp_path: Path, clip: Clip) -> None:
    path = tmp_path / "covered.mp4"
    with av.open(str(clip("with_aac"))) as given, av.open(str(path), "w") as container:
        copies = {one.index: container.add_stream_from_template(one) for one in given.streams}
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 128, 128, "yuvj420p"  # larger than the video
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame(128, 128, "yuvj420p")
        frame.pts = 0
        container.mux(cover.encode(frame) + cover.encode(None))
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                container.mux(packet)
    found = scan(path)
    assert found.decoder.codec == "h264"
    assert [one.type for one in found.passthrough] == ["audio", "cover"]


@pytest.mark.parametrize("name", ["fields.ts", "fields.mp4", "fields.mkv"])
@pytest.mark.parametrize("each", [False, True])
def test_two_fields_are_one_frame_whatever_the_packets(tmp_path: Path, name: str, each: bool) -> None:
    found = scan(paff.recorded(tmp_path / name, 20, each=each))
    assert found.track.frames_before[-1] == 20
    assert len(found.track) == (40 if each or name == "fields.ts" else 20)
    assert found.track.times == [round(index * paff.TICKS * paff.BASE / found.time_base) for index in range(20)]
    assert found.rate == 25
    assert found.key_count == 20
    assert [bool(one) for one in found.track.access] == [not one for one in found.track.second]


def test_fields_without_times_are_frames(tmp_path: Path) -> None:
    found = scan(paff.bare(tmp_path / "bare.h264", 20))
    assert found.track.frames_before[-1] == 20
    assert found.track.times is None


def test_a_field_without_its_other_is_a_frame(tmp_path: Path) -> None:
    pairs = paff.frames(20)
    data = [one + (b"" if index == 4 else two) for index, (one, two) in enumerate(pairs)]
    (tmp_path / "bare.h264").write_bytes(b"".join(data))
    found = scan(tmp_path / "bare.h264")
    assert [at for at, shown in enumerate(found.track.shown) if shown] == [0, 2, 4, 6, 8, *range(9, 39, 2)]


@pytest.mark.parametrize("name", sorted(each for each in CLIPS if each.startswith("h264") and each != "h264_fields"))
def test_frames_in_one_packet_each_have_no_second_field(clip: Clip, name: str) -> None:
    assert not any(scan(clip(name)).track.second)
