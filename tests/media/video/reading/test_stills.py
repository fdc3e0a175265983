from __future__ import annotations

from pathlib import Path

import pytest

from moviola.media.video.check import decode_whole
from moviola.media.video.reading.stills import clip_of_video
from tests.media.video.clips import encode, truncated
from tests.media.video.conftest import Clip


def checksums(path: Path) -> list[int]:
    return [frame.crc for frame in decode_whole(path).frames]


@pytest.mark.parametrize("name", ["h264_open_gop", "h264_without_timestamps"])
def test_the_first_the_middle_and_the_last_frame_stand_behind_those_before_them(
    clip: Clip, tmp_path: Path, name: str
) -> None:
    """In a bare stream nothing can be sought."""
    whole, made = checksums(clip(name)), tmp_path / "made.mkv"
    assert clip_of_video(clip(name), made, context=2) == [0, 3, 6]
    assert checksums(made) == [whole[index] for index in (0, 18, 19, 20, 37, 38, 39)]


def test_the_last_frame_of_a_bare_stream_that_is_cut_short(clip: Clip, tmp_path: Path) -> None:
    short = truncated(clip("h264_without_timestamps"), tmp_path / "short.h264", 0.6)
    assert clip_of_video(short, tmp_path / "made.mkv", context=0) == [0, 1, 2]
    assert checksums(tmp_path / "made.mkv")[-1] == checksums(short)[-1]


def test_a_bare_stream_of_one_frame(tmp_path: Path) -> None:
    single = encode(tmp_path / "single.h264", "libx264", 1)
    assert clip_of_video(single, tmp_path / "made.mkv", context=2) == [0]
