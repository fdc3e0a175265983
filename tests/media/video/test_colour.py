"""Colours: every sample that no filter drew on is what it was, and the tags say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest

from moviola.filters.chain import parse_chain
from moviola.media.fidelity import Fate
from moviola.media.material import Cutting, Encoder, Material, Output
from moviola.media.video.cutting.split import split
from tests.media.video.clips import encode, frames
from tests.media.video.cutting_room import FAST, take

COUNT = 4
WIDTH, HEIGHT = 64, 48
DRAWN_ROWS = HEIGHT // 2  # the text stands below


class Tags(NamedTuple):
    """As FFmpeg numbers them: range, primaries, transfer, matrix (ITU-T H.273)."""

    range: int
    primaries: int
    transfer: int
    matrix: int


COLOURS = {
    "601": ("yuv420p", Tags(1, 6, 6, 6)),
    "601 PAL": ("yuv422p", Tags(1, 5, 6, 5)),
    "709": ("yuv420p", Tags(1, 1, 1, 1)),
    "709 full": ("yuv420p", Tags(2, 1, 1, 1)),
    "709 4:4:4": ("yuv444p", Tags(1, 1, 1, 1)),
    "2020": ("yuv420p10le", Tags(1, 9, 14, 9)),
    "PQ": ("yuv420p10le", Tags(1, 9, 16, 9)),
    "HLG": ("yuv422p10le", Tags(1, 9, 18, 9)),
    "PQ 4:4:4 full": ("yuv444p10le", Tags(2, 9, 16, 9)),
}


def coloured(path: Path, pixel_format: str, tags: Tags) -> Path:
    def setup(stream: Any) -> None:
        context = stream.codec_context
        context.color_range, context.color_primaries = tags.range, tags.primaries
        context.color_trc, context.colorspace = tags.transfer, tags.matrix

    pictures = frames(COUNT, pixel_format, WIDTH, HEIGHT)
    return encode(path, "ffv1", pixel_format=pixel_format, setup=setup, pictures=pictures)


def decoded(path: Path) -> tuple[Tags, list[list[Any]]]:
    """By a plain decode: the stream's tags, and each frame's planes as rows of bytes."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        shown = [[_rows(plane, frame) for plane in frame.planes] for frame in container.decode(stream)]
        context = stream.codec_context
        numbers = (context.color_range, context.color_primaries, context.color_trc, context.colorspace)
        return Tags(*map(int, numbers)), shown


def _rows(plane: Any, frame: av.VideoFrame) -> Any:
    used = plane.width * (2 if "10" in frame.format.name else 1)
    return np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[:, :used]


@pytest.mark.parametrize("name", COLOURS)
def test_only_what_is_drawn_changes(tmp_path: Path, name: str) -> None:
    pixel_format, tags = COLOURS[name]
    clip = coloured(tmp_path / "clip.mkv", pixel_format, tags)
    told, before = decoded(clip)
    assert told == tags
    chain = parse_chain('watermark:text="IX":size=20:opacity=1')
    _, after = decoded(take(clip, tmp_path, Output("reel", chain, Encoder("ffv1"))).path)
    assert len(after) == COUNT
    for old, new in zip(before, after, strict=True):
        assert any((one != other).any() for one, other in zip(old, new, strict=True))
        for one, other in zip(old, new, strict=True):
            rows = len(one) * DRAWN_ROWS // HEIGHT
            assert (one[:rows] == other[:rows]).all()


@pytest.mark.parametrize("codec", ["h264", "hevc", "ffv1"])
@pytest.mark.parametrize("name", COLOURS)
def test_tags_are_the_same(tmp_path: Path, codec: str, name: str) -> None:
    pixel_format, tags = COLOURS[name]
    clip = coloured(tmp_path / "clip.mkv", pixel_format, tags)
    made = take(clip, tmp_path, Output("reel", parse_chain("blur"), Encoder(codec, preset=FAST))).path
    with av.open(str(made)) as container:
        made_in = container.streams.video[0].codec_context.pix_fmt or ""
    assert made_in.replace("yuvj", "yuv") == pixel_format  # FFmpeg's own name for full range
    assert decoded(made)[0] == tags


def test_colours_that_the_file_and_its_pictures_tell_differently_are_said(tmp_path: Path) -> None:
    pictures = frames(COUNT, "yuv420p", WIDTH, HEIGHT)

    def setup(stream: Any) -> None:
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = 1

    clip = encode(tmp_path / "clip.mp4", "libx264", setup=setup, pictures=pictures)
    told = b"nclx" + bytes((0, 1, 0, 1, 0, 1))
    data = clip.read_bytes()
    assert data.count(told) == 1
    clip.write_bytes(data.replace(told, b"nclx" + bytes((0, 5, 0, 6, 0, 1))))
    source, _ = split(Material.single("video", clip), Cutting())
    found = [each for each in source.common_facts.findings if each.subject == "colour"]
    assert [each.fate for each in found] == [Fate.CHANGED]
    assert "primaries and transfer" in found[0].reason
    assert decoded(take(clip, tmp_path, Output("reel", parse_chain("blur"), Encoder(preset=FAST))).path)[0][1:3] == (
        5,
        6,
    )
