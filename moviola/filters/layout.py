"""Pixel formats: how samples lie in memory, and which colours their numbers mean."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import av

from moviola.base.arrays import np

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
    """One plane of a pixel format.

    Attributes:
        channels: a letter for each interleaved sample: y u v r g b, a for alpha, x for padding.
        step_x: pixels that one sample covers horizontally.
        step_y: pixels that one sample covers vertically.
    """

    channels: str
    step_x: int
    step_y: int


@dataclass(frozen=True, slots=True)
class PixelLayout:
    """A pixel format whose planes numpy can view.

    Attributes:
        name: FFmpeg's name of it.
        depth: bits of a sample, 8 to 16.
        planes: in the order of FFmpeg.
    """

    name: str
    depth: int
    planes: tuple[PlaneLayout, ...]

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """Return numpy's type of a sample: uint8 for 8 bits, uint16 in native byte order for more."""
        return np.uint8 if self.depth == 8 else np.uint16

    @property
    def is_rgb(self) -> bool:
        """Return whether samples are red, green and blue, rather than luma and chroma."""
        return any("r" in plane.channels for plane in self.planes)

    @property
    def peak(self) -> int:
        """Return the largest value of a sample."""
        return (1 << self.depth) - 1


@dataclass(frozen=True, slots=True)
class Colour:
    """The colour encoding of a frame's samples: matrix and range.

    Attributes:
        red_share: of red in luma (ITU-T H.273).
        blue_share: of blue in luma.
        full_range: whether black and white are the smallest and largest sample, rather than 16 and 235 of 8 bits.
    """

    red_share: float
    blue_share: float
    full_range: bool

    def luma_levels(self, depth: int) -> tuple[int, int]:
        """Return the luma samples of black and white (ITU-R BT.601/709/2020: 16 and 235, times 2^(depth-8))."""
        return (0, (1 << depth) - 1) if self.full_range else (16 << depth - 8, 235 << depth - 8)

    def samples(self, rgb: tuple[int, int, int], layout: PixelLayout) -> dict[str, int]:
        """Return the sample of each channel letter for a colour.

        Args:
            rgb: full-range 8-bit red, green and blue, as on a screen.
            layout: whose depth and channels are meant.
        """
        red, green, blue = (value / 255 for value in rgb)
        values = self.amounts(red, green, blue, layout)
        return {channel: min(max(round(value), 0), layout.peak) for channel, value in values.items()}

    def amounts(self, red: Any, green: Any, blue: Any, layout: PixelLayout) -> dict[str, Any]:
        """Return the samples of each channel letter, neither rounded nor clipped.

        Args:
            red: full range, 0..1; a number or an array. `green` and `blue` have the same shape.
            green: see `red`.
            blue: see `red`.
            layout: whose depth and channels are meant.
        """
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
    """Return the frame's AVColorSpace number; if it is not set, BT.709 for HD sizes and BT.601 below, as players do."""
    return _assumed(frame.width, frame.height) if frame.colorspace == _UNSPECIFIED else int(frame.colorspace)


def matrix_after(matrix: int, before: tuple[int, int], after: tuple[int, int]) -> int:
    """Return the AVColorSpace number for a picture that was changed in size.

    It stays as it is, unless it is unspecified and players would assume another one at the new size: then the one they
    assumed before is named.

    Args:
        matrix: the number before.
        before: (width, height) in pixels.
        after: (width, height) in pixels.
    """
    assumed = _assumed(*before)
    return assumed if matrix == _UNSPECIFIED and assumed != _assumed(*after) else matrix


def _assumed(width: int, height: int) -> int:
    return _BT709 if width >= 1280 or height > 576 else _SMPTE170M


def colour_of(frame: av.VideoFrame) -> Colour:
    """Return what the frame's samples mean. Gray and `yuvj` formats are full range unless tagged otherwise."""
    name = frame.format.name
    full = name.startswith("yuvj") or frame.color_range == _FULL_RANGE
    full = full or (name.startswith(("gray", "ya", "mono")) and frame.color_range != _LIMITED_RANGE)
    return Colour(*_MATRICES.get(matrix_of(frame), _BT601), full_range=full)


@cache
def layout_of(name: str) -> PixelLayout | None:
    """Return the layout of an FFmpeg pixel format; None if its planes cannot be worked on as they are."""
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
    """Return the layout to convert a pixel format to if its planes cannot be worked on.

    It has the same kind of colour, the same subsampling and no fewer bits. Such formats are palettes, packed YUV,
    big-endian samples and others.

    Raises:
        ValueError: the frames lie in a device's memory, or no layout is known.
    """
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
