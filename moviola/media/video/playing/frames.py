"""The frames of results, decoded as those of the finished file are: for who looks while others are still made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from io import StringIO
from itertools import count
from typing import Any, Final

import av

from moviola.filters.picture import Picture
from moviola.media.errors import NothingToSplice, SpliceError
from moviola.media.frame import Frame, FrameNotes
from moviola.media.material import Output, Source, header
from moviola.media.video.codecs import codec_of
from moviola.media.video.filtering.decode import open_decoder
from moviola.media.video.headers import DecoderParameters, VideoSplice
from moviola.media.video.writing.bookkeeper import Bookkeeper
from moviola.media.video.writing.container_choice import container_of
from moviola.media.video.writing.ticks import base_in
from moviola.media.video.writing.tracks import ShownChunk, VideoTrack

ONE: Final = Fraction(1)


def frames(source: Source, output: Output, results: Iterable[bytes]) -> Iterator[Frame]:
    """Yield the frames of result payloads, which come in order and are taken one by one.

    Pixels, times and notes are those of the finished file and its annotations: a chunk's packets begin with a key
    frame, so a decoder of its own gives the same frames, and the file's container decides how fine its times are.

    Raise BundleError for a broken payload, SpliceError for one whose packets cannot be decoded, or give other frames
    than it says.
    """
    facts = header(VideoSplice, source.splice)
    container = container_of(facts, output.encoder)
    base, step = base_in(container, facts, output), container.resolution
    lines = StringIO()
    track = VideoTrack(facts, output, results, Bookkeeper(facts, output, lines, base).add, base)
    try:
        track.format()
    except NothingToSplice:
        return
    numbers = count()
    for chunk in track.chunks():
        notes = FrameNotes(map(json.loads, _taken(lines)))
        decoded = _decoded(output, chunk)
        for pts in chunk.pts:
            frame, index = next(decoded, None), next(numbers)
            if frame is None:
                raise SpliceError(f"chunk {chunk.index} gives fewer frames than the {len(chunk.pts)} that it has")
            time_s = _in_file(pts * track.time_base, step)
            yield Frame(index, time_s, notes.take(index), Picture(frame, index=index).bgr)


def _taken(lines: StringIO) -> list[str]:
    """Return the lines that were written, and empty the file."""
    found = lines.getvalue().split("\n")[:-1]
    lines.seek(0)
    lines.truncate()
    return found


def _in_file(time_s: Fraction, step: Fraction | None) -> float:
    """Return the time of a frame as a container tells it whose times are multiples of `step`; None: of any."""
    if step is None:
        return float(time_s)
    ticks = time_s / step
    whole = int(abs(ticks) + ONE / 2)  # as FFmpeg rounds: halves away from zero
    return float((whole if ticks >= 0 else -whole) * step)


def _decoded(output: Output, chunk: ShownChunk) -> Iterator[av.VideoFrame]:
    """Yield a chunk's frames in the order in which they are shown."""
    frames, colour = chunk.format, chunk.format.colour
    decoder = open_decoder(
        DecoderParameters(
            codec=codec_of(output.encoder).name,
            extradata=chunk.extradata,
            codec_tag="",
            width=frames.width,
            height=frames.height,
            pix_fmt=frames.pix_fmt,
            bits_per_coded_sample=0,
            reorder_depth=0,
            color_range=colour.range,
            color_primaries=colour.primaries,
            color_trc=colour.transfer,
            colorspace=colour.matrix,
            field_order=0,
        )
    )
    decoder.thread_count = 0
    decoder.thread_type = "AUTO"
    try:
        for timed in chunk.packets:
            packet: av.Packet[Any] = av.Packet(len(timed.data))
            packet.update(timed.data)  # type: ignore[arg-type]
            packet.pts = timed.pts
            packet.is_keyframe = timed.keyframe
            yield from decoder.decode(packet)
        yield from decoder.decode(None)
    except av.FFmpegError as error:
        raise SpliceError(f"chunk {chunk.index} cannot be decoded: {error}") from error
