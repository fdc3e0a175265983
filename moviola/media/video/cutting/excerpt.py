"""A chunk as a file that players take: its packets as they came, preroll included, in a container of their own."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
from av.packet import Packet

from moviola.base.file_names import for_ffmpeg
from moviola.media.bundle import read
from moviola.media.errors import MediaError
from moviola.media.material import Header, header
from moviola.media.video.bundle import ChunkTable, PacketEntry
from moviola.media.video.filtering.decode import open_decoder, rebuild_packet, set_parameters
from moviola.media.video.headers import VideoProcess
from moviola.media.video.templates import NO_PROTOCOLS

CONTAINERS = {"matroska": ".mkv", "nut": ".nut"}
"""The first that takes the codec is used; NUT takes them all, and few players take NUT."""

# What a muxer that insists on start codes needs to see at the beginning of an H.264 or HEVC packet.
_START_CODE = b"\0\0\0\1"


def write_excerpt(stem: Path, process: Header, payload: bytes | bytearray | memoryview) -> Path:
    """Writes a chunk of a source that `Source.process` describes to `stem` with a container's suffix; returns the path.

    Raise BadHeader when `process` is none of a video, BundleError when the payload is no chunk, MediaError when no
    container takes it, OSError as the disk does.
    """
    source = header(VideoProcess, process)
    table, views = read(ChunkTable, payload)
    why = ""
    for container, suffix in CONTAINERS.items():
        path = stem.with_name(stem.name + suffix)
        try:
            _write(path, container, source, table.p, views)
        except (ValueError, av.FFmpegError) as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise
            why = str(error)
            continue
        return path
    raise MediaError(f"no container takes these packets: {why}")


def _write(
    path: Path, container: str, process: VideoProcess, entries: list[PacketEntry], views: list[memoryview]
) -> None:
    base = process.time_base
    own = _template(process, base)
    with (
        av.open(own, "r", format="nut", options=dict(NO_PROTOCOLS)) as template,
        av.open(for_ffmpeg(path), "w", format=container) as file,
    ):
        stream = file.add_stream_from_template(template.streams.video[0], opaque=True)
        set_parameters(stream.codec_context, replace(process, codec_tag=""))
        stream.time_base = base
        for index, (entry, data) in enumerate(zip(entries, views, strict=True)):
            if len(data):
                packet = rebuild_packet(entry, data, base, index)
                packet.stream = stream
                file.mux_one(packet)


def _template(process: VideoProcess, base: Fraction) -> BytesIO:
    """A file with a stream of the codec, from which another can be made: PyAV knows no other way to a stream that is
    neither encoded nor copied."""
    made = BytesIO()
    with av.open(made, "w", format="nut") as file:
        name = open_decoder(process).codec.canonical_name
        stream = file.add_mux_stream(name, width=process.width, height=process.height, time_base=base)
        packet: Packet[Any] = Packet(_START_CODE + bytes(12))
        packet.stream = stream
        packet.pts = packet.dts = 0
        packet.time_base = base
        file.mux_one(packet)
    made.seek(0)
    return made
