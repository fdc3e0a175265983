"""A source whose pictures change midway what they are: all are filtered, none is uncovered, and what becomes of it is
said."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest

from moviola.filters.chain import parse_chain
from moviola.media.fidelity import Fate
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.process import process
from tests.media.video.clips import RATE
from tests.media.video.cutting_room import Reel, output, take
from tests.media.video.staging import assert_same, every_cut, report_of, staged

COUNT = 8
OPTIONS = {
    "libx264": {"qp": "1", "x264-params": "bframes=0"},
    "libx265": {"x265-params": "bframes=0:log-level=none:repeat-headers=1"},
    "libvpx": {"auto-alt-ref": "0", "lag-in-frames": "0"},
}
SIZE = "the size of the pictures"
SIZES = ((64, 48), (96, 64), (64, 48))


def striped(width: int, height: int, index: int) -> av.VideoFrame:
    """Columns of black and white, which no filter that blurs leaves as they are."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, (np.arange(width) // 2 + index) % 2 == 0] = 255
    return av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")


def changing(path: Path, sizes: tuple[tuple[int, int], ...] = SIZES, codec: str = "libx264") -> Path:
    """A clip with COUNT frames of each size."""
    return joined(path, codec, *(Part(size) for size in sizes))


class Part(NamedTuple):
    """A part of a clip, which begins anew."""

    size: tuple[int, int] = SIZES[0]
    pixel_format: str = "yuv420p"
    aspect: Fraction = Fraction(1)
    colour: tuple[int, int, int] = (1, 1, 1)


