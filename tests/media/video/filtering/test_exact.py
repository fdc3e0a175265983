"""Frames come back sample for sample, in the format in which they were kept."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moviola.filters.layout import layout_of
from moviola.filters.picture import Picture
from moviola.media.errors import BundleError
from moviola.media.video.filtering.exact import FramePacker, codec_of, unpacked

NAMES = [
    "yuv420p",
    "yuvj420p",
    "yuv422p",
    "yuvj422p",
    "yuv440p",
    "yuv444p",
    "yuvj444p",
    "yuv411p",
    "yuv410p",
    "yuva420p",
    "yuva444p",
    "nv12",
    "nv16",
    "nv24",
    "nv21",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p12le",
    "yuv444p16le",
    "yuva420p10le",
    "gray",
    "gray10le",
    "gray12le",
    "gray16le",
    "ya8",
    "ya16le",
    "gbrp",
    "gbrp10le",
    "gbrp16le",
    "gbrap",
    "gbrap16le",
    "rgb24",
    "bgr24",
    "rgba",
    "bgra",
    "argb",
    "abgr",
    "rgb0",
    "bgr0",
    "0rgb",
    "0bgr",
    "rgb48le",
    "bgr48le",
    "rgba64le",
    "bgra64le",
]
"""What filters may work on: every kind of layout that moviola/filters/layout.py knows."""


def noise(width: int, height: int, name: str, seed: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, name)
    random = np.random.default_rng(seed)
    picture = Picture(frame)
    picture._writable = True
    for plane in picture.planes:
        plane[...] = random.integers(0, picture.format.peak, plane.shape, plane.dtype, endpoint=True)
    frame.color_range, frame.colorspace, frame.color_trc, frame.color_primaries = 1 + seed % 2, 1, 6, 9
    frame.pts, frame.duration = 100 + seed, 3
    frame.time_base = Fraction(1, 90000)
    return frame


def kept(frames: list[av.VideoFrame]) -> list[av.VideoFrame]:
    packer = FramePacker()
    for frame in frames:
        packer.add(frame)
    runs, parts = packer.finish()
    assert packer.size == sum(map(len, parts))
    return list(unpacked(runs, [memoryview(part) for part in parts]))


def facts(frame: av.VideoFrame) -> list[object]:
    tags = [int(getattr(frame, name)) for name in ("color_range", "colorspace", "color_trc", "color_primaries")]
    return [frame.format.name, frame.width, frame.height, frame.pts, frame.duration, frame.time_base, *tags]


def assert_same(one: av.VideoFrame, other: av.VideoFrame) -> None:
    assert facts(one) == facts(other)
    for plane, kept_plane in zip(Picture(one).planes, Picture(other).planes, strict=True):
        assert np.array_equal(plane, kept_plane)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(64, 48), (33, 17), (1, 1), (322, 181)])
def test_every_format_comes_back_as_it_was(name: str, size: tuple[int, int]) -> None:
    assert layout_of(name) is not None
    frames = [noise(*size, name, seed) for seed in range(3)]
    for frame, back in zip(frames, kept(frames), strict=True):
        assert_same(frame, back)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES[:8]), st.sampled_from([(16, 16), (20, 10), (7, 5)])), max_size=8))
def test_formats_and_sizes_may_change_from_frame_to_frame(kinds: list[tuple[str, tuple[int, int]]]) -> None:
    frames = [noise(*size, name, seed) for seed, (name, size) in enumerate(kinds)]
    back = kept(frames)
    assert len(back) == len(frames)
    for frame, other in zip(frames, back, strict=True):
        assert_same(frame, other)


def test_common_formats_take_the_fast_codec_and_a_frame_is_not_changed() -> None:
    codec = codec_of(64, 48, "yuv420p")
    assert codec is not None
    assert codec.encoder == "libx264"
    frame = noise(64, 48, "yuv420p", 5)
    before = facts(frame)
    kept([frame])
    assert facts(frame) == before


def test_a_row_of_like_frames_takes_less_than_they_do() -> None:
    packer = FramePacker()
    frame = noise(64, 48, "yuv420p", 1)
    for _ in range(10):
        packer.add(frame)
    packer.finish()
    assert packer.size < 2 * 64 * 48 * 3 // 2 * 2


def test_parts_that_are_missing_are_said() -> None:
    packer = FramePacker()
    for seed in range(3):
        packer.add(noise(64, 48, "yuv420p", seed))
    runs, parts = packer.finish()
    with pytest.raises(BundleError, match="holds 2"):
        list(unpacked([replace(runs[0], parts=2)], [memoryview(part) for part in parts[:2]]))
