"""A frame as filters see it: planes without a copy, other views when asked for, and ways to make an output."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import av
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from moviola.base.arrays import np
from moviola.base.interlacing import FieldOrder
from moviola.filters.layout import Colour, PixelLayout, colour_of, layout_of, matrix_after, matrix_of, nearest_layout
from moviola.filters.notes import check_note
from moviola.filters.pool import FramePool, thread_pool
from moviola.filters.toolbox.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

Plane: TypeAlias = "NDArray[Any]"  # uint8, or uint16 above 8 bits
Gray: TypeAlias = "NDArray[Any]"  # uint8
Notes = tuple[Mapping[str, Any], ...]
_T = TypeVar("_T")

_SWS_MATRIX = {1: 1, 4: 4, 7: 7, 9: 9, 10: 9}  # AVColorSpace number -> swscale's
_SWS_BT601 = 5


class Picture:
    """A frame on its way through a chain. What it shows is not to be changed, except planes of `blank` and `copy`
    by the filter that asked for them.

    `frame` is what the encoder gets: the decoder's own, as long as no filter made another. `notes` are the facts
    that filters attached, one map each. `index` is the source frame's number, for messages. `fields` tells whether it
    is interlaced, and how (moviola.filters.interlacing).
    """

    def __init__(
        self,
        frame: av.VideoFrame,
        *,
        index: int = 0,
        notes: Notes = (),
        pool: FramePool | None = None,
        fields: FieldOrder = FieldOrder.PROGRESSIVE,
    ) -> None:
        self.frame = frame
        self.index = index
        self.notes = notes
        self.fields = fields
        self._pool = pool or thread_pool()
        self._memo: dict[Hashable, Any] = {}
        self._writable = False

    def __repr__(self) -> str:
        return f"<Picture {self.index}: {self.width}x{self.height} {self.frame.format.name}>"

    @property
    def width(self) -> int:
        """Pixels."""
        return self.frame.width

    @property
    def height(self) -> int:
        """Pixels."""
        return self.frame.height

    @property
    def shape(self) -> tuple[int, int, str]:
        """Width and height in pixels, and the name of the layout of `planes`."""
        return self.width, self.height, self.format.name

    @property
    def format(self) -> PixelLayout:
        """Layout of `planes`: the frame's own, or the nearest that can be worked on."""
        return layout_of(self.frame.format.name) or nearest_layout(self.frame.format.name)

    @property
    def colour(self) -> Colour:
        """The colour encoding of the samples in `planes`: matrix and range."""
        return self.memo("colour", lambda: colour_of(self._workable()))

    @property
    def planes(self) -> tuple[Plane, ...]:
        """One array per plane of `format`, rows × columns (× channels where samples are interleaved), uint8, or
        uint16 above 8 bits. Views of the frame, not copies; read-only except in outputs under way."""
        return self.memo("planes", self._view_planes)

    @property
    def gray(self) -> Gray:
        """Brightness, height × width, uint8, read-only. A view of the luma plane where that has 8 bits, so with
        black and white at `gray_levels`."""
        return self.memo("gray", self._make_gray)

    @property
    def gray_levels(self) -> tuple[int, int]:
        """The values of black and white in `gray`: (16, 235) for limited range, (0, 255) for full."""
        return (0, 255) if self.format.is_rgb else self.colour.luma_levels(8)

    @property
    def bgr(self) -> NDArray[Any]:
        """height × width × 3, uint8, full range, read-only; converted with the frame's own matrix and range."""
        return self.memo("bgr", self._make_bgr)

    def bgr_of(self, width: int, height: int) -> NDArray[Any]:
        """Return `bgr` scaled to another size: averaged by area if both sides shrink. The unscaled one is not kept in
        memory for that."""
        bgr = self._memo["bgr"] if "bgr" in self._memo else self._make_bgr()
        if (width, height) == (self.width, self.height):
            return bgr
        way = cv2.INTER_AREA if width <= self.width and height <= self.height else cv2.INTER_LINEAR_EXACT
        return cv2.resize(bgr, (width, height), interpolation=way)

    @property
    def deep_bgr(self) -> NDArray[Any]:
        """height × width × 3, uint16, full range (0..65535), read-only: `bgr` of pictures of more than 8 bits."""
        return self.memo("deep_bgr", lambda: self._make_bgr(is_deep=True))

    def memo(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return what `make()` returned when this key was first asked for. For what is derived from this picture
        alone."""
        if key not in self._memo:
            self._memo[key] = make()
        value: _T = self._memo[key]
        return value

    # -- outputs ---------------------------------------------------------------------------------------------

    def blank(self, width: int | None = None, height: int | None = None) -> Picture:
        """An output like this picture, or of another size, with writable planes of undefined contents."""
        size = (self.width if width is None else width, self.height if height is None else height)
        output = self._output(self._pool.take(*size, self.format.name))
        output._writable = True
        return output

    def copy(self) -> Picture:
        """An output with writable planes that starts as a copy of this picture."""
        output = self.blank()
        for target, plane in zip(output.planes, self.planes, strict=True):
            np.copyto(target, plane)
        return output

    def with_gray(self, gray: Gray) -> Picture:
        """An output without colour from a full-range gray image, height × width, uint8, in this picture's format."""
        output = self.blank(gray.shape[1], gray.shape[0])
        output.paint_gray(gray)
        return output

    def with_bgr(self, bgr: NDArray[Any]) -> Picture:
        """An output from a BGR image, height × width × 3, full-range uint8 or uint16, in this picture's format, matrix
        and range."""
        packed = "bgr24" if bgr.dtype == np.uint8 else "bgr48le"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format=packed)
        return self._output(_reformat(frame, self.format.name, matrix_of(self.frame), self.colour.full_range))

    def black(self) -> Picture:
        """An opaque black output without notes, in which nothing of this picture can be seen."""
        output = self.blank()
        samples = self.colour.samples((0, 0, 0), self.format)
        for plane, kind in zip(output.planes, self.format.planes, strict=True):
            for channel, target in zip(kind.channels, channels_of(plane), strict=True):
                target[...] = samples[channel]
        output.notes = ()
        return output.seal()

    def with_notes(self, note: Mapping[str, Any]) -> Picture:
        """This picture with one more note; nothing is copied. Raises NoteError for what is no plain data."""
        check_note(note)
        output = Picture(self.frame, index=self.index, notes=(*self.notes, note), pool=self._pool, fields=self.fields)
        output._memo = self._memo
        output._writable = self._writable
        return output

    def paint_gray(self, gray: Gray) -> None:
        """Writes a full-range gray image over the planes of an output under way; chroma becomes neutral."""
        layout = self.format
        levels = (0, layout.peak) if layout.is_rgb else self.colour.luma_levels(layout.depth)
        table = _gray_table(*levels, layout.depth)
        for plane, kind in zip(self.planes, layout.planes, strict=True):
            for channel, samples in zip(kind.channels, channels_of(plane), strict=True):
                if channel in "uv":
                    samples[...] = 1 << layout.depth - 1
                elif channel in "ax":
                    samples[...] = layout.peak
                elif samples is plane:
                    cv2.LUT(gray, table, dst=plane)
                else:
                    samples[...] = table[gray]

    def seal(self) -> Picture:
        """Make the planes of an output read-only, because it is an input of others from now on; return it."""
        self._writable = False
        for plane in self._memo.get("planes", ()):
            plane.flags.writeable = False
        return self

    # -- how views are made ----------------------------------------------------------------------------------

    def _output(self, frame: av.VideoFrame) -> Picture:
        source = self.frame
        frame.pts, frame.duration = source.pts, source.duration
        if source.time_base is not None:
            frame.time_base = source.time_base
        matrix = int(source.colorspace)
        if not source.format.is_rgb:
            matrix = matrix_after(matrix, (source.width, source.height), (frame.width, frame.height))
        frame.colorspace, frame.color_range = matrix, source.color_range
        frame.color_trc, frame.color_primaries = source.color_trc, source.color_primaries
        return Picture(frame, index=self.index, notes=self.notes, pool=self._pool, fields=self.fields)

    def _workable(self) -> av.VideoFrame:
        """The frame itself, or a copy of it in a format whose planes can be viewed."""
        return self.frame if layout_of(self.frame.format.name) else self.memo("workable", self._convert)

    def _convert(self) -> av.VideoFrame:
        return _reformat(self.frame, self.format.name, matrix_of(self.frame), colour_of(self.frame).full_range)

    def _view_planes(self) -> tuple[Plane, ...]:
        frame, layout = self._workable(), self.format
        views = (
            _view(plane, len(kind.channels), layout.dtype)
            for plane, kind in zip(frame.planes, layout.planes, strict=False)
        )
        planes = tuple(views)
        for plane in planes:
            plane.flags.writeable = self._writable
        return planes

    def _make_gray(self) -> Gray:
        if self.format.is_rgb:
            gray = cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY)
        else:
            luma = channels_of(self.planes[0])[0]
            if self.format.depth > 8:
                luma = cv2.convertScaleAbs(luma, alpha=0.5 ** (self.format.depth - 8))
            gray = luma.view()
        gray.flags.writeable = False
        return gray

    def _make_bgr(self, *, is_deep: bool = False) -> NDArray[Any]:
        frame, packed = self.frame, "bgr48le" if is_deep else "bgr24"
        dtype = np.uint16 if is_deep else np.uint8
        bgr = _view(_reformat(frame, packed, matrix_of(frame), True).planes[0], 3, dtype)
        bgr.flags.writeable = False
        return bgr


