from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av.container import OutputContainer

from moviola.media.material import Encoder
from moviola.media.video.codecs import mpeg4_quantiser
from moviola.media.video.filtering.encode import add_encoded_stream, encodable, open_encoder
from moviola.media.video.frame_format import RANGE_FULL, RANGE_LIMITED, Colour, FrameFormat

NTSC = Fraction(30000, 1001)


def frames(pix_fmt: str = "yuv420p", width: int = 64, height: int = 48, rate: Fraction = NTSC) -> FrameFormat:
    return FrameFormat(width, height, pix_fmt, rate, Fraction(128, 117), Colour(RANGE_LIMITED, 1, 1, 1))


def extradata_of_stream(encoder: Encoder, wanted: FrameFormat, container_name: str) -> bytes | None:
    container = av.open(io.BytesIO(), "w", format=container_name)
    assert isinstance(container, OutputContainer)
    stream = add_encoded_stream(container, encoder, wanted)
    container.start_encoding()
    return stream.codec_context.extradata


@pytest.mark.parametrize("codec", ["h264", "mpeg4", "ffv1"])
@pytest.mark.parametrize("container_name", ["mp4", "matroska"])
def test_splicer_and_worker_get_the_same_headers(codec: str, container_name: str) -> None:
    encoder = Encoder(codec)
    wanted, _ = encodable(frames(), encoder)
    opened = open_encoder(encoder, wanted)
    assert opened.extradata
    assert extradata_of_stream(encoder, wanted, container_name) == opened.extradata


@pytest.mark.parametrize(
    "rate", [Fraction(369000, 13657), Fraction(90000), Fraction(1, 1000), Fraction(0), Fraction(179, 6)]
)
@pytest.mark.parametrize("codec", ["h264", "mpeg4", "ffv1"])
def test_every_rate_opens_an_encoder(codec: str, rate: Fraction) -> None:
    encoder = Encoder(codec)
    wanted, _ = encodable(frames(rate=rate), encoder)
    assert open_encoder(encoder, wanted).is_open


def test_headers_depend_on_the_settings() -> None:
    wanted = frames()
    assert (
        open_encoder(Encoder(crf=20), wanted).extradata != open_encoder(Encoder(preset="ultrafast"), wanted).extradata
    )


@pytest.mark.parametrize(
    ("codec", "pix_fmt"),
    [
        ("h264", "yuv420p10le"),
        ("h264", "yuvj420p"),
        ("h264", "yuv422p"),
        ("h264", "yuv444p"),
        ("ffv1", "yuv420p12le"),
        ("ffv1", "yuva420p"),
        ("ffv1", "gray"),
        ("mpeg4", "yuv420p"),
    ],
)
def test_a_supported_pixel_format_is_kept(codec: str, pix_fmt: str) -> None:
    wanted, warnings = encodable(frames(pix_fmt), Encoder(codec))
    assert (wanted.pix_fmt, warnings) == (pix_fmt, [])
    assert open_encoder(Encoder(codec), wanted).is_open


def test_full_range_is_a_tag_for_ffv1_and_a_loss_for_mpeg4() -> None:
    kept, nothing = encodable(frames("yuvj420p"), Encoder("ffv1"))
    assert (kept.pix_fmt, kept.colour.range, nothing) == ("yuv420p", RANGE_FULL, [])
    converted, warnings = encodable(frames("yuvj420p"), Encoder("mpeg4"))
    assert (converted.pix_fmt, converted.colour.range) == ("yuv420p", RANGE_LIMITED)
    (warning,) = warnings
    assert "yuvj420p" in warning


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "chosen", "word"),
    [
        ("mpeg4", "yuv420p10le", "yuv420p", "fewer bits"),
        ("mpeg4", "yuv444p", "yuv420p", "chroma"),
        ("h264", "yuva420p", "yuv420p", "transparency"),
        ("h264", "yuv420p12le", "yuv420p10le", "fewer bits"),
        ("h264", "rgb24", "yuv444p", "colour space"),
        ("h264", "yuv411p", "yuv422p", "interpolated"),
        ("h264", "yuv440p", "yuv444p", "interpolated"),
    ],
)
def test_what_is_lost_is_said(codec: str, pix_fmt: str, chosen: str, word: str) -> None:
    wanted, warnings = encodable(FrameFormat(64, 48, pix_fmt, NTSC), Encoder(codec))
    assert wanted.pix_fmt == chosen
    assert any(word in warning for warning in warnings)


