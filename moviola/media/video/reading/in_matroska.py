"""What FFmpeg knows of a stream and PyAV does not tell, from the header of a Matroska that is made of the stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Final

import av
from av.video.stream import VideoStream

_VIDEO: Final = (b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xe0")
"""Segment, Tracks, TrackEntry and Video (RFC 9559, 5.1.4.1.28)."""

_COLOUR: Final = b"\x55\xb0"


def video_numbers(stream: VideoStream) -> Mapping[bytes, int]:
    """Return the elements of a video's track, and of its Colour, as whole numbers by their identifiers; none where
    Matroska has no such codec."""
    header = BytesIO()
    try:
        with av.open(header, "w", format="matroska") as file:
            file.add_stream_from_template(stream)
            file.start_encoding()
            content = header.getvalue()
    except (ValueError, av.FFmpegError):
        return {}
    for kind in _VIDEO:
        content = next((inner for found, inner in _elements(content) if found == kind), b"")
    numbers = dict(_elements(content))
    numbers |= dict(_elements(numbers.get(_COLOUR, b"")))
    return {kind: int.from_bytes(inner, "big") for kind, inner in numbers.items()}


def _elements(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (identifier, content) of elements that lie behind each other (RFC 8794, 4 to 6)."""
    at = 0
    while at < len(data):
        size_at = at + _width(data[at])
        begin = size_at + _width(data[size_at])
        bits = 7 * (begin - size_at)
        size = int.from_bytes(data[size_at:begin], "big") & ((1 << bits) - 1)
        end = len(data) if size == (1 << bits) - 1 else begin + size  # all ones: not known yet
        yield data[at:size_at], data[begin:end]
        at = end


def _width(first: int) -> int:
    """Return the bytes of a number of variable length, by its first one."""
    return 9 - first.bit_length()