def channels_of(plane: Plane) -> list[Plane]:
    """The samples of each channel of a plane, rows × columns each: the plane itself where it has one channel."""
    return [plane] if plane.ndim == 2 else [plane[..., index] for index in range(plane.shape[2])]


def _view(plane: VideoPlane, channels: int, dtype: type[np.uint8] | type[np.uint16]) -> Plane:
    """The samples of a plane without its padding; lines may be stored bottom up (a negative line size)."""
    item = np.dtype(dtype).itemsize
    line = plane.line_size
    offset = 0 if line > 0 else (plane.height - 1) * -line
    shape: tuple[int, ...] = (plane.height, plane.width)
    strides: tuple[int, ...] = (line, item * channels)
    if channels > 1:
        shape, strides = (*shape, channels), (*strides, item)
    return np.ndarray(shape, dtype, memoryview(plane), offset, strides)


@lru_cache(maxsize=16)
def _gray_table(black: int, white: int, depth: int) -> Plane:
    """256 samples from black to white."""
    table = np.rint(np.linspace(black, white, 256))
    return table.astype(np.uint8 if depth == 8 else np.uint16)


class _Reformatters(threading.local):
    """swscale's set-up for each pair of formats in use by this thread; there are few."""

    def __init__(self) -> None:
        self.by_formats: dict[tuple[str, str], VideoReformatter] = {}


_reformatters = _Reformatters()


def _reformat(frame: av.VideoFrame, pixel_format: str, matrix: int, full_range: bool) -> av.VideoFrame:
    """Return the frame in another pixel format. `matrix` is that of YUV, before and after; `full_range` is the range
    of what is made."""
    if frame.format.is_bayer and min(frame.width, frame.height) < 2:  # swscale writes out of bounds there
        raise ValueError(f"a {frame.format.name} picture needs at least 2×2 pixels")
    key = (frame.format.name, pixel_format)
    reformatter = _reformatters.by_formats.setdefault(key, VideoReformatter())
    sws_matrix = _SWS_MATRIX.get(matrix, _SWS_BT601)
    return reformatter.reformat(
        frame,
        format=pixel_format,
        src_colorspace=sws_matrix,
        dst_colorspace=sws_matrix,
        dst_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
        interpolation=Interpolation.BILINEAR,
        threads=1,
    )