@pytest.mark.parametrize("pix_fmt", ["rgb24", "rgba", "pal8", "nv12", "p010le", "uyvy422"])
def test_ffv1_loses_nothing_of_layouts_it_does_not_know(pix_fmt: str) -> None:
    wanted, warnings = encodable(FrameFormat(64, 48, pix_fmt, NTSC), Encoder("ffv1"))
    assert warnings == []
    assert open_encoder(Encoder("ffv1"), wanted).is_open


def test_odd_sizes_are_padded_for_h264_alone() -> None:
    odd = FrameFormat(161, 75, "yuv420p", NTSC)
    padded, warnings = encodable(odd, Encoder("h264"))
    assert (padded.width, padded.height) == (162, 76)
    assert "161x75" in warnings[0]
    assert open_encoder(Encoder("h264"), padded).is_open
    for codec in ("mpeg4", "ffv1"):
        same, nothing = encodable(odd, Encoder(codec))
        assert ((same.width, same.height), nothing) == ((161, 75), [])


def test_the_mpeg4_quantiser_has_the_step_of_h264() -> None:
    assert [mpeg4_quantiser(crf) for crf in (0, 10, 20, 26, 32, 51)] == [1, 1, 3, 6, 13, 31]


def test_mpeg4_quality_follows_crf() -> None:
    sizes = {}
    for crf in (10, 40):
        context = open_encoder(Encoder("mpeg4", crf), frames())
        frame = av.VideoFrame(64, 48, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes((i * 7919) % 251 for i in range(plane.buffer_size)))
        frame.pts = 0
        sizes[crf] = sum(packet.size for packet in (*context.encode(frame), *context.encode(None)))
    assert sizes[10] > 2 * sizes[40]


@pytest.mark.parametrize("width", [320, 480, 496])
def test_what_lies_in_freed_memory_does_not_matter(width: int) -> None:
    """x264's AVX-512 code takes it in where a row of macroblocks is no multiple of 8."""
    pictures = [np.full((144 * 3 // 2, width), 128, np.uint8) for _ in range(16)]
    for number, picture in enumerate(pictures):
        picture[:144] = np.add.outer(np.arange(144), np.arange(width)) // 4 % 160
        picture[40:80, number * 3 : number * 3 + 24] = 240
    seen = set()
    for number in range(10):
        junk = np.random.default_rng(number).integers(0, 255, size=2_000_000 + number * 100_000, dtype=np.uint8)
        del junk
        seen.add(encoded(pictures, width))
    assert len(seen) == 1


def encoded(pictures: list[np.ndarray[Any, np.dtype[np.uint8]]], width: int) -> bytes:
    context = open_encoder(Encoder("h264"), frames(width=width, height=144))
    packets = []
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        packets += context.encode(frame)
    return b"".join(map(bytes, [*packets, *context.encode(None)]))


def test_frame_format_travels() -> None:
    assert FrameFormat.from_wire(frames().to_wire()) == frames()


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv420p10le", "gray", "bgr0"])
@pytest.mark.parametrize("size", [(63, 48), (64, 47), (63, 47), (1279, 720), (1279, 719), (2, 2), (1, 1), (17, 1)])
def test_ffv1_takes_any_size_or_says_what_it_makes_of_it(pix_fmt: str, size: tuple[int, int]) -> None:
    chosen, warnings = encodable(FrameFormat(*size, pix_fmt, Fraction(25)), Encoder("ffv1"))
    open_encoder(Encoder("ffv1"), chosen)
    assert bool(warnings) == ((chosen.width, chosen.height) != size)
    if size == (63, 48):
        assert not warnings