def joined(path: Path, codec: str, *parts: Part) -> Path:
    """A clip with COUNT frames of each part, each from an encoder of its own, as recorders and players join them."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=RATE)
        (stream.width, stream.height), stream.pix_fmt = parts[0].size, parts[0].pixel_format
        pts = 0
        for (width, height), pixel_format, aspect, colour in parts:
            encoder: Any = av.CodecContext.create(codec, "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, pixel_format
            encoder.sample_aspect_ratio = aspect
            encoder.color_primaries, encoder.color_trc, encoder.colorspace = colour
            encoder.time_base, encoder.framerate = 1 / RATE, RATE
            encoder.options = dict(OPTIONS.get(codec, {}))
            packets = []
            for index in range(COUNT):
                frame = striped(width, height, index).reformat(format=pixel_format)
                frame.color_primaries, frame.color_trc, frame.colorspace = colour
                frame.pts, frame.time_base = index, 1 / RATE
                packets += encoder.encode(frame)
            for packet in [*packets, *encoder.encode(None)]:
                packet.pts = packet.dts = pts
                packet.time_base, packet.stream, pts = 1 / RATE, stream, pts + 1
                container.mux(packet)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return changing(tmp_path_factory.mktemp("changing") / "clip.ts")


def contrasts(path: Path) -> list[float]:
    """Of each frame, by a plain decode: how much neighbouring columns differ. The oracle is PyAV alone."""
    with av.open(str(path)) as container:
        planes = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]
    assert {plane.shape for plane in planes} == {(48, 64)}
    return [float(np.abs(np.diff(plane, axis=1)).mean()) for plane in planes]


def seen(reel: Reel) -> tuple[int, int, int]:
    account = reel.spliced.account
    return account.frames_out, account.fallback_frames, account.lost_frames


@pytest.mark.parametrize("chain", ["blur:radius=9", "pixelate:block=16", "blur:radius=9,pixelate:faces=true:hold=3"])
def test_frames_of_every_size_are_filtered(clip: Path, tmp_path: Path, chain: str) -> None:
    reel = take(clip, tmp_path, output("ffv1", parse_chain(chain)), context_frames=3)
    assert seen(reel) == (COUNT * len(SIZES), 0, 0)
    assert max(contrasts(reel.path)) < 8  # 128 where the columns can be told apart


def test_what_changed_is_said(clip: Path, tmp_path: Path) -> None:
    reel = take(clip, tmp_path, output("ffv1"))
    (warning,) = [each for each in reel.spliced.account.warnings if "size" in each]
    assert warning.startswith("the source changes its size: 8 frames are 96x64, not 64x48;")


@pytest.mark.parametrize(
    ("name", "codec"), [("a.ts", "libx264"), ("b.ts", "mpeg2video"), ("c.mkv", "libvpx"), ("d.ts", "libx265")]
)
def test_what_headers_tell_is_said_before(tmp_path: Path, name: str, codec: str) -> None:
    source, _ = split_file(changing(tmp_path / name, ((64, 48), (96, 64)), codec))
    (finding,) = [each for each in source.common_facts.findings if "size" in each.subject]
    assert finding.fate is Fate.CHANGED
    assert finding.reason.startswith("is not always 64x48, but also 96x64: each picture is filtered in its own size")
    same, _ = split_file(changing(tmp_path / f"same-{name}", ((64, 48), (64, 48)), codec))
    assert not [each for each in same.common_facts.findings if "size" in each.subject]


USUAL = Part()
PQ = (9, 16, 9)
CHANGES = {
    "the pixel format": (Part(pixel_format="yuv422p10le"), "is not always yuv420p, but also yuv422p10le: "),
    "the shape of the pictures": (Part(aspect=Fraction(4, 3)), "is not always 4:3, but also 16:9: "),
    "the colour tags": (
        Part(colour=PQ), "is not always BT.709/BT.709/BT.709, limited, but also BT.2020/PQ/BT.2020, limited: ",
    ),
}  # fmt: skip
CODECS = {"libx264": CHANGES, "libx265": CHANGES, "mpeg2video": ["the shape of the pictures", "the colour tags"]}
ALL = [(codec, subject) for codec, subjects in CODECS.items() for subject in subjects]


@pytest.mark.parametrize(("codec", "subject"), ALL)
def test_what_else_headers_tell_is_said_before(tmp_path: Path, codec: str, subject: str) -> None:
    other, words = CHANGES[subject]
    source, _ = split_file(joined(tmp_path / "clip.ts", codec, USUAL, other, USUAL))
    (finding,) = [each for each in source.common_facts.findings if each.subject in (*CHANGES, SIZE)]
    assert (finding.subject, finding.fate) == (subject, Fate.CHANGED)
    assert finding.reason.startswith(words)
    same, _ = split_file(joined(tmp_path / "same.ts", codec, other, other))
    assert not [each for each in same.common_facts.findings if each.subject in (*CHANGES, SIZE)]


def test_another_size_may_have_the_same_shape(tmp_path: Path) -> None:
    clip = joined(tmp_path / "clip.ts", "libx264", USUAL, Part((32, 48), aspect=Fraction(2)))
    subjects = {each.subject for each in split_file(clip)[0].common_facts.findings}
    assert subjects & {*CHANGES, SIZE} == {SIZE}


def test_what_changed_beside_the_size_is_said(tmp_path: Path) -> None:
    clip = joined(tmp_path / "clip.ts", "libx264", USUAL, Part(pixel_format="yuv422p10le", colour=PQ), USUAL)
    reel = take(clip, tmp_path, output("ffv1"), chunk_frames=5)
    assert seen(reel) == (COUNT * 3, 0, 0)
    said = [each for each in reel.spliced.account.warnings if each.startswith("the source changes its ")]
    assert [each.split(";")[0] for each in said] == [
        "the source changes its pixel format: 8 frames are yuv422p10le, not yuv420p",
        "the source changes its colour tags: 8 frames are BT.2020/PQ/BT.2020, limited, not "
        "BT.709/BT.709/BT.709, limited",
    ]


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("chain", ["motion,blur,trail", "blur,resize:width=32:aspect=true,trail"])
def test_chunks_of_any_length_give_the_same(clip: Path, tmp_path: Path, chain: str) -> None:
    wanted = output("ffv1", parse_chain(chain))
    digests = {
        take(clip, tmp_path / str(length), wanted, chunk_frames=length, context_frames=3).spliced.digest
        for length in (3, 7, 1000)
    }
    assert len(digests) == 1


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("chain", ["blur,trail", "half,blur", "motion,half", "liar,identity"])
def test_stages_give_the_same(clip: Path, chain: str) -> None:
    wanted = output("ffv1", parse_chain(chain))
    source, chunks = split_file(clip, chunk_frames=1000, context_frames=3)
    for chunk in chunks:
        whole = process(chunk.payload, source.process, wanted)
        for cuts in every_cut(len(wanted.chain)):
            assert_same(whole, staged(chunk.payload, source, wanted, cuts))


@pytest.mark.usefixtures("plugin")
def test_boxes_are_where_things_are_in_the_output(clip: Path, tmp_path: Path) -> None:
    reel = take(clip, tmp_path, output("ffv1", parse_chain("corner")))
    lines = (reel.path.parent / "reel.annotations.jsonl").read_text().splitlines()
    boxes = [json.loads(line)["boxes"] for line in lines]
    assert boxes == [[[0, 0, 64, 48]]] * COUNT * len(SIZES)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("chain", ["flat", "flat,identity"])
def test_boxes_that_are_none_cost_the_frames_on_which_they_would_move(clip: Path, tmp_path: Path, chain: str) -> None:
    reel = take(clip, tmp_path, output("ffv1", parse_chain(chain)))
    assert seen(reel) == (COUNT * len(SIZES), COUNT, 0)
    (error,) = {each.error for result in reel.results for each in report_of(result).fallback}
    assert (
        error == "ValueError: boxes in the note of 'flat' must be lists of x, y, width and height, not [0, 0, 96, 64]"
    )
    lines = (reel.path.parent / "reel.annotations.jsonl").read_text().splitlines()
    assert [json.loads(line)["source_frame"] for line in lines] == [*range(COUNT), *range(2 * COUNT, 3 * COUNT)]


def test_a_size_that_a_filter_cannot_take_is_a_failure_of_these_frames(clip: Path, tmp_path: Path) -> None:
    small = changing(tmp_path / "small.ts", ((64, 48), (32, 32)))
    reel = take(small, tmp_path, output("ffv1", parse_chain("crop:x=20:y=8:width=40:height=32"), on_error="black"))
    assert seen(reel) == (2 * COUNT, COUNT, 0)
    with av.open(str(reel.path)) as container:
        planes = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert [plane.max() == 0 for plane in planes] == [False] * COUNT + [True] * COUNT
