"""How the samples of a picture lie in memory, and what its numbers mean as colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import numpy as np

# Interleaved formats that are worked on as they are: what each sample of a pixel is, in order of memory.
_INTERLEAVED = {
    "rgb24": "rgb", "bgr24": "bgr", "rgba": "rgba", "bgra": "bgra", "argb": "argb", "abgr": "abgr",
    "rgb0": "rgbx", "bgr0": "bgrx", "0rgb": "xrgb", "0bgr": "xbgr", "ya8": "ya", "ya16le": "ya",
    "rgb48le": "rgb", "bgr48le": "bgr", "rgba64le": "rgba", "bgra64le": "bgra",
}  # fmt: skip
_SEMIPLANAR = {"nv12": "uv", "nv21": "vu", "nv16": "uv", "nv24": "uv", "nv42": "vu"}
_SUBSAMPLING = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (4, 1): "411", (4, 4): "410", (1, 2): "440"}

# ITU-T H.273 matrix coefficients by AVColorSpace number: (red's, blue's) share of luma.
_MATRICES = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_BT601 = (0.299, 0.114)
_UNSPECIFIED, _BT709, _SMPTE170M = 2, 1, 6  # AVColorSpace; the last one is BT.601
_FULL_RANGE, _LIMITED_RANGE = 2, 1  # AVColorRange


@dataclass(frozen=True, slots=True)
class PlaneLayout:
    """One plane: a letter per interleaved sample (y u v r g b, a for alpha, x for padding), one sample per
    `step_x` × `step_y` pixels."""

    channels: str
    step_x: int
    step_y: int


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """A pixel format whose planes numpy can view: 8-bit samples as uint8, 9 to 16 bits as native uint16."""

    name: str
    depth: int
    planes: tuple[PlaneLayout, ...]

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.depth == 8 else np.uint16

    @property
    def is_rgb(self) -> bool:
        return any("r" in plane.channels for plane in self.planes)

    @property
    def peak(self) -> int:
        """The greatest sample value."""
        return (1 << self.depth) - 1


@dataclass(frozen=True, slots=True)
class Colour:
    """What the samples of a frame mean: the shares of red and blue in luma, and the range."""

    red_share: float
    blue_share: float
    full_range: bool

    def luma_levels(self, depth: int) -> tuple[int, int]:
        """The luma samples of black and of white (ITU-R BT.601/709/2020: 16 and 235, times 2^(depth-8))."""
        return (0, (1 << depth) - 1) if self.full_range else (16 << depth - 8, 235 << depth - 8)

    def samples(self, rgb: tuple[int, int, int], layout: PixelLayout) -> dict[str, int]:
        """The sample values, by channel letter, of an 8-bit RGB colour (full range, as on a screen)."""
        red, green, blue = (value / 255 for value in rgb)
        values = self.amounts(red, green, blue, layout)
        return {channel: min(max(round(value), 0), layout.peak) for channel, value in values.items()}

    def amounts(self, red: Any, green: Any, blue: Any, layout: PixelLayout) -> dict[str, Any]:
        """The samples, by channel letter, neither rounded nor cut, of full-range red, green and blue from 0 to 1:
        numbers, or arrays of one shape."""
        values = {"r": red * layout.peak, "g": green * layout.peak, "b": blue * layout.peak}
        luma = self.red_share * red + (1 - self.red_share - self.blue_share) * green + self.blue_share * blue
        black, white = self.luma_levels(layout.depth)
        chroma_span = layout.peak if self.full_range else 224 << layout.depth - 8
        middle = 1 << layout.depth - 1
        values["y"] = black + luma * (white - black)
        values["u"] = middle + chroma_span * (blue - luma) / (2 - 2 * self.blue_share)
        values["v"] = middle + chroma_span * (red - luma) / (2 - 2 * self.red_share)
        values["a"] = values["x"] = red * 0 + layout.peak
        return values


def matrix_of(frame: av.VideoFrame) -> int:
    """The frame's AVColorSpace number; where it says nothing, BT.709 for high definition as players assume."""
    return _assumed(frame.width, frame.height) if frame.colorspace == _UNSPECIFIED else int(frame.colorspace)


