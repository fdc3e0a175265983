"""Interlaced sources: the order of fields is kept, no filter mixes two moments unless that is said."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.codec.context import Flags

from moviola.filters.chain import parse_chain
from moviola.media.fidelity import Fate, Finding
from moviola.media.kinds import findings
from moviola.media.video.cutting.split import split_file
from moviola.media.video.filtering.process import process
from tests.media.video.clips import encode, frames
from tests.media.video.cutting_room import output, take
from tests.media.video.staging import assert_same, every_cut, staged

COUNT = 12
UPPER, LOWER = 200, 60  # the brightness of the fields: whatever mixes them gives something between
MODES = {"top": "tff", "bottom": "bff"}


def passed(pictures: Iterator[av.VideoFrame], filter: str, arguments: str) -> Iterator[av.VideoFrame]:
    """What FFmpeg's filter lets through; it sets or asks flags that PyAV has no words for."""
    graph = None
    for frame in pictures:
        if graph is None:
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25)
            )
            step, sink = graph.add(filter, arguments), graph.add("buffersink")
            source.link_to(step)
            step.link_to(sink)
            graph.configure()
        graph.push(frame)
        try:
            made = graph.pull()
        except (BlockingIOError, av.EOFError):
            continue
        assert isinstance(made, av.VideoFrame)
        yield made


def combed(count: int = COUNT, pixel_format: str = "yuv420p", height: int = 48) -> Iterator[av.VideoFrame]:
    for _ in range(count):
        gray = np.full((height, 64), UPPER, np.uint8)
        gray[1::2] = LOWER
        rgb = np.stack([gray] * 3, axis=-1)
        yield av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixel_format)


