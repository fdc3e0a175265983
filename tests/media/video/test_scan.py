from __future__ import annotations

import errno
from fractions import Fraction
from pathlib import Path

import av
import pytest

from media.errors import UnreadableSource
from media.video.random_access import Access
from media.video.scan import scan
from tests.media.video.clips import ONE_KEYFRAME, RATE, encode, remux, truncated, with_bytes
from tests.media.video.conftest import Clip


def refused(path: Path) -> str:
    with pytest.raises(UnreadableSource) as caught:
        scan(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return caught.value.reason


def test_a_missing_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.mp4") == "there is no such file"


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert refused(tmp_path / "empty.mp4") == "the file is empty"


def test_a_folder(tmp_path: Path) -> None:
    assert refused(tmp_path) == "this is a folder, not a video file"


@pytest.mark.parametrize("name", ["text.mp4", "text.txt", "text.mkv"])
def test_a_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("This is not a video.\n" * 50)
    assert "this is a text file" in refused(tmp_path / name) or "not a media file" in refused(tmp_path / name)


def test_sound_only(tmp_path: Path, clip: Clip) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(clip("with_aac"))) as given, av.open(str(path), "w") as container:
        source = given.streams.audio[0]
        copy = container.add_stream_from_template(source)
        for packet in given.demux(source):
            if packet.dts is not None:
                packet.stream = copy
                container.mux(packet)
    assert refused(path) == "this file holds sound only"


def test_a_header_without_decodable_frames(tmp_path: Path, clip: Clip) -> None:
    path = remux(clip("h264_one_keyframe"), tmp_path / "hollow.mkv", lambda _, one: with_bytes(one, b"\xaa" * one.size))
    assert refused(path) == "none of its h264 frames can be decoded"


def test_a_header_without_packets(tmp_path: Path) -> None:
    path = tmp_path / "header.avi"
    with av.open(str(path), "w") as container:
        container.add_stream("mpeg4", rate=25)
        container.start_encoding()
    assert refused(path) == "none of its mpeg4 frames can be decoded"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(*_: object, **__: object) -> None:
        raise av.error.PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(av, "open", deny)
    assert refused(tmp_path / "secret.mp4") == "the file may not be read"


def test_what_is_known_of_packets(clip: Clip) -> None:
    found = scan(clip("h264_open_gop"))
    assert found.track.frames_before[-1] == 40
    assert [index for index, one in enumerate(found.track.access) if one] == [0, 9, 19, 29]
    assert found.track.access[0] == Access.CLOSED
    assert found.track.access[9] == Access.OPEN
    assert found.rate == RATE
    assert found.first_pts == 0
    assert found.last_end == 40 * found.time_base.denominator // 25
    assert found.decoder["codec"] == "h264"
    assert not found.damaged


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
    assert found.decoder["codec"] == "h264"
    assert any("cover picture" in one for one in found.warnings)
    assert len(found.passthrough) == 1
