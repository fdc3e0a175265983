"""What a media file is, in words that two files can be compared by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

COVER: Final = "cover"
"""The type of a video stream that is a picture of the whole, not a part of it."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of a file.

    Attributes:
        index: its number in the file.
        type: `video`, `audio`, `subtitle`, `data`, `attachment` or `cover`.
        codec: by FFmpeg's name; empty where it knows none.
        tags: of the stream, by their names in the container.
        dispositions: what is set of FFmpeg's flags, such as `default`.
        colour: range, space, primaries, transfer and chroma position, where they are told.
        pixels: the pixel format.
        size: width and height, in pixels.
        field_order: `progressive`, or which field comes first; empty where the file does not tell.
        aspect: width to height of a pixel, such as `1:1`; empty where the file does not tell.
        side_data: what else hangs on the stream and on its first frames: name → its values in one line.
        promised: how many packets the header promises; 0 where it promises nothing.
    """

    index: int
    type: str
    codec: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    dispositions: frozenset[str] = frozenset()
    colour: Mapping[str, str] = field(default_factory=dict)
    pixels: str = ""
    size: tuple[int, int] = (0, 0)
    field_order: str = ""
    aspect: str = ""
    side_data: Mapping[str, str] = field(default_factory=dict)
    promised: int = 0


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter: where it begins and ends (seconds), and its title."""

    start: float
    end: float
    title: str


@dataclass(frozen=True, slots=True)
class File:
    """What one file is: the format by FFmpeg's name, how long it says it lasts and where it begins (seconds; 0 where it
    does not tell), its tags, chapters and streams."""

    format: str
    duration: float
    start: float
    tags: Mapping[str, str]
    chapters: tuple[Chapter, ...]
    streams: tuple[Stream, ...]

    def of_type(self, *types: str) -> list[Stream]:
        """Return the streams of these types, in the order of the file."""
        return [stream for stream in self.streams if stream.type in types]
