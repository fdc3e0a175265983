"""A source whose pictures change their size midway: all are filtered, and none is uncovered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
SIZES = ((64, 48), (96, 64), (64, 48))


def striped(width: int, height: int, index: int) -> av.VideoFrame:
    """Columns of black and white, which no filter that blurs leaves as they are."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, (np.arange(width) // 2 + index) % 2 == 0] = 255
    return av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format="yuv420p")


def changing(path: Path, sizes: tuple[tuple[int, int], ...] = SIZES, codec: str = "libx264") -> Path:
    """A clip with COUNT frames of each size, each from an encoder of its own, as recorders and players join them."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=RATE)
        (stream.width, stream.height), stream.pix_fmt = sizes[0], "yuv420p"
        pts = 0
        for width, height in sizes:
            encoder: Any = av.CodecContext.create(codec, "w")
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            encoder.time_base, encoder.framerate = 1 / RATE, RATE
            encoder.options = dict(OPTIONS.get(codec, {}))
            packets = []
            for index in range(COUNT):
                frame = striped(width, height, index)
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
