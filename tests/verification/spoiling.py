"""Spoils finished videos in ways that are known: by PyAV alone, packet by packet, or by their bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av

Packets = list[Any]
Spoil = Callable[[Packets, Packets], tuple[Packets, Packets]]
"""Takes the packets of the video and of the sound, and returns those that the copy gets."""


def remuxed(
    path: Path, target: Path, spoil: Spoil = lambda video, sound: (video, sound), *, silent: bool = False
) -> Path:
    """Copy a video, and its sound where it is not to be `silent`, to `target`, in the format that its name says."""
    with av.open(str(path)) as given, av.open(str(target), "w") as copy:
        streams: list[Any] = [given.streams.video[0], *(() if silent else given.streams.audio)]
        copies = {stream.index: copy.add_stream_from_template(stream) for stream in streams}
        packets = [packet for packet in given.demux(streams) if packet.size]
        video = [packet for packet in packets if packet.stream.type == "video"]
        sound = [packet for packet in packets if packet.stream.type == "audio"]
        _give_dts(video)
        kept = [(packet, copies[packet.stream_index]) for each in spoil(video, sound) for packet in each]
        for packet, stream in sorted(kept, key=lambda one: float(one[0].dts * one[0].time_base)):
            packet.stream = stream
            copy.mux(packet)
    return target


def _give_dts(packets: Packets) -> None:
    """Matroska tells no dts: that of a packet is the time of the frame shown some places before it."""
    if all(packet.dts is not None for packet in packets):
        return
    times = sorted(packet.pts for packet in packets)
    held = max(place - times.index(packet.pts) for place, packet in enumerate(packets))
    for place, packet in enumerate(packets):
        packet.dts = times[place - held] if place >= held else times[0] - (held - place)


def clone(packet: Any, data: bytes | None = None, later: int = 0) -> Any:
    """A packet like another, with other bytes, or `later` ticks."""
    content = bytes(packet) if data is None else data
    made: Any = av.Packet(len(content))
    made.update(content)
    made.stream, made.time_base = packet.stream, packet.time_base
    made.pts, made.dts, made.duration = packet.pts + later, packet.dts + later, packet.duration
    made.is_keyframe = packet.is_keyframe
    return made


def altered(packet: Any) -> Any:
    """The same packet with one bit of its last quarter changed."""
    data = bytearray(bytes(packet))
    data[-len(data) // 4] ^= 1
    return clone(packet, bytes(data))


def swapped(video: Packets, at: int) -> Packets:
    """Two packets that follow each other give each other their pictures, and keep their times."""
    one, two = video[at : at + 2]
    return [*video[:at], clone(one, bytes(two)), clone(two, bytes(one)), *video[at + 2 :]]


def delayed(sound: Packets, seconds: float) -> Packets:
    """All packets that much later."""
    for packet in sound:
        ticks = round(seconds / packet.time_base)
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
    return sound


def shown(path: Path) -> list[float]:
    """When the frames of a video are shown, in seconds, rising."""
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        return sorted(float(packet.pts * packet.time_base) for packet in container.demux(stream) if packet.size)
