"""Test pictures: every kind of frame that decoders give, and a small scene in which something moves."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from moviola.filters.layout import layout_of
from moviola.filters.picture import Picture
from moviola.filters.toolbox.opencv import cv2

# Every kind of frame that decoders give: planar, interleaved, deep, with alpha, and what must be converted first.
FORMATS = (
    "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv440p", "yuv411p", "yuv410p",
    "yuva420p", "yuva444p10le", "gray", "gray10le", "gray12le", "gray16le", "yuv420p9le", "yuv420p10le",
    "yuv422p10le", "yuv444p12le", "yuv420p16le", "nv12", "nv21", "nv16", "rgb24", "bgr24", "rgba", "bgra", "argb",
    "abgr", "rgb0", "0bgr", "gbrp", "gbrap", "gbrp10le", "gbrp12le", "rgb48le", "rgba64le", "ya8", "ya16le",
)  # fmt: skip
CONVERTED = {
    "pal8": "gbrap", "yuyv422": "yuv422p", "uyvy422": "yuv422p", "yuv420p10be": "yuv420p10le", "p010le": "yuv420p10le",
    "monob": "gray", "rgb565le": "gbrp", "rgb48be": "gbrp16le", "gray10be": "gray16le", "ya16be": "ya16le",
    "y210le": "yuv422p10le", "vuya": "yuva444p", "gbrpf32le": "gbrp16le", "xyz12le": "gbrp16le", "bayer_rggb8": "gbrp",
}  # fmt: skip
SIZES = ((64, 48), (63, 47), (5, 3), (2, 2), (1, 1), (1, 48), (64, 1))
"""Width and height in pixels: even, odd, tiny, and no more than a line."""
STRIPS = ((2000, 1), (1, 2000))
"""Width and height of pictures so long that nothing is left of their short side where both are shrunk alike."""


def noise(pixel_format: str, width: int, height: int, seed: int = 0) -> av.VideoFrame:
    """Return a frame of random samples within the depth of its format; its padding has other values.

    Args:
        pixel_format: FFmpeg's name.
        width: pixels.
        height: pixels.
        seed: equal seeds give equal frames.
    """
    frame = av.VideoFrame(width, height, pixel_format)
    layout = layout_of(pixel_format)
    random = np.random.default_rng(seed)
    for plane in frame.planes:
        raw = random.integers(0, 256, plane.buffer_size, dtype=np.uint8)
        if layout and layout.depth > 8:
            raw = (raw.view(np.uint16) & layout.peak).view(np.uint8)
        elif pixel_format.endswith(("f32le", "10be", "10le", "210le")):
            raw[:] = 1
        plane.update(raw.tobytes())
    return frame


def memory(frame: av.VideoFrame) -> list[bytes]:
    """Return the bytes of each plane of a frame, padding included."""
    return [bytes(plane) for plane in frame.planes]


def picture_of(luma: NDArray[np.uint8], pixel_format: str = "yuv420p", index: int = 0) -> Picture:
    """Return a picture without colour.

    Args:
        luma: full-range brightness, height × width, uint8.
        pixel_format: FFmpeg's name.
        index: of the frame.
    """
    start = Picture(av.VideoFrame(luma.shape[1], luma.shape[0], pixel_format), index=index)
    return Picture(start.with_gray(luma).frame, index=index)


def texture(width: int = 160, height: int = 120, seed: int = 0) -> NDArray[np.uint8]:
    """Return soft blotches from dark to bright, height × width, uint8, as a camera could see them."""
    coarse = np.random.default_rng(seed).integers(40, 200, (height // 8, width // 8), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def drawn_face(size: int) -> NDArray[np.uint8]:
    """Return a face of light and shade, size × size, uint8, that OpenCV's frontal cascades accept."""
    face = np.full((size, size), 110, np.float32)

    def shade(x: float, y: float, half_width: float, half_height: float, value: float) -> None:
        mask = np.zeros((size, size), np.float32)
        axes = (max(1, int(half_width * size)), max(1, int(half_height * size)))
        cv2.ellipse(mask, (int(x * size), int(y * size)), axes, 0, 0, 360, 1, -1)
        soft = cv2.GaussianBlur(mask, (0, 0), size * 0.012)
        face[:] = face * (1 - soft) + value * soft

    shade(0.5, 0.3, 0.44, 0.36, 40)  # hair
    shade(0.5, 0.54, 0.36, 0.44, 190)  # skin
    for side in (-1, 1):
        shade(0.5 + side * 0.17, 0.40, 0.12, 0.07, 130)  # socket
        shade(0.5 + side * 0.17, 0.355, 0.10, 0.02, 60)  # brow
        shade(0.5 + side * 0.17, 0.42, 0.075, 0.03, 40)  # eye
        shade(0.5 + side * 0.2, 0.62, 0.09, 0.08, 205)  # cheek
    shade(0.5, 0.5, 0.045, 0.15, 215)  # nose
    shade(0.5, 0.655, 0.07, 0.02, 110)  # nostrils
    shade(0.5, 0.78, 0.14, 0.03, 90)  # mouth
    shade(0.5, 0.9, 0.12, 0.04, 200)  # chin
    return face.astype(np.uint8)


def scenes(count: int) -> NDArray[np.uint8]:
    """Return the brightness of a scene, count × 120 × 160, uint8: a face stays, and a bright square crosses."""
    scene = texture()
    scene[20:92, 80:152] = drawn_face(72)
    moments = np.repeat(scene[None], count, axis=0)
    for index, moment in enumerate(moments):
        left = 4 + 9 * index % 120
        moment[88:112, left : left + 24] = 250
    return moments


def clip(count: int, pixel_format: str = "yuv420p", lumas: NDArray[np.uint8] | None = None) -> list[Picture]:
    """Return pictures of a scene, with times and a matrix.

    Args:
        count: of pictures, if `lumas` is not given.
        pixel_format: FFmpeg's name.
        lumas: brightness of each picture, count × height × width, uint8; None for `scenes`.
    """
    pictures = []
    for index, luma in enumerate(scenes(count) if lumas is None else lumas):
        picture = picture_of(luma, pixel_format, index)
        frame = picture.frame
        frame.pts, frame.time_base, frame.colorspace = 1001 * index, Fraction(1, 30000), 1
        pictures.append(picture)
    return pictures
