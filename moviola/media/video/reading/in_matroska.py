"""What FFmpeg knows of a stream and PyAV does not tell, from the header of a Matroska that is made of the stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Final

import av
from av.video.stream import VideoStream

from moviola.media.ebml import SEGMENT, element_at

_VIDEO: Final = (SEGMENT, b"\x16\x54\xae\x6b", b"\xae", b"\xe0")
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
    """Yield (id, content) of elements that lie behind each other."""
    at = 0
    while (found := element_at(data, at)) is not None:
        end = len(data) if found.end is None else found.end
        yield found.id, data[found.begin : end]
        at = end
