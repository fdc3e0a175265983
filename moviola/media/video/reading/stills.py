"""Single frames of videos: gathered into a small clip that can be filtered, and taken out of one as pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from moviola.base.file_names import for_ffmpeg
from moviola.media.errors import UnreadableSource
from moviola.media.images.decode import Page, decode
from moviola.media.images.encode import Settings, encode
from moviola.media.images.formats import BrokenImage
from moviola.media.images.readers import read_header
from moviola.media.video.filtering.rotation import orient
from moviola.media.video.memory import MAX_PIXELS
from moviola.media.video.orientation import Orientation
from moviola.media.video.reading.opening import opened, packets_of
from moviola.media.video.side_data import side_data_of_frame

CODEC: Final = "ffv1"
"""Of clips of single frames: it changes no sample, and each frame stands alone."""

_RATE: Final = 25  # frames a second that a clip says it has; nothing is timed by it
_TICKS: Final = 1000  # a second, of clips that are timed
_UNTIMED_MS: Final = 100  # how long browsers show a frame that does not say it
_COLOURS: Final = (1, 13, 6, 1)  # H.273 of sRGB made limited YCbCr of BT.601
_LOSSLESS: Final = {"qp": "0", "preset": "ultrafast", "tune": "zerolatency", "threads": "1"}
_PNG: Final = Settings(quality=100, lossless=True, chroma="444")


def clip_of_pictures(pictures: Sequence[Path], path: Path) -> None:
    """Write pictures as the frames of a clip, with the colours that most videos have: 8 bits, 4:2:0.

    Args:
        pictures: files of one size, in order.
        path: of the clip, a new file.

    Raises:
        UnreadableSource: a file is no picture, or has another size than the first.
    """
    _write(_frames_of(pictures), path)


def clip_of_video(video: Path, path: Path, context: int) -> list[int]:
    """Write the first, the middle and the last frame of a video as a clip, with the frames that precede each.

    Frames are as the decoder gives them, but upright; of a file that is cut short the last is the last that decodes.

    Args:
        video: a file.
        path: of the clip, a new file.
        context: how many frames before each are wanted; there are fewer at the beginning.

    Returns:
        The indexes of the first, middle and last frame in the clip; fewer where the video has fewer frames.

    Raises:
        UnreadableSource: there is no frame that can be decoded.
    """
    frames: list[av.VideoFrame] = []
    indexes: list[int] = []
    try:
        shown = list(_sought(video, context))
    except av.FFmpegError:  # nothing can be sought in a bare stream of packets, such as a .h264
        shown = list(_in_order(video, context))
    for found in shown:
        frames += found
        indexes.append(len(frames) - 1)
    if not frames:
        raise UnreadableSource(video, "no frame of it can be decoded", "check that it is the file you meant")
    _write((orient(frame, Orientation.of_side_data(side_data_of_frame(frame))) for frame in frames), path)
    return indexes


def clip_of_animation(picture: Path, path: Path) -> list[str]:
    """Write the frames of an animation (GIF, WebP, APNG, AVIF) as a clip, each with its time, over black where it is
    transparent, with the colours that most videos have: 8 bits, 4:2:0.

    Args:
        picture: a file of moviola.media.images that is an animation.
        path: of the clip, a new file.

    Returns:
        A sentence's second half for each thing that the clip has not.

    Raises:
        UnreadableSource: it is none, or broken.
    """
    data = picture.read_bytes()
    harms = dict[str, None]()
    try:
        header = read_header(data)
        with av.open(for_ffmpeg(path), "w", format="mov", options={"fflags": "+bitexact"}) as container:
            stream = container.add_stream("libx264", rate=_TICKS, options=_LOSSLESS)
            stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
            at = 0
            for page in decode(data, header).pages:
                harms |= dict.fromkeys(_harms(page))
                frame = _frame_of(page)
                if not at:
                    stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
                    told = stream.codec_context
                    told.color_primaries, told.color_trc, told.colorspace, told.color_range = _COLOURS
                frame.pts, frame.time_base = at, Fraction(1, _TICKS)
                for packet in stream.encode(frame):
                    packet.duration = page.duration_ms or _UNTIMED_MS  # each frame gives its packet at once
                    container.mux(packet)
                at += page.duration_ms or _UNTIMED_MS
    except BrokenImage as error:
        raise UnreadableSource(picture, f"this file {error}", "check that it is the file you meant") from error
    if things := header.carried.things:
        harms[f"loses {', '.join(things)} as a video; as a picture it keeps what is true of it"] = None
    return list(harms)


def _harms(page: Page) -> Iterator[str]:
    if page.alpha is not None:
        yield "is black as a video where it is transparent"
    if page.colour.itemsize > 1:
        yield "has 8 bits a sample as a video"
    if page.colour.shape[0] % 2 or page.colour.shape[1] % 2:
        yield "gets a line more as a video, whose size is even"


def _frame_of(page: Page) -> av.VideoFrame:
    """Return a frame of an animation, of even size: what is odd gets a line more, for H.264 takes no other."""
    colour = page.colour if page.colour.itemsize == 1 else (page.colour >> 8).astype(np.uint8)
    if page.alpha is not None:
        alpha = page.alpha if page.alpha.itemsize == 1 else (page.alpha >> 8).astype(np.uint8)
        colour = np.rint(colour * ((alpha if colour.ndim == 2 else alpha[..., None]) / 255)).astype(np.uint8)
    odd = [(0, colour.shape[0] % 2), (0, colour.shape[1] % 2), (0, 0)][: colour.ndim]
    bgr = np.pad(colour if colour.ndim == 3 else np.repeat(colour[..., None], 3, 2), [*odd, (0, 0)][:3], mode="edge")
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format="bgr24")
    return frame.reformat(format="yuv420p", src_color_range="JPEG", dst_color_range="MPEG", dst_colorspace="ITU601")


def pictures_of(clip: Path, indexes: Collection[int]) -> list[bytes]:
    """Return frames of a video as PNG files, in order; those that it does not have are left out."""
    made = []
    with av.open(for_ffmpeg(clip)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index in indexes:
                made.append(encode([frame.to_ndarray(format="bgr24")], "png", _PNG))
    return made


def _frames_of(pictures: Sequence[Path]) -> Iterator[av.VideoFrame]:
    size: tuple[int, int] | None = None
    for picture in pictures:
        with opened(picture) as (container, _):
            try:
                frame = next(container.decode(video=0))
            except (av.FFmpegError, StopIteration):
                raise UnreadableSource(picture.name, "this is no picture that can be decoded", "send PNG") from None
        size = size or (frame.width, frame.height)
        if (frame.width, frame.height) != size:
            found, first = f"{frame.width}x{frame.height}", f"{size[0]}x{size[1]}"
            raise UnreadableSource(
                picture.name, f"it has {found} pixels, and the first {first}", "send frames of one size"
            )
        is_even = frame.width % 2 == 0 and frame.height % 2 == 0
        name = "yuv420p" if is_even else "yuv444p"
        yield frame.reformat(format=name, src_color_range="JPEG", dst_color_range="MPEG", dst_colorspace="ITU601")


def _sought(video: Path, context: int) -> Iterator[list[av.VideoFrame]]:
    """Yield the first, the middle and the last frame of a video, each behind the frames that precede it. Raise
    av.FFmpegError where nothing can be sought in the file."""
    last_pts = None
    with opened(video) as (container, stream):
        if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
            raise UnreadableSource(video, "its pictures are too large to be shown", "send it as a job")
        for share in (0.0, 0.5, 1.0):
            found = _around(container, stream, share, context)
            if found and (last_pts is None or found[-1].pts != last_pts):
                last_pts = found[-1].pts
                yield found


def _in_order(video: Path, context: int) -> Iterator[list[av.VideoFrame]]:
    """Yield what `_sought` does by decoding all of the file; the middle is that of its packets."""
    with opened(video) as (container, stream):
        middle = sum(1 for _ in packets_of(container, [stream])) // 2
    kept: deque[av.VideoFrame] = deque(maxlen=context + 1)
    number = 0
    with opened(video) as (container, stream):
        with suppress(av.FFmpegError):  # as in `_around`
            for number, frame in enumerate(container.decode(stream)):
                kept.append(frame)
                if number in (0, middle):
                    yield list(kept)
        if number not in (0, middle):
            yield list(kept)


def _around(container: InputContainer, stream: VideoStream, share: float, context: int) -> list[av.VideoFrame]:
    """Return the frame at a share of a video's duration (0 to 1), behind the frames that precede it."""
    length = _length(container, stream)
    start = stream.start_time or 0
    wanted = start + round(length * share)
    seek_to = wanted - round(length * min(share, 0.02)) - context * _step(stream)
    stream.codec_context.flush_buffers()
    container.seek(max(start, seek_to), stream=stream)
    kept: deque[av.VideoFrame] = deque(maxlen=context + 1)
    with suppress(av.FFmpegError):  # what is behind a damaged place is not shown
        for frame in container.decode(stream):
            kept.append(frame)
            if share < 1 and frame.pts is not None and frame.pts >= wanted:
                break
    return list(kept)


