"""What HDR10 tells of a video is in the result, or it is said before that it is not."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from moviola.filters.chain import parse_chain
from moviola.media.fidelity import Fate
from moviola.media.kinds import findings
from moviola.media.material import header
from moviola.media.video.cutting.split import split_file
from moviola.media.video.headers import VideoProcess
from moviola.media.video.mastering import LIGHT, MASTERING
from moviola.media.video.picture_findings import picture_findings
from moviola.media.video.reading.opening import opened
from moviola.media.video.side_data import FrameSideData, beside_the_picture
from tests.media.video.clips import encode
from tests.media.video.cutting_room import output, take

COUNT = 12
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
TOLD = {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}


def hdr(path: Path, parameters: str = f"master-display={DISPLAY}:max-cll=1000,400") -> Path:
    def setup(stream: Any) -> None:
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 16, 9, 1

    options = {"x265-params": f"{parameters}:log-level=none:keyint=4", "preset": "ultrafast"}
    return encode(path, "libx265", COUNT, options=options, pixel_format="yuv420p10le", setup=setup)


def told(path: Path) -> list[dict[str, bytes]]:
    """What each frame tells, by a plain decode, in FFmpeg's own form."""
    with av.open(str(path)) as container:
        found = []
        for frame in container.decode(video=0):
            side_data: Any = frame.side_data
            names = [name for name in TOLD if side_data.get(name) is not None]
            found.append({name: bytes(side_data[name]) for name in names})
        return found


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hdr(tmp_path_factory.mktemp("hdr") / "clip.mp4")


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_it_is_in_the_result(clip: Path, tmp_path: Path, codec: str) -> None:
    (source,) = {tuple(sorted(each.items())) for each in told(clip) if each}
    assert {name for name, _ in source} == TOLD
    reel = take(clip, tmp_path, output(codec, parse_chain("brightness")), chunk_frames=5)
    shown = told(reel.path)
    assert dict(source) == shown[0]
    assert all(each in ({}, dict(source)) for each in shown)
    found = findings(split_file(clip)[0], output(codec))
    assert [each.fate for each in found if "HDR10" in each.subject] == [Fate.KEPT, Fate.KEPT]


@pytest.mark.parametrize("codec", ["mpeg4", "ffv1"])
def test_what_a_codec_cannot_hold_is_said(clip: Path, codec: str) -> None:
    found = [each for each in findings(split_file(clip)[0], output(codec)) if "HDR10" in each.subject]
    assert [each.fate for each in found] == [Fate.LOST, Fate.LOST]
    assert all(each.reason.endswith("--codec h264 or hevc keeps it") for each in found)


def test_each_part_alone(tmp_path: Path) -> None:
    clip = hdr(tmp_path / "light.mkv", "max-cll=700,90")
    shown = told(take(clip, tmp_path, output("h264")).path)[0]
    assert struct.unpack("=2I", shown["CONTENT_LIGHT_LEVEL"]) == (700, 90)
    assert set(shown) == {"CONTENT_LIGHT_LEVEL"}


def test_ordinary_clips_tell_nothing(tmp_path: Path) -> None:
    clip = encode(tmp_path / "plain.mp4", "libx264", 4)
    assert not any(told(take(clip, tmp_path, output("h264")).path))
    assert not [each for each in findings(split_file(clip)[0], output("ffv1")) if "HDR" in each.subject]


def test_values_that_readers_take_for_unknown_are_said(clip: Path) -> None:
    process = header(VideoProcess, split_file(clip)[0].process)
    assert process.mastering is not None
    dark = replace(process, mastering=replace(process.mastering, brightest=20000, darkest=10000))
    mastering, _ = picture_findings(dark, output("h264"))
    assert mastering.fate is Fate.LOST
    assert "luminance" in mastering.reason


def test_values_that_no_display_has_are_said(clip: Path) -> None:
    first = FrameSideData({"MASTERING_DISPLAY_METADATA": struct.pack("=22i", *[2, 1] * 8, 0, 1, 1000, 1, 1, 1)})
    with opened(clip) as (_, stream):
        said = list(beside_the_picture(stream, first, Counter(), has_captions=False))
    assert [(each.subject, each.fate) for each in said] == [(MASTERING, Fate.LOST)]


@pytest.mark.parametrize("levels", [(70_000, 400), (1_000, 2**16)])
def test_a_light_level_that_cannot_be_coded_is_said(clip: Path, levels: tuple[int, int]) -> None:
    first = FrameSideData({"CONTENT_LIGHT_LEVEL": struct.pack("=2I", *levels)})
    with opened(clip) as (_, stream):
        said = list(beside_the_picture(stream, first, Counter(), has_captions=False))
    assert [(each.subject, each.fate) for each in said] == [(LIGHT, Fate.LOST)]
    assert "65535" in said[0].reason
