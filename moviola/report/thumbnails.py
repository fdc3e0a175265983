"""Small pictures out of finished results: single frames of a video, and pictures of a folder."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from moviola.filters.toolbox.opencv import cv2
from moviola.media.images.decode import decode
from moviola.media.images.formats import BrokenImage
from moviola.media.images.readers import read_header
from moviola.media.video.templates import NO_PROTOCOLS
from moviola.report.facts import MAX_PICTURES_SIZE, Thumbnail
from moviola.wire.limits import MIB

LONG_SIDE: Final = 320
"""Pixels: twice what a picture is shown at, for screens with two to a point."""

QUALITY: Final = 72

MAX_DECODED_PIXELS: Final = 40_000_000
"""Pixels of one picture, somewhat more than 8K has: a decoder takes several times as many bytes, in the process of
whoever makes the report."""

MAX_SCANNED_SIZE: Final = 256 * MIB
"""Bytes of a video without a full index in which frames are counted packet by packet."""

Pixels = NDArray[np.uint8]


class NoPictures(Exception):
    """Why frames cannot be shown: the end of a sentence."""


class Budget:
    """The bytes that all pictures of a report may have, and the time that they may take.

    Args:
        is_late: asked before each picture whether there is no time for more.
        size: bytes.
    """

    def __init__(self, is_late: Callable[[], bool], size: int = MAX_PICTURES_SIZE) -> None:
        self._is_late, self._left = is_late, size
        self.reason = ""

    @property
    def is_spent(self) -> bool:
        """True where nothing more can be shown; `reason` says why then."""
        if not self.reason and self._is_late():
            self.reason = "it would have taken too long to look for more"
        return bool(self.reason)

    def take(self, thumbnail: Thumbnail) -> bool:
        """Take the room that a thumbnail needs, and return True; return False if there is not so much left."""
        if len(thumbnail.jpeg) > self._left:
            self.reason = "the report has no room for more pictures"
            return False
        self._left -= len(thumbnail.jpeg)
        return True


def thumbnail(pixels: Pixels, label: str, note: str = "", shape: float = 1.0) -> Thumbnail:
    """Return a picture made small.

    Args:
        pixels: height × width × 3, BGR.
        label, note: as in Thumbnail.
        shape: how much wider a pixel is shown than it is high.
    """
    height, width = pixels.shape[:2]
    shown = max(1.0, width * shape)
    scale = min(1.0, LONG_SIDE / max(shown, height))
    size = max(1, round(shown * scale)), max(1, round(height * scale))
    small = pixels if size == (width, height) else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return Thumbnail(data.tobytes(), *size, label, note)


class _Key(NamedTuple):
    """A frame that decodes by itself: its number, in the order of display, and when it is shown."""

    frame: int
    pts: int


def frames_at(file: io.RawIOBase, size: int, wanted: Sequence[int]) -> Iterator[tuple[int, Pixels, float]]:
    """Yield (number, BGR pixels, pixel shape) of frames of a video, counted from 0 in the order of display.

    Args:
        file: the video.
        size: its bytes.
        wanted: the numbers; those that the video has not are left out.

    Raises NoPictures where the video cannot be read or is too large, also on the way.
    """
    try:
        with av.open(file, "r", options=dict(NO_PROTOCOLS), metadata_errors="replace") as container:
            stream = _video_of(container)
            keys = _keys(container, stream, size)
            for number, frame in _decoded(container, stream, keys, sorted(set(wanted))):
                shape = float(frame.sample_aspect_ratio) if hasattr(frame, "sample_aspect_ratio") else 0.0
                yield (
                    number,
                    np.asarray(frame.to_ndarray(format="bgr24"), np.uint8),
                    shape or float(stream.sample_aspect_ratio or 1),
                )
    except av.FFmpegError as error:
        raise NoPictures(f"the result cannot be decoded here: {error.strerror or error}") from error
    except OSError as error:
        raise NoPictures(str(error)) from error


def _video_of(container: InputContainer) -> VideoStream:
    stream = next(iter(container.streams.video), None)
    if stream is None or getattr(stream, "codec_context", None) is None:
        raise NoPictures("the result has no video that can be decoded here")
    pixels = stream.codec_context.width * stream.codec_context.height
    if pixels > MAX_DECODED_PIXELS:
        raise NoPictures(f"its pictures have {pixels / 1e6:.0f} million pixels, which is too many for a report")
    stream.codec_context.options = {"max_pixels": str(MAX_DECODED_PIXELS)}
    stream.thread_type = "AUTO"
    return stream


def _keys(container: InputContainer, stream: VideoStream, size: int) -> list[_Key]:
    """Return the frames that decode by themselves. Groups of pictures are closed, so as many frames are shown before
    such a frame as packets come before it. It is shown as long after it is decoded as the first frame is."""
    entries, frame_count = stream.index_entries, stream.frames
    if not frame_count or len(entries) != frame_count:
        if size > MAX_SCANNED_SIZE:
            raise NoPictures(
                f"the result has no index, and {size / 1e6:.0f} MB are too much to read to count its frames"
            )
        packets = (packet for packet in container.demux(stream) if packet.size)
        return [_Key(number, packet.pts or 0) for number, packet in enumerate(packets) if packet.is_keyframe]
    first = next(packet for packet in container.demux(stream) if packet.size)
    delay = (first.pts or 0) - (first.dts or 0)
    return [_Key(number, entry.timestamp + delay) for number, entry in enumerate(entries) if entry.is_keyframe]


def _decoded(
    container: InputContainer, stream: VideoStream, keys: list[_Key], wanted: Sequence[int]
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield (number, frame) of the wanted numbers, in order. Decoding begins at the last frame at or before each that
    decodes by itself."""
    numbers = {key.pts: key.frame for key in keys}
    frames: Iterator[av.VideoFrame] = iter(())
    following: int | None = None  # the number of the frame that comes next
    for number in wanted:
        key = keys[max(0, bisect_right(keys, number, key=lambda key: key.frame) - 1)]
        if following is None or following > number or key.frame > following:
            container.seek(key.pts, stream=stream)
            frames, following = container.decode(stream), None
        for frame in frames:
            if following is None:
                following = numbers.get(frame.pts if frame.pts is not None else -1)
                if following is None or following > number:
                    raise NoPictures("the index of the result does not lead to its frames")
            following += 1
            if following > number:
                yield number, frame
                break
        else:
            return


def picture_of(data: bytes) -> Pixels:
    """Return the first page of a picture's file: height × width × 3, BGR. Raises NoPictures."""
    try:
        header = read_header(data)
        if header.pixel_count > MAX_DECODED_PIXELS:
            raise NoPictures(f"it has {header.pixel_count / 1e6:.0f} million pixels")
        page = next(decode(data, header).pages, None)
    except BrokenImage as error:
        raise NoPictures(f"it {error}") from error
    if page is None:
        raise NoPictures("it has no page")
    colour = page.colour if page.colour.ndim == 3 else np.repeat(page.colour[..., None], 3, axis=2)
    colour = (colour >> 8).astype(np.uint8) if colour.dtype == np.uint16 else colour
    return _on_white(colour, page.alpha)


def _on_white(colour: NDArray[Any], alpha: NDArray[Any] | None) -> Pixels:
    """Return a picture with its transparent parts white: a JPEG has none."""
    if alpha is None:
        return np.ascontiguousarray(colour, np.uint8)
    share = (alpha.astype(np.float32) / np.iinfo(alpha.dtype).max)[..., None]
    return np.rint(colour * share + 255 * (1 - share)).astype(np.uint8)
