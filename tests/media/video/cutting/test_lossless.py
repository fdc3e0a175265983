from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moviola.media.bundle import unpack_table
from moviola.media.errors import UnreadableSource
from moviola.media.video.check import check, checksum, decode_whole
from moviola.media.video.cutting import plan as plan_module
from moviola.media.video.cutting.lossless import codecs_for
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.decode import ChunkDecoder
from tests.media.video.clips import encode, frames, scratched, with_streams
from tests.media.video.conftest import Clip
from tests.media.video.cutting_room import process_of


@pytest.fixture
def uncuttable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks may have 12 frames only, and groups may be cut into one piece."""
    monkeypatch.setattr(plan_module, "MAX_CHUNK_FRAMES", 12)
    monkeypatch.setattr(plan_module, "MAX_PIECES", 1)


# Each is one group of more than twelve frames, or cannot be cut at all.
NAMES = ["h264_one_keyframe", "h264_without_timestamps", "vp9_alternate_references", "av1"]


@pytest.mark.usefixtures("uncuttable")
@pytest.mark.parametrize("name", NAMES)
def test_every_frame_comes_out_as_it_was(clip: Clip, name: str) -> None:
    source, chunks = split_file(clip(name))
    assert "cannot be cut safely" in source.facts["lossless_reencode"]
    whole = decode_whole(clip(name)).frames
    seen: list[Any] = []
    count = 0
    for count, chunk in enumerate(chunks, start=1):
        assert chunk.index == count - 1
        assert chunk.frame_count <= 12
        assert unpack_table(chunk.payload)["first"] == len(seen)
        decoder = ChunkDecoder(chunk.payload, process_of(source))
        frames = list(decoder)
        assert [one.index for one in frames] == list(range(len(seen), len(seen) + chunk.frame_count))
        seen += zip([one.frame for one in frames], decoder.report.times, strict=True)
    assert count == source.facts["chunk_count"]
    assert [time for _, time in seen] == [one.pts for one in whole]
    assert [checksum(frame) for frame, _ in seen] == [one.crc for one in whole]


@pytest.mark.usefixtures("uncuttable")
@pytest.mark.parametrize("name", ["msrle_palettes", "rpza_all_marked"])
def test_palettes_and_coarse_colours_become_the_same_colours(clip: Clip, name: str) -> None:
    assert split_file(clip(name))[0].process["codec"] == "ffv1"
    (result,) = check(clip(name), (None,))
    assert result.lossless
    assert result.equal, result.differences


@pytest.mark.usefixtures("uncuttable")
def test_check_compares_it_too(clip: Clip) -> None:
    (result,) = check(clip("h264_one_keyframe"), (None,))
    assert result.lossless
    assert result.equal


@pytest.mark.usefixtures("uncuttable")
def test_context_comes_with_each_chunk(clip: Clip) -> None:
    whole = decode_whole(clip("h264_one_keyframe")).frames
    source, chunks = split_file(clip("h264_one_keyframe"), context_frames=3)
    for chunk in list(chunks)[1:]:
        frames = list(ChunkDecoder(chunk.payload, process_of(source), 3))
        first = unpack_table(chunk.payload)["first"]
        assert [one.own for one in frames[:4]] == [False, False, False, True]
        assert [checksum(one.frame) for one in frames] == [
            one.crc for one in whole[first - 3 : first + chunk.frame_count]
        ]


@pytest.mark.usefixtures("uncuttable")
@pytest.mark.parametrize(
    ("pixel_format", "size", "decoder", "given"),
    [
        ("yuv420p", (853, 480), "ffv1", "yuv420p"),
        ("yuv420p", (64, 47), "ffv1", "yuv420p"),
        ("yuv420p", (17, 15), "ffv1", "yuv420p"),
        ("yuv420p", (17, 3), "ffv1", "yuv422p"),
    ],
)
def test_sizes_of_no_whole_chroma_samples_are_taken(
    tmp_path: Path, pixel_format: str, size: tuple[int, int], decoder: str, given: str
) -> None:
    options = {"level": "1", "g": "99"}  # FFV1 in slices, as it is written, does not take all of them
    pictures = [frame.reformat(*size) for frame in frames(14, pixel_format, 64, 48)]
    path = encode(
        tmp_path / "odd.mkv", "ffv1", pixel_format=pixel_format, size=size, options=options, pictures=pictures
    )
    source, chunks = split_file(path)
    assert source.facts["lossless_reencode"]
    assert (source.process["codec"], source.process["pix_fmt"]) == (decoder, given)
    assert sum(chunk.frame_count for chunk in chunks) == 14
    if given == pixel_format:
        (result,) = check(path, (None,))
        assert result.equal, result.differences


@pytest.mark.usefixtures("uncuttable")
def test_sound_goes_along(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = [one.payload for one in split_file(clip("with_aac"))[1] if one.stream == 1]
    monkeypatch.setattr(plan_module, "MAX_CHUNK_FRAMES", 5)
    source, chunks = split_file(clip("with_aac"))
    assert source.facts["lossless_reencode"]
    assert [one.payload for one in chunks if one.stream == 1] == plain


def test_files_within_the_file_go_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = with_streams(tmp_path / "clip.mkv", with_a_font, video=40)
    plain = [one.payload for one in split_file(path)[1] if one.stream == 1]
    assert len(plain) == 1
    monkeypatch.setattr(plan_module, "MAX_CHUNK_FRAMES", 5)
    monkeypatch.setattr(plan_module, "MAX_PIECES", 1)
    source, chunks = split_file(path)
    assert source.facts["lossless_reencode"]
    assert [one.payload for one in chunks if one.stream == 1] == plain


def with_a_font(container: Any) -> list[Any]:
    container.add_attachment("Sans Bold.ttf", "application/x-truetype-font", b"glyphs" * 100)
    return []


@pytest.mark.usefixtures("uncuttable")
def test_a_damaged_packet_costs_its_frame_only(clip: Clip, tmp_path: Path) -> None:
    path = scratched(clip("h264_one_keyframe"), tmp_path / "damaged.mkv", 25, keep=0)
    source, chunks = split_file(path)
    assert source.facts["lossless_reencode"]
    assert sum(one.frame_count for one in chunks) == 39


@pytest.mark.usefixtures("uncuttable")
@pytest.mark.parametrize("frames_by_then", [20, 40], ids=["shorter", "recorded on"])
def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path, frames_by_then: int) -> None:
    path = encode(tmp_path / "a.mkv", "mpeg4", 30, options={"g": "100"})
    source, chunks = split_file(path)
    assert source.facts["lossless_reencode"]
    encode(path, "mpeg4", frames_by_then, options={"g": "100"})
    with pytest.raises(UnreadableSource, match="the file changed while it was read"):
        list(chunks)


def test_it_is_never_taken_where_cutting_is_possible(clip: Clip) -> None:
    for name in ("h264_one_keyframe", "h264_without_timestamps", "h264_open_gop", "rpza_all_marked"):
        assert split_file(clip(name))[0].facts["lossless_reencode"] is None


@pytest.mark.parametrize(
    ("pixel_format", "encoder", "given"),
    [
        ("yuv420p", "libx264", "yuv420p"),
        ("yuv444p10le", "libx264", "yuv444p10le"),
        ("yuva420p", "ffv1", "yuva420p"),
        ("gbrp", "ffv1", "bgr0"),
        ("gbrp10le", "ffv1", "gbrp10le"),
        ("nv12", "libx264", "yuv420p"),
        ("yuyv422", "libx264", "yuv422p"),
        ("pal8", "ffv1", "bgra"),
    ],
)
def test_codecs_give_their_format_back(pixel_format: str, encoder: str, given: str) -> None:
    codec, name = next(codecs_for(pixel_format))
    assert (codec.encoder, name) == (encoder, given)
