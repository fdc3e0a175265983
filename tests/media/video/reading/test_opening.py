from __future__ import annotations

import errno
import shutil
from pathlib import Path

import av
import pytest
from PIL import Image

from moviola.media.errors import UnreadableSource
from moviola.media.video.reading.opening import first_frame
from moviola.media.video.writing.digest import digest
from tests.media.video.clips import remux, with_bytes
from tests.media.video.conftest import Clip


def refused(path: Path) -> str:
    with pytest.raises(UnreadableSource) as caught:
        first_frame(path)
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


@pytest.mark.parametrize("name", ["2024-05-01T10:00:00.mp4", "12:30.mp4", "file:x.mp4", "subfile,,start,9,:x.mp4"])
def test_a_name_that_ffmpeg_takes_for_an_address(
    tmp_path: Path, clip: Clip, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.mp4").write_text("another file")
    shutil.copy(clip("with_aac"), name)
    assert first_frame(Path(name)).width
    assert digest(Path(name)) == digest(clip("with_aac"))


def test_a_name_that_ffmpeg_takes_for_a_pattern(tmp_path: Path) -> None:
    """FFmpeg would take "a%d.png" for a series of numbered pictures, and read "a1.png"."""
    for name, size in (("a%d.png", (64, 48)), ("a1.png", (32, 16))):
        Image.new("RGB", size).save(tmp_path / name)
    assert first_frame(tmp_path / "a%d.png").width == 64


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
