from __future__ import annotations

import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from moviola.media.wholeness import Wholeness, wholeness
from tests.end_to_end import clips

SUFFIXES = (".mp4", ".mov", ".mkv", ".avi")


@pytest.fixture(params=SUFFIXES)
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"clip{request.param}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in range(6):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), level * 20, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(params=[".png", ".jpg", ".webp"])
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"picture{request.param}"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))
    return path


def cut(path: Path, size: int) -> Path:
    short = path.with_name(f"short{path.suffix}")
    short.write_bytes(path.read_bytes()[:size])
    return short


def test_a_clip_is_whole_and_each_beginning_of_it_is_not(clip: Path) -> None:
    assert wholeness(clip) is Wholeness.WHOLE
    size = clip.stat().st_size
    for length in (1, size // 3, size // 2, size - 1):
        assert wholeness(cut(clip, length)) is not Wholeness.WHOLE, length
    for length in (size // 3, size // 2, size - 1):
        assert wholeness(cut(clip, length)) is Wholeness.CUT_OFF, length


def test_a_picture_is_whole_and_each_beginning_of_it_is_not(picture: Path) -> None:
    assert wholeness(picture) is Wholeness.WHOLE
    for length in (picture.stat().st_size // 2, picture.stat().st_size - 8):
        assert wholeness(cut(picture, length)) is Wholeness.CUT_OFF


FILM = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + bytes(10_000)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_what_phones_append_to_a_picture_may_still_be_on_its_way(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture.MP{suffix}"
    cv2.imwrite(str(path), np.full((40, 40, 3), 90, np.uint8))
    still = path.read_bytes()
    path.write_bytes(still + bytes(4000))
    assert wholeness(path) is Wholeness.WHOLE, "padding"
    path.write_bytes(still + FILM)
    assert wholeness(path) is Wholeness.UNKNOWN
    path.write_bytes(still[: len(still) // 2])
    assert wholeness(path) is Wholeness.CUT_OFF


def test_pictures_that_follow_a_jpeg_directly_belong_to_the_file(tmp_path: Path) -> None:
    """A map of brightness, as phones append, or the pictures of a stream."""
    path = tmp_path / "pictures.jpg"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8))
    one = path.read_bytes()
    for rest, told in ((b"", Wholeness.WHOLE), (FILM, Wholeness.UNKNOWN), (one[:5000], Wholeness.CUT_OFF)):
        path.write_bytes(one + one + rest)
        assert wholeness(path) is told


def test_the_end_of_a_thumbnail_is_not_that_of_its_picture(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe1\x00\x20" + b"\xff\xd8\xff\xd9" + bytes(2000))
    assert wholeness(path) is Wholeness.CUT_OFF


def test_of_a_file_that_is_larger_than_a_picture_may_be_nothing_is_said(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads it says so."""
    if picture.suffix != ".webp":  # whose length its header tells
        monkeypatch.setattr("moviola.media.wholeness.MAX_FILE_SIZE", 1000)
        assert wholeness(cut(picture, 1001)) is Wholeness.UNKNOWN


def test_an_mp4_with_its_index_first_is_not_whole_before_its_pictures_are_there(tmp_path: Path) -> None:
    clips.moving(tmp_path / "clip.mp4", frames=6, size=(64, 48))
    with av.open(str(tmp_path / "clip.mp4")) as source:
        path = tmp_path / "first.mp4"
        with av.open(str(path), "w", options={"movflags": "faststart"}) as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    assert wholeness(path) is Wholeness.WHOLE
    index_size = path.read_bytes().index(b"mdat") + 4
    assert wholeness(cut(path, index_size)) is Wholeness.CUT_OFF
    assert wholeness(cut(path, path.stat().st_size - 1)) is Wholeness.CUT_OFF


def test_an_mp4_without_its_index_is_not_whole(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 24, b"mdat") + bytes(16))
    assert wholeness(path) is Wholeness.CUT_OFF


def test_a_box_of_64_bits_is_read(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    head = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 8, b"moov")
    path.write_bytes(head + struct.pack(">I4sQ", 1, b"mdat", 32) + bytes(16))
    assert wholeness(path) is Wholeness.WHOLE
    path.write_bytes(head + struct.pack(">I4sQ", 1, b"mdat", 2**40) + bytes(16))
    assert wholeness(path) is Wholeness.CUT_OFF


@pytest.mark.parametrize(
    "content",
    [
        b"id,title\n1,Heat\n",
        b"\x47" + bytes(187),  # MPEG-TS
        struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + struct.pack(">I4s", 0, b"mdat") + bytes(9),  # to the end
        struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + bytes(64),  # padding
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01" + b"\xff" * 7,  # a live recording: a segment of unknown size
        b"RIFF\x00\x00\x00\x00AVI " + bytes(20),
    ],
)
def test_of_what_does_not_tell_its_length_nothing_is_said(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert wholeness(path) is Wholeness.UNKNOWN


def test_an_empty_file_is_not_whole(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert wholeness(tmp_path / "empty.mp4") is Wholeness.CUT_OFF


def test_garbage_behind_a_known_beginning_raises_nothing(tmp_path: Path) -> None:
    path, random = tmp_path / "garbage", np.random.default_rng(1)
    beginnings = (
        b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00",
        b"\x1a\x45\xdf\xa3",
        b"RIFF",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
    )
    for beginning in beginnings:
        for length in range(64):
            path.write_bytes(beginning + random.bytes(length))
            assert wholeness(path) in Wholeness


def test_boxes_without_number_end_the_search(tmp_path: Path) -> None:
    path = tmp_path / "boxes.mp4"
    path.write_bytes(struct.pack(">I4s", 8, b"free") * 100_001)
    assert wholeness(path) is Wholeness.UNKNOWN
