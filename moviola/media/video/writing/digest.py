"""The digest of a finished file: a SHA-256 that anyone can compute from the file alone.

For each packet of the first video stream, as demuxed and in that order, the line
``<pts in seconds as a reduced fraction> <K or -> <size>\\n`` (a whole number of seconds has no denominator)
and then the packet's bytes. Ten lines of PyAV give the same:

    import hashlib, sys, av
    sha = hashlib.sha256()
    with av.open(sys.argv[1]) as container:
        for packet in container.demux(video=0):
            if packet.size:
                time = packet.pts * packet.time_base
                sha.update(f"{time} {'K' if packet.is_keyframe else '-'} {packet.size}\\n".encode())
                sha.update(packet)
    print(sha.hexdigest())
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from moviola.base.file_names import for_ffmpeg
from moviola.media.video.templates import FILE_ONLY


def video_packets(path: Path) -> Iterator[tuple[Fraction | None, Packet[VideoStream]]]:
    """Yield time in seconds and packet, for every video packet of the file in the order of the file.

    Raise av.FFmpegError when the file cannot be read, ValueError when it has no video.
    """
    with av.open(for_ffmpeg(path), options=dict(FILE_ONLY)) as container:
        if not container.streams.video:
            raise ValueError(f"{path} has no video stream")
        stream = container.streams.video[0]
        base = stream.time_base or Fraction(1)
        for packet in container.demux(stream):
            if packet.size:
                pts = packet.pts
                yield None if pts is None else Fraction(pts * base.numerator, base.denominator), packet


class Digest:
    """The digest while it grows: `add` each packet, then `hexdigest`."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, time_s: Fraction | None, packet: Packet[VideoStream]) -> None:
        """Take the file's next video packet; `time_s` is its pts in seconds."""
        self._sha.update(f"{time_s} {'K' if packet.is_keyframe else '-'} {packet.size}\n".encode())
        self._sha.update(memoryview(packet))

    def hexdigest(self) -> str:
        """Return the digest as 64 hexadecimal digits."""
        return self._sha.hexdigest()


def digest(path: Path) -> str:
    """Return the digest of a finished video file; raise what `video_packets` raises."""
    growing = Digest()
    for time_s, packet in video_packets(path):
        growing.add(time_s, packet)
    return growing.hexdigest()
