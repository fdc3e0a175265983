from __future__ import annotations

from pathlib import Path

import pytest

from moviola.media.errors import UnreadableSource
from moviola.media.video.check import check, compare, decode_whole, main
from moviola.media.video.filtering import decode
from tests.media.video.catalogue import CLIPS
from tests.media.video.clips import scratched
from tests.media.video.conftest import Clip

# Sound changes nothing for the picture, and "long" is for counting chunks.
NAMES = sorted(set(CLIPS) - {"with_sound", "with_aac", "long"})


@pytest.mark.parametrize("name", NAMES)
def test_chunks_decode_to_what_the_whole_decodes_to(clip: Clip, name: str) -> None:
    for result in check(clip(name), (1, 7, None)):
        assert result.equal, (result.chunk_frames, result.differences)
        assert result.frame_count > 0
        assert not result.lossless


def test_says_where_chunks_differ(clip: Clip) -> None:
    path = clip("h264_open_gop")
    whole = decode_whole(path)
    whole.frames[3], whole.frames[5] = whole.frames[5], whole.frames[3]
    del whole.frames[-1]
    result = compare(path, whole, 7)
    assert result.differing == 3
    assert [one.split(" has")[0] for one in result.differences[:2]] == ["frame 3", "frame 5"]
    assert result.differences[2] == "frame 39 is one too many"


def test_a_lost_frame_is_missed(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clip("mjpeg")
    whole = decode_whole(path)
    monkeypatch.setattr(decode, "source_packet", lambda frame: None)
    assert compare(path, whole, 7).differing == len(whole.frames)


def test_costly_sizes_are_sampled(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moviola.media.video.check.MAX_WORK", 3)
    path = clip("h264_one_keyframe")
    result = compare(path, decode_whole(path), 1)
    assert result.step > 1
    assert 0 < result.frame_count < 40
    assert result.equal


@pytest.mark.parametrize("keep", [0, 12])
def test_damage_is_told_from_a_bad_cut(clip: Clip, tmp_path: Path, keep: int) -> None:
    path = scratched(clip("h264_open_gop"), tmp_path / "damaged.mkv", 12, 25, keep=keep)
    whole = decode_whole(path)
    assert whole.damaged
    result = compare(path, whole, 7)
    assert result.damaged_only
    assert result.frame_count == len(whole.frames)


def test_the_command_prints_a_table(clip: Clip, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(clip("mpeg2")), "--chunk-frames", "7,auto"]) == 0
    printed = capsys.readouterr().out
    assert "two.mpg" in printed
    assert printed.count("equal") == 2


def test_the_command_fails_when_pixels_differ(
    clip: Clip, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moviola.media.video.cutting.cut.preroll_start", lambda track, start: start)
    assert main([str(clip("mpeg2")), "--chunk-frames", "7"]) == 1
    assert "has other pixels" in capsys.readouterr().out


def test_the_command_names_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "gone.mp4")]) == 2
    assert "there is no such file" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("sizes", ["0", "-3", "many"])
def test_the_command_refuses_odd_sizes(sizes: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["file.mp4", "--chunk-frames", sizes])


def test_unreadable_files_raise(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource):
        check(tmp_path / "gone.mp4")
