from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from moviola.media.material import Encoder
from moviola.media.video.filtering.encode import encodable
from moviola.media.video.filtering.fit import Fitter
from moviola.media.video.frame_format import RANGE_FULL, FrameFormat


def noise(width: int, height: int, pix_fmt: str) -> av.VideoFrame:
    generator = np.random.default_rng(1)
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane in frame.planes:
        plane.update(generator.integers(16, 235, plane.buffer_size, dtype=np.uint8).tobytes())
    return frame


def target(pix_fmt: str, width: int = 64, height: int = 48, codec: str = "ffv1") -> FrameFormat:
    return encodable(FrameFormat(width, height, pix_fmt, Fraction(25)), Encoder(codec))[0]


def test_what_fits_is_passed_on() -> None:
    frame = noise(64, 48, "yuv420p")
    assert Fitter(target("yuv420p"), (64, 48)).fit(frame) is frame


def test_full_range_keeps_its_samples() -> None:
    frame = noise(66, 50, "yuvj420p")
    fitted = Fitter(target("yuvj420p", 66, 50), (66, 50)).fit(frame)
    assert (fitted.format.name, fitted.color_range) == ("yuv420p", RANGE_FULL)
    assert np.array_equal(fitted.to_ndarray(), frame.to_ndarray())


@pytest.mark.parametrize("pix_fmt", ["rgb24", "bgr24", "nv12", "yuyv422", "rgba", "argb"])
def test_ffv1_gets_every_sample_of_packed_formats(pix_fmt: str) -> None:
    frame = noise(64, 48, pix_fmt)
    fitted = Fitter(target(pix_fmt), (64, 48)).fit(frame)
    assert fitted.format.name != pix_fmt
    assert np.array_equal(fitted.reformat(format=pix_fmt).to_ndarray(), frame.to_ndarray())


def test_five_bits_are_spread_over_eight() -> None:
    frame = noise(64, 48, "rgb555le")
    fitted = Fitter(target("rgb555le"), (64, 48)).fit(frame)
    assert fitted.format.name == "bgr0"
    bgr: Any = fitted.reformat(format="bgr24").to_ndarray()
    assert bgr.max() == 255
    assert np.array_equal(bgr >> 3 << 3 | bgr >> 5, bgr)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv420p10le", "yuv422p"])
def test_padding_repeats_the_last_row_and_column(pix_fmt: str) -> None:
    frame = noise(33, 21, pix_fmt)
    wanted = target(pix_fmt, 33, 21, "h264")
    fitted = Fitter(wanted, (33, 21)).fit(frame)
    assert (fitted.width, fitted.height) == (wanted.width, wanted.height) != (33, 21)
    luma = fitted.reformat(format="gray16le").to_ndarray()
    assert np.array_equal(luma[:21, 33:], luma[:21, 32:33])
    assert np.array_equal(luma[21:], np.repeat(luma[20:21], luma.shape[0] - 21, axis=0))


def test_other_sizes_are_scaled() -> None:
    fitted = Fitter(target("yuv420p"), (64, 48)).fit(noise(100, 20, "yuv420p"))
    assert (fitted.width, fitted.height) == (64, 48)


def test_full_range_becomes_limited_where_the_codec_needs_it() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((48, 64), 255, np.uint8), format="gray").reformat(format="yuvj420p")
    frame.color_range = RANGE_FULL
    assert frame.to_ndarray().max() == 255
    fitted = Fitter(target("yuvj420p", codec="mpeg4"), (64, 48)).fit(frame)
    assert 233 <= fitted.to_ndarray()[:48].max() <= 236
