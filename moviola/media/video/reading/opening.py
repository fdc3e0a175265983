"""Opening a file: which of its streams is the video, and what a decoder must be told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from moviola.base.file_names import for_ffmpeg
from moviola.media.errors import UnreadableSource
from moviola.media.growing import BrokenOff, ComesLast, GrowingFile
from moviola.media.video.headers import DecoderParameters
from moviola.media.video.memory import MAX_PIXELS
from moviola.media.video.mov_boxes import told_end
from moviola.media.video.templates import FILE_ONLY, NO_PROTOCOLS

ROUNDING_S = Fraction(1, 600)
"""Containers round how long they are: QuickTime's movies to 1/600 s."""

PLAYLISTS = frozenset({"concat", "dash", "hls", "imf", "rtsp", "sdp"})
"""Formats that refer to other files or to the network: what a file only points to was not meant to be sent."""

CHECK_PATH = "check that it is the file you meant"


@contextmanager
def opened(file: Path | GrowingFile) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Yield the open file and the one stream of it that is filtered; raise UnreadableSource, and what a growing file
    raises."""
    if isinstance(file, GrowingFile):
        with _Quiet(file) as reader:
            try:
                with _opened(file.path, reader, NO_PROTOCOLS) as found:
                    yield found
            except UnreadableSource:
                reader.check()
                raise
            reader.check()
        return
    if file.is_dir():
        raise UnreadableSource(file, "this is a folder, not a video file", "name the files in it")
    if file.is_file() and file.stat().st_size == 0:
        raise UnreadableSource(file, "the file is empty", "copy or record it again")
    with _opened(file, for_ffmpeg(file), FILE_ONLY) as found:
        yield found


@contextmanager
def _opened(
    path: Path, file: str | _Quiet, protocols: Mapping[str, str]
) -> Iterator[tuple[InputContainer, VideoStream]]:
    try:
        container = av.open(file, "r", metadata_errors="replace", options=dict(protocols))
    except FileNotFoundError:
        raise UnreadableSource(path, "there is no such file", "check the path") from None
    except PermissionError:
        raise UnreadableSource(path, "the file may not be read", "check its permissions") from None
    except av.FFmpegError as error:
        reason = "this is not a media file that FFmpeg knows, or its beginning is damaged"
        raise UnreadableSource(path, f"{reason} ({error.strerror or error})", CHECK_PATH) from None
    with container:
        yield container, filtered_stream(path, container)


class _Quiet:
    """Reads a growing file for FFmpeg, which knows no exceptions: where nothing more comes, the file seems to end."""

    def __init__(self, growing: GrowingFile) -> None:
        self._reader = growing.open()
        self.seek, self.tell, self.name = self._reader.seek, self._reader.tell, str(growing.path)
        self._failure: ComesLast | BrokenOff | None = None

    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *_error: object) -> None:
        self._reader.close()

    def read(self, size: int) -> bytes:
        """Return what there is, up to `size` bytes."""
        if self._failure is None:
            try:
                return self._reader.read(size)
            except (ComesLast, BrokenOff) as error:
                self._failure = error
        return b""

    def check(self) -> None:
        """Raise ComesLast or BrokenOff where the file did not really end."""
        if self._failure is not None:
            raise self._failure


def filtered_stream(path: Path, container: InputContainer) -> VideoStream:
    """Return the stream that is filtered: FFmpeg's choice of the best video, cover pictures aside. Raise
    UnreadableSource if there is none."""
    videos = [one for one in container.streams.video if not one.disposition & Disposition.attached_pic]
    if container.format.name == "tty":
        raise UnreadableSource(path, "this is a text file, not a video", CHECK_PATH)
    if container.format.name in PLAYLISTS:
        raise UnreadableSource(path, "this is a list of other files, not a video", "name the files themselves")
    if not videos:
        what = "sound only" if container.streams.audio else "no video"
        raise UnreadableSource(path, f"this file holds {what}", "a video filter needs a video stream")
    best = container.streams.best("video")
    chosen = next((one for one in videos if best is not None and one.index == best.index), videos[0])
    if getattr(chosen, "codec_context", None) is None:
        raise UnreadableSource(path, "FFmpeg has no decoder for this video", "convert the file first")
    size = chosen.codec_context.width, chosen.codec_context.height
    if size[0] * size[1] > MAX_PIXELS:
        reason = f"its pictures of {size[0]}x{size[1]} have {size[0] * size[1] / 1e6:.0f} million pixels"
        reason += f", and the limit is {MAX_PIXELS / 1e6:.0f} million"
        raise UnreadableSource(path, reason, "make the video smaller before you send it")
    return chosen


def first_frame(file: Path | GrowingFile) -> av.VideoFrame:
    """Return the first frame as the container's own decoder gives it: with what bare packets lose."""
    with opened(file) as (container, stream):
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                if packet.size or packet.dts is None:
                    for frame in packet.decode():
                        return frame
            except av.FFmpegError:
                continue  # a damaged packet; a later one may be whole
        reason = f"none of its {stream.codec_context.name} frames can be decoded"
        path = file.path if isinstance(file, GrowingFile) else file
        raise UnreadableSource(path, reason, "the file is cut short or damaged; copy or record it again")


def packets_of(
    container: InputContainer, streams: list[Any], errors: list[str] | None = None
) -> Iterator[av.Packet[Any]]:
    """Yield all packets in file order, but for the markers of the end, up to where the file can be read no further.

    Data last no longer than the file says it does. `errors` gets the end of a sentence about the file for each thing
    that is wrong with it.
    """
    has_data = any(stream.type == "data" for stream in streams)
    end_s = told_end(Path(container.name), container.format.name) if has_data else None
    packets = container.demux(streams)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            if errors is not None:
                errors.append(f"can be read up to a damaged place only: {error.strerror or error}")
            return
        if packet is None:
            return
        if packet.size or packet.pts is not None or packet.dts is not None:
            if end_s is not None and packet.stream.type == "data":
                _end_at(packet, end_s)
            yield packet


def _end_at(packet: av.Packet[Any], end_s: Fraction) -> None:
    """Shorten a packet that begins before the end and lasts longer: the last one of a camera's telemetry may tell the
    usual second, though the recording ends within it."""
    if packet.pts is None or not packet.duration:
        return
    begin_s, base = packet.pts * packet.time_base, packet.time_base
    if begin_s < end_s < begin_s + packet.duration * base - ROUNDING_S:
        packet.duration = max(1, round((end_s - begin_s) / base))


def decoder_parameters(context: VideoCodecContext) -> DecoderParameters:
    """Return all that a fresh CodecContext must be told to decode the bare packets of this one's stream."""
    try:
        tag = context.codec_tag
    except UnicodeError:
        tag = ""  # not four characters, so no decoder asks for it
    return DecoderParameters(
        codec=context.name,
        extradata=context.extradata,
        codec_tag=tag,
        width=context.width,
        height=context.height,
        pix_fmt=context.pix_fmt,
        bits_per_coded_sample=context.bits_per_coded_sample,
        reorder_depth=context.reorder_depth,
        color_range=int(context.color_range),
        color_primaries=int(context.color_primaries),
        color_trc=int(context.color_trc),
        colorspace=int(context.colorspace),
        field_order=int(context.field_order),
    )


def is_cut_away(packet: av.Packet[Any]) -> bool:
    """Return whether an edit list cut a packet away, so that it is not carried.

    What comes before zero is carried: a decoder needs it before what is heard.
    """
    return packet.is_discard and (packet.pts or 0) >= 0
