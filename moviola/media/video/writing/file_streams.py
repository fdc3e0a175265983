"""The packets of a finished file as a manifest tells them: of the video each, of other streams as they come.

The splicer reads its file so, and so does whoever verifies one later.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast
from zlib import crc32

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from moviola.base.file_names import for_ffmpeg
from moviola.media.manifest.records import StreamLine
from moviola.media.manifest.writer import ManifestWriter
from moviola.media.video.templates import FILE_ONLY

PROVED: Final = ("video", "audio", "subtitle")
"""The types of streams that a manifest tells. Tracks of data are made anew by whoever writes a file."""


def proved_streams(container: InputContainer) -> list[Stream]:
    """Return the streams of a file that a manifest tells, in the order of their numbers: the filtered one first.

    Raise ValueError where there is no video.
    """
    if not container.streams.video:
        raise ValueError(f"{container.name} has no video stream")
    video = container.streams.video[0]
    return [video, *(one for one in container.streams if one.index != video.index and _is_proved(one))]


def _is_proved(stream: Stream) -> bool:
    return stream.type in PROVED and not stream.disposition & Disposition.attached_pic


def stream_line(number: int, stream: Stream) -> StreamLine:
    """Return a stream as a manifest tells it."""
    context: Any = getattr(stream, "codec_context", None)
    codec, extradata = ("", b"") if context is None else (context.codec.canonical_name, context.extradata or b"")
    return StreamLine(number, stream.type, codec, stream.time_base or Fraction(1), crc32(extradata))


def time_of(packet: Packet[Any]) -> int:
    """Return when a packet is shown, or decoded where that is not told; 0 where neither is."""
    return packet.pts if packet.pts is not None else packet.dts if packet.dts is not None else 0


def recorded_packets(
    path: Path, form: str, manifest: ManifestWriter
) -> Iterator[tuple[Fraction | None, Packet[VideoStream]]]:
    """Yield what `digest.video_packets` does, and tell a manifest of the packets of all streams meanwhile.

    Raise what `video_packets` raises.
    """
    with av.open(for_ffmpeg(path), format=form, options=dict(FILE_ONLY)) as container:
        streams = proved_streams(container)
        if not manifest.is_kept:
            del streams[1:]
        numbers = {stream.index: number for number, stream in enumerate(streams)}
        for number, stream in enumerate(streams):
            manifest.stream(stream_line(number, stream))
        base = streams[0].time_base or Fraction(1)
        for packet in container.demux(streams):
            if not packet.size:
                continue
            number = numbers[packet.stream_index]
            manifest.packet(number, time_of(packet), memoryview(packet))
            if number == 0:
                pts = packet.pts
                time_s = None if pts is None else Fraction(pts * base.numerator, base.denominator)
                yield time_s, cast("Packet[VideoStream]", packet)