def _length(container: InputContainer, stream: VideoStream) -> int:
    """Return how long a stream is, in its time base; 0 where that is not known."""
    if stream.duration:
        return stream.duration
    if container.duration and stream.time_base:
        return round(container.duration / av.time_base / stream.time_base)
    return 0


def _step(stream: VideoStream) -> int:
    """Return how long a frame is, in the stream's time base."""
    rate = stream.average_rate or _RATE
    return round(1 / (rate * stream.time_base)) if stream.time_base else 1


def _write(frames: Iterable[av.VideoFrame], path: Path) -> None:
    with av.open(for_ffmpeg(path), "w", format="matroska") as container:
        stream = None
        for number, frame in enumerate(frames):
            if stream is None:
                stream = container.add_stream(CODEC, rate=_RATE)
                stream.width, stream.height = frame.width, frame.height
                known = {form.name for form in stream.codec_context.codec.video_formats or ()}
                stream.pix_fmt = frame.format.name if frame.format.name in known else "yuv420p"
                stream.codec_context.color_range, stream.codec_context.colorspace = frame.color_range, frame.colorspace
            if frame.format.name != stream.pix_fmt or (frame.width, frame.height) != (stream.width, stream.height):
                frame = frame.reformat(stream.width, stream.height, stream.pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, _RATE)
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