def matrix_after(matrix: int, before: tuple[int, int], after: tuple[int, int]) -> int:
    """The AVColorSpace number of a picture of another size (width, height), made of one with this number.

    Where that says nothing, and players would assume another matrix at the new size than at the old one, it is told.
    """
    assumed = _assumed(*before)
    return assumed if matrix == _UNSPECIFIED and assumed != _assumed(*after) else matrix


def _assumed(width: int, height: int) -> int:
    return _BT709 if width >= 1280 or height > 576 else _SMPTE170M


def colour_of(frame: av.VideoFrame) -> Colour:
    """What the frame says about its colours. Gray and `yuvj` formats are full range unless tagged otherwise."""
    name = frame.format.name
    full = name.startswith("yuvj") or frame.color_range == _FULL_RANGE
    full = full or (name.startswith(("gray", "ya", "mono")) and frame.color_range != _LIMITED_RANGE)
    return Colour(*_MATRICES.get(matrix_of(frame), _BT601), full_range=full)


@cache
def layout_of(name: str) -> PixelLayout | None:
    """The layout of an FFmpeg pixel format, None when its planes cannot be worked on as they are."""
    shape = av.VideoFormat(name, 64, 64)  # 64: every subsampling divides it
    components = shape.components
    depth = max(component.bits for component in components)
    if name in _INTERLEAVED:
        return PixelLayout(name, depth, (PlaneLayout(_INTERLEAVED[name], 1, 1),))
    if name in _SEMIPLANAR:
        chroma = components[1]
        steps = (64 // chroma.width, 64 // chroma.height)
        return PixelLayout(name, depth, (PlaneLayout("y", 1, 1), PlaneLayout(_SEMIPLANAR[name], *steps)))
    if not name.startswith(("yuv", "gbr", "gray")) or name.endswith(("be", "f16le", "f32le", "msble")):
        return None
    if not 8 <= depth <= 16 or len({component.plane for component in components}) != len(components):
        return None
    letters = "rgba" if shape.is_rgb else "yuva" if len(components) > 1 else "y"
    by_plane = sorted(zip(components, letters, strict=False), key=lambda pair: pair[0].plane)
    planes = (PlaneLayout(letter, 64 // part.width, 64 // part.height) for part, letter in by_plane)
    return PixelLayout(name, depth, tuple(planes))


@cache
def nearest_layout(name: str) -> PixelLayout:
    """The layout to convert a format to that cannot be worked on as it is (palette, packed YUV, big-endian, …):
    same kind of colour, same subsampling, no fewer bits. Raises ValueError for frames in a device's memory."""
    shape = av.VideoFormat(name, 64, 64)
    components = shape.components
    if not components:
        raise ValueError(f"pictures in the pixel format {name} are not in this machine's memory")
    bits = max(component.bits for component in components)
    alpha = shape.has_palette or any(component.is_alpha for component in components)
    if shape.is_rgb or shape.has_palette or shape.is_bayer or name.startswith("xyz"):
        wanted = ("gbrap" if alpha else "gbrp") + ("" if bits <= 8 else "16le")
    elif sum(not component.is_alpha for component in components) == 1:
        wanted = ("ya" if alpha else "gray") + ("" if bits <= 8 and not alpha else "8" if bits <= 8 else "16le")
    else:
        steps = (64 // components[1].width, 64 // components[1].height)
        depth = next((depth for depth in (8, 10, 12, 16) if bits <= depth), 16)
        wanted = f"yuv{'a' if alpha else ''}{_SUBSAMPLING.get(steps, '444')}p"
        wanted += "" if depth == 8 else f"{depth}le"
    layout = layout_of(wanted)
    if layout is None:
        raise ValueError(f"pictures in the pixel format {name} cannot be worked on")
    return layout
