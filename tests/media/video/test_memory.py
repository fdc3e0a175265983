from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moviola.media.errors import TooMuchMemory
from moviola.media.material import Encoder, Output
from moviola.media.video import memory
from moviola.media.video.filtering.decode import open_decoder
from moviola.media.video.headers import DecoderParameters

ROOT = Path(__file__).parents[3]

MEASURE = """
import sys
from moviola.media import kinds
from moviola.media.material import Cutting, Encoder, Material, Output
from moviola.media.video import memory
from moviola.media.video.headers import VideoProcess

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

source, chunks = kinds.split(Material.single("video", sys.argv[1]), Cutting(chunk_frames=24))
payload = next(iter(chunks)).payload
output = Output("out", (), Encoder(sys.argv[2], 20, sys.argv[3]))
process = kinds.processor("video")
before = peak()
process(payload, source.process, output)
told = VideoProcess.from_wire(source.process)
print(peak() - before, memory.estimate(told, output, 0, told.width * told.height))
"""


def described(width: int, height: int, codec: str = "h264", pix_fmt: str = "yuv420p") -> DecoderParameters:
    return DecoderParameters(codec, None, "", width, height, pix_fmt, 0, 0, 0, 2, 2, 2, 0)


def output(codec: str = "h264", preset: str = "veryfast") -> Output:
    return Output("out", (), Encoder(codec, 20, preset))


def plain_clip(
    path: Path,
    codec: str,
    options: dict[str, str],
    size: tuple[int, int],
    pix_fmt: str = "yuv420p",
    count: int = 24,
) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, options=options)
        (stream.width, stream.height), stream.pix_fmt = size, pix_fmt
        frame = av.VideoFrame(*size, pix_fmt)
        for index in range(count):
            for plane in frame.planes:
                plane.update(bytes([index * 9, 1]) * (plane.buffer_size // 2))
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def measured_and_estimated(clip: Path, codec: str, preset: str, timeout_s: float = 100) -> tuple[int, int]:
    """The peak of a process that does the clip's only task, in bytes, and what was estimated before."""
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(clip), codec, preset],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout_s, check=True,
    )  # fmt: skip
    measured, estimated = map(int, done.stdout.split())
    return measured, estimated


@pytest.fixture(autouse=True)
def _limit_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_limit", memory.MAX_MEMORY)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("coded", "options", "codec", "preset"),
    [
        ("libx264", {"x264-params": "ref=16:bframes=3"}, "h264", "veryfast"),
        ("libx264", {"preset": "ultrafast"}, "ffv1", "veryfast"),
        ("mpeg4", {}, "mpeg4", "veryfast"),
        ("mpeg4", {}, "h264", "medium"),
        ("ffv1", {}, "h264", "ultrafast"),
        ("mpeg4", {}, "hevc", "ultrafast"),
        pytest.param("mpeg4", {}, "hevc", "veryfast", marks=pytest.mark.suite("long")),
    ],
)
def test_no_task_takes_more_than_was_estimated(
    coded: str, options: dict[str, str], codec: str, preset: str, tmp_path: Path
) -> None:
    clip = plain_clip(tmp_path / "clip.mkv", coded, options, (1536, 1024))
    measured, estimated = measured_and_estimated(clip, codec, preset)
    assert 0 < measured <= estimated


@pytest.mark.suite("long")
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le"])
def test_8k_stays_within_the_limit(tmp_path: Path, pix_fmt: str) -> None:
    clip = plain_clip(tmp_path / "8k.mkv", "libx264", {"preset": "ultrafast", "refs": "16"}, (7680, 4320), pix_fmt, 24)
    measured, estimated = measured_and_estimated(clip, "h264", "veryfast", timeout_s=900)
    print(f"8K {pix_fmt}: {measured / 2**30:.2f} GiB measured, {estimated / 2**30:.2f} GiB estimated")
    assert 0 < measured <= estimated <= memory.MAX_MEMORY


SIZES = st.integers(1, 20_000)


@given(SIZES, SIZES, st.sampled_from(["h264", "mpeg4", "png", "vp9"]), st.sampled_from(["gray", "yuv420p", "rgba64le"]))
def test_what_may_really_come_never_takes_more_than_there_is(width: int, height: int, codec: str, pix_fmt: str) -> None:
    told = described(width, height, codec, pix_fmt)
    for limit in (1 << 29, 1 << 31, 1 << 34):
        memory.set_limit(limit)
        try:
            pixels = memory.check(told, output(), 3, width * height)
        except TooMuchMemory:
            continue
        assert width * height <= pixels
        if pixels == (width + 128) * (height + 128):
            continue  # no more than what is told, with its borders
        assert pixels <= memory.MAX_PIXELS
        assert memory.estimate(described(pixels, 1, codec, pix_fmt), output(), 3, pixels) <= min(
            limit, memory.MAX_MEMORY
        )


def test_a_larger_picture_than_may_come_is_refused_before_memory_is_taken_for_it() -> None:
    encoder = av.VideoCodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = 400, 300, "gray", 25  # type: ignore[assignment]
    (packet,) = [*encoder.encode(av.VideoFrame(400, 300, "gray")), *encoder.encode(None)]
    process = described(64, 48, "png", "gray")
    assert open_decoder(process, 448 * 300).decode(packet)
    with pytest.raises(av.error.ArgumentError):
        open_decoder(process, 400 * 300 - 1).decode(packet)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (63, 47), (400, 300), (1920, 1080)])
def test_what_is_told_truly_is_decoded_where_the_memory_just_suffices(width: int, height: int) -> None:
    encoder = av.VideoCodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.framerate = width, height, "gray", 25  # type: ignore[assignment]
    (packet,) = [*encoder.encode(av.VideoFrame(width, height, "gray")), *encoder.encode(None)]
    process = described(width, height, "png", "gray")
    memory.set_limit(memory.OVERHEAD + memory.estimate(process, output(), 0, width * height))
    assert open_decoder(process, memory.check(process, output(), 0, width * height)).decode(packet)