def interlaced(
    path: Path,
    order: str,
    codec: str = "libx264",
    pictures: Iterator[av.VideoFrame] | None = None,
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> Path:
    def setup(stream: Any) -> None:
        stream.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        stream.codec_context.field_order = {"top": 2, "bottom": 3}[order]

    marked = passed(pictures or combed(), "setfield", f"mode={MODES[order]}")
    options = {"crf": "4", "preset": "veryfast"} if options is None and codec == "libx264" else options
    return encode(path, codec, options=options, pixel_format=pixel_format, setup=setup, pictures=marked)


def orders(path: Path) -> list[str]:
    """Of each frame by a plain decode: "top", "bottom", or "" where it is progressive."""
    with av.open(str(path)) as container:
        shown = list(container.decode(video=0))
    for number, frame in enumerate(shown):
        frame.pts = number
    top = {each.pts for each in passed(iter(shown), "select", r"eq(interlace_type\,TOPFIRST)")}
    return [("top" if each.pts in top else "bottom") if each.interlaced_frame else "" for each in shown]


def lines(path: Path) -> np.ndarray[Any, Any]:
    """The mean brightness of each line of each frame."""
    with av.open(str(path)) as container:
        return np.array([frame.to_ndarray(format="gray").mean(axis=1) for frame in container.decode(video=0)])


def told(clip: Path, chain: str = "blur", codec: str = "h264") -> list[Finding]:
    source, _ = split_file(clip)
    found = findings(source, output(codec, parse_chain(chain)))
    return [each for each in found if "field" in each.subject]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("interlaced")
    return {order: interlaced(folder / f"{order}.mp4", order) for order in MODES}


@pytest.fixture
def clip(clips: dict[str, Path]) -> Path:
    return clips["top"]


@pytest.mark.parametrize(
    ("order", "codec"), [("top", "h264"), ("bottom", "h264"), ("bottom", "mpeg4"), ("top", "mpeg4"), ("bottom", "ffv1")]
)
def test_every_frame_tells_the_order_of_its_fields(
    clips: dict[str, Path], order: str, tmp_path: Path, codec: str
) -> None:
    clip = clips[order]
    assert orders(clip) == [order] * COUNT
    for chain in ("identity", "blur,brightness"):
        reel = take(clip, tmp_path / chain, output(codec, parse_chain(chain)), chunk_frames=5)
        assert orders(reel.path) == [order] * COUNT
    assert [each.fate for each in told(clip, "blur", codec)] == [Fate.KEPT]


def test_a_codec_that_cannot_mark_frames_leaves_it_to_the_container_and_that_is_said(
    clips: dict[str, Path], tmp_path: Path
) -> None:
    reel = take(clips["bottom"], tmp_path, output("hevc"))
    with av.open(str(reel.path)) as container:
        assert container.streams.video[0].codec_context.field_order == 3
    (finding,) = told(clips["bottom"], "identity", "hevc")
    assert finding.fate is Fate.CHANGED
    assert "the container alone" in finding.reason
    again = take(reel.path, tmp_path / "again", output("ffv1"))
    assert orders(again.path) == ["bottom"] * COUNT, "the container's word is believed"


@pytest.mark.parametrize("chain", ["blur:radius=9", "sharpen,denoise", "enhance"])
def test_filters_that_look_around_a_pixel_stay_in_its_field(clip: Path, tmp_path: Path, chain: str) -> None:
    reel = take(clip, tmp_path, output("ffv1", parse_chain(chain)))
    shown = lines(reel.path)
    assert np.abs(np.diff(shown[:, 0::2], axis=1)).max() < 2
    assert (shown[:, 0::2].min() - shown[:, 1::2].max()) > 100


@pytest.mark.parametrize(("codec", "filter"), [("mpeg2video", "identity"), ("prores_ks", "blur"), ("rawvideo", "blur")])
def test_sources_of_other_codecs(tmp_path: Path, codec: str, filter: str) -> None:
    pixel_format = {"prores_ks": "yuv422p10le", "rawvideo": "uyvy422"}.get(codec, "yuv420p")
    suffix = ".ts" if codec == "mpeg2video" else ".mov"
    clip = interlaced(tmp_path / f"clip{suffix}", "top", codec, combed(6, pixel_format), pixel_format, {})
    reel = take(clip, tmp_path, output("h264", parse_chain(filter)))
    assert orders(reel.path) == ["top"] * 6
    shown = lines(reel.path)
    assert (shown[:, 0::2].min() - shown[:, 1::2].max()) > 100


def test_a_conversion_of_chroma_stays_in_its_field(tmp_path: Path) -> None:
    """MPEG-4 takes 4:2:0 only: half the lines of chroma are made of two, which must be of one moment."""

    def coloured() -> Iterator[av.VideoFrame]:
        for _ in range(4):
            rgb = np.zeros((48, 64, 3), np.uint8)
            rgb[0::2], rgb[1::2] = (220, 20, 20), (20, 20, 220)
            yield av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv444p")

    clip = interlaced(tmp_path / "clip.mkv", "top", "ffv1", coloured(), "yuv444p", {})
    reel = take(clip, tmp_path, output("mpeg4"))
    with av.open(str(reel.path)) as container:
        planes = [frame.to_ndarray()[48:] for frame in container.decode(video=0)]
    for plane in planes:
        blue, red = plane.reshape(2, 24, 32).astype(int)
        assert (red[0::2] - red[1::2]).min() > 80
        assert (blue[1::2] - blue[0::2]).min() > 80


def test_chunks_of_any_length_and_stages_give_the_same(clip: Path, tmp_path: Path) -> None:
    wanted = output("ffv1", parse_chain("blur,motion"))
    digests = {
        take(clip, tmp_path / str(length), wanted, chunk_frames=length, context_frames=1).spliced.digest
        for length in (5, 1000)
    }
    assert len(digests) == 1
    source, chunks = split_file(clip, chunk_frames=1000, context_frames=1)
    for chunk in chunks:
        whole = process(chunk.payload, source.process, wanted)
        for cuts in every_cut(len(wanted.chain)):
            assert_same(whole, staged(chunk.payload, source, wanted, cuts))


@pytest.mark.parametrize("chain", ["resize:width=32", "rotate", "flip:direction=vertical", "crop:y=1:height=40"])
def test_filters_that_mix_fields_are_said_and_the_result_is_not_called_interlaced(
    clip: Path, tmp_path: Path, chain: str
) -> None:
    (finding,) = told(clip, chain)
    assert finding.fate is Fate.LOST
    assert chain.partition(":")[0] in finding.reason
    reel = take(clip, tmp_path, output("h264", parse_chain(f"{chain},blur")))
    assert set(orders(reel.path)) == {""}


@pytest.mark.parametrize("chain", ["flip", "crop:y=4:height=40", "motion,watermark", "fps:rate=25"])
def test_filters_that_leave_lines_where_they_are(clip: Path, tmp_path: Path, chain: str) -> None:
    assert [each.fate for each in told(clip, chain)] == [Fate.KEPT]
    reel = take(clip, tmp_path, output("ffv1", parse_chain(chain)), context_frames=1)
    assert set(orders(reel.path)) == {"top"}


@pytest.mark.usefixtures("plugin")
def test_of_a_filter_that_does_not_tell_it_is_said_that_it_may_mix(clip: Path) -> None:
    (finding,) = told(clip, "trail")
    assert finding.fate is Fate.CHANGED
    assert "trail" in finding.reason


def test_a_height_that_leaves_half_a_chroma_line_to_a_field(tmp_path: Path) -> None:
    """486 lines, say: x264 takes whole chroma lines of each field only."""
    pictures = passed(combed(4, height=50), "setfield", "mode=tff")
    clip = encode(tmp_path / "clip.mkv", "ffv1", size=(64, 50), pictures=pictures)
    reel = take(clip, tmp_path, output("h264", parse_chain("blur")))
    assert orders(reel.path) == ["top"] * 4
    assert lines(reel.path).shape == (4, 52)
    assert any("64x50" in each for each in reel.spliced.account.warnings)


def mixed(path: Path, first: str) -> Path:
    """Progressive and interlaced frames in turns, as film on television."""
    halves = {"prog": combed(4), "tff": combed(4)}
    order = ["prog", "tff"] if first == "prog" else ["tff", "prog"]
    pictures = [each for mode in order for each in passed(halves[mode], "setfield", f"mode={mode}")]
    return encode(path, "ffv1", pictures=pictures)


def test_what_is_known_only_in_work_is_said_afterwards(tmp_path: Path) -> None:
    begins, turns = mixed(tmp_path / "begins.mkv", "tff"), mixed(tmp_path / "turns.mkv", "prog")
    assert orders(take(begins, tmp_path, output("ffv1")).path) == ["top"] * 4 + [""] * 4
    alike = take(begins, tmp_path, output("h264"))
    assert orders(alike.path) == ["top"] * 8
    assert alike.spliced.account.warnings == [
        "4 frames are progressive, or in the other order of fields: all are marked alike"
    ]
    late = take(turns, tmp_path, output("ffv1", parse_chain("blur:radius=9")))
    assert set(orders(late.path)) == {""}
    (warning,) = late.spliced.account.warnings
    assert warning.startswith("4 frames are interlaced, though the first is not")
    shown = lines(late.path)
    assert (shown[4:, 0::2].min() - shown[4:, 1::2].max()) > 100, "their fields are not mixed all the same"


def test_progressive_clips_are_what_they_were(tmp_path: Path) -> None:
    clip = encode(tmp_path / "clip.mp4", "libx264", COUNT, pictures=frames(COUNT, "yuv420p", 64, 48))
    assert set(orders(take(clip, tmp_path, output("h264", parse_chain("blur"))).path)) == {""}
    assert told(clip) == []
