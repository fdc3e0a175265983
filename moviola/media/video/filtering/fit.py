"""Makes a picture what the encoder was opened for: its pixel format, range and size. Mostly there is nothing to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from av import VideoFrame
from av.video.format import VideoFormat
from av.video.plane import VideoPlane
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from moviola.base.arrays import np
from moviola.filters.interlacing import fields_of
from moviola.filters.picture import Picture
from moviola.media.video.frame_format import RANGE_FULL, RANGE_LIMITED, FrameFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_HEIGHT = 8  # lines below which a field of subsampled chroma may have none
# Bit-exact, because other processors must convert to the same samples.
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
# With these flags alone swscale moves the bits of one RGB layout to another, and spreads 5 of them over 8.
_REPACKING = Interpolation.BILINEAR


class Fitter:
    """Fits frames to `target`, an encoder's format.

    `size` (width, height) is the picture's; where the target is larger by a row or column (H.264 takes no half chroma
    samples), the last one is repeated.
    """

    def __init__(self, target: FrameFormat, size: tuple[int, int]) -> None:
        self._target = target
        self._size = size
        self._reformatter = VideoReformatter()

    def fit(self, frame: VideoFrame, *, is_interlaced: bool = False) -> VideoFrame:
        """Return `frame` itself if it fits, else a new frame; never write into `frame`."""
        target = self._target
        if (frame.width, frame.height) != self._size or frame.format.name != target.pix_fmt:
            frame = (
                self._convert_fields(frame) if is_interlaced and frame.height >= MIN_HEIGHT else self._convert(frame)
            )
        if (frame.width, frame.height) != (target.width, target.height):
            frame = _extended(frame, target.width, target.height)
        return frame

    def _convert_fields(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame of which each field was converted by itself: chroma that is sampled anew would mix the
        moments of both."""
        width, height = self._size
        made = VideoFrame(width, height, self._target.pix_fmt)
        for number, field in enumerate(fields_of(Picture(frame))):
            size = width, (height + 1 - number) // 2
            fitted = Fitter(replace(self._target, width=size[0], height=size[1]), size).fit(field.frame)
            for source, plane in zip(_planes(fitted), _planes(made), strict=True):
                lines = plane[number::2]
                np.copyto(lines, source[: len(lines)])
        made.color_range = self._target.colour.range
        return made

    def _convert(self, frame: VideoFrame) -> VideoFrame:
        target, name = self._target, frame.format.name
        same_samples = name.replace("yuvj", "yuv", 1) == target.pix_fmt and target.colour.range == RANGE_FULL
        unscaled = (frame.width, frame.height) == self._size
        if same_samples and unscaled:
            return _relabelled(frame, target.pix_fmt)
        from_rgb, to_rgb = _is_rgb(frame.format), _is_rgb(VideoFormat(target.pix_fmt))
        return self._reformatter.reformat(
            frame,
            *self._size,
            target.pix_fmt,
            dst_colorspace=Colorspace.ITU601 if from_rgb and not to_rgb else None,
            interpolation=_REPACKING if from_rgb and to_rgb and unscaled else _SCALING,
            src_color_range=RANGE_FULL if from_rgb or name.startswith("yuvj") else frame.color_range,
            dst_color_range=RANGE_FULL if to_rgb else target.colour.range or RANGE_LIMITED,
            threads=1,
        )


def _is_rgb(pixel_format: VideoFormat) -> bool:
    return pixel_format.is_rgb or pixel_format.has_palette


def _relabelled(frame: VideoFrame, pix_fmt: str) -> VideoFrame:
    """Return a frame with the same samples under another name of the same layout."""
    other = VideoFrame(frame.width, frame.height, pix_fmt)
    for source, target in zip(_planes(frame), _planes(other), strict=True):
        np.copyto(target, source)
    other.color_range = RANGE_FULL
    return other


def _extended(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """Return the frame with its last column and row repeated up to a larger size."""
    other = VideoFrame(width, height, frame.format.name)
    for old, new in zip(_planes(frame), _planes(other), strict=True):
        rows, columns = old.shape[:2]
        new[:rows, :columns] = old
        new[:rows, columns:] = old[:, -1:]
        new[rows:] = new[rows - 1]
    return other


def _planes(frame: VideoFrame) -> list[NDArray[np.uint8]]:
    """Return each plane as rows × pixels × bytes a pixel, without padding; views."""
    return [_samples(plane, index, frame.format) for index, plane in enumerate(frame.planes)]


def _samples(plane: VideoPlane, index: int, pixel_format: VideoFormat) -> NDArray[np.uint8]:
    """Return a plane as rows × pixels × bytes a pixel. Lines may be stored bottom up: their size is negative then,
    and the memory begins at the last one."""
    components = [each for each in pixel_format.components if each.plane == index]
    pixel = len(components) * -(-max(each.bits for each in components) // 8)
    line = plane.line_size
    offset = 0 if line > 0 else (plane.height - 1) * -line
    return np.ndarray((plane.height, plane.width, pixel), np.uint8, memoryview(plane), offset, (line, pixel, 1))
