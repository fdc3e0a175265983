"""What happened to the units of one chunk (frames, images, records): travels in the result beside what came of them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from moviola.base.failures import MAX_FAILURES_OF_CHUNK
from moviola.base.mapped import SIGNED, Float32s, Map, Mapped

# A frame's error text; the filter's whole traceback would be repeated for every frame that fails alike.
MAX_ERROR_LENGTH = 400


@dataclass(slots=True)
class Seconds(Mapped):
    """Where the time of a chunk went; that of its preroll is in `decode`."""

    decode: float = 0.0
    convert: float = 0.0
    filter: float = 0.0
    encode: float = 0.0

    def add(self, other: Seconds) -> None:
        """Take another chunk's seconds into this sum."""
        self.decode += other.decode
        self.convert += other.convert
        self.filter += other.filter
        self.encode += other.encode


Note = Map
"""What a filter noted of a frame: the filter chooses the keys."""


class Fallback(NamedTuple):
    """A frame that was not filtered: it is as the source has it, or black; `filter` is "" where none was asked."""

    frame: int
    filter: str
    error: str


class Lost(NamedTuple):
    """A frame that did not come out."""

    frame: int
    cause: str


class DecodeError(NamedTuple):
    """What the decoder said of a packet, counted from the chunk's first own one; those of the preroll are below 0."""

    packet: Annotated[int, SIGNED]
    text: str


class FrameFailure(NamedTuple):
    """How a filter failed on a frame."""

    frame: int
    filter: str
    traceback: str


class FrameNotes(NamedTuple):
    """What filters noted of a frame."""

    frame: int
    notes: list[Note]


@dataclass(slots=True)
class Report(Mapped):
    """The account of a chunk. Frames, which may be images or records, are counted by their index in the source.

    `first` is the index of the chunk's first own frame and `sent` how many own ones it was sent with (of a video,
    packets); `frames_in` is how many of these are frames, `frames_out` how many came out. `damaged` are frames that the
    decoder had to conceal. `decode_errors` are the first ones of `decode_error_count`. `latency_ms` has one value for
    each frame that came out: from the call that decoded it until the encoder took it. `notes` are of frames to which
    filters attached some. `failures` are the first MAX_FAILURES_OF_CHUNK of those that `fallback` and `lost` list.
    """

    first: int
    sent: int
    frames_in: int = 0
    frames_out: int = 0
    fallback: list[Fallback] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    decode_errors: list[DecodeError] = field(default_factory=list)
    decode_error_count: int = 0
    times_repaired: int = 0
    preroll_packets: int = 0
    preroll_size: int = 0
    seconds: Seconds = field(default_factory=Seconds)
    latency_ms: Float32s = field(default_factory=lambda: array("f"))
    notes: list[FrameNotes] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    fingerprint: str = ""
    failures: list[FrameFailure] = field(default_factory=list)

    def tell_failure(self, frame: int, filter_name: str, traceback: str) -> None:
        """Keep how a filter failed on a frame, for the first failures only: in one chunk they are mostly of one
        kind."""
        if len(self.failures) < MAX_FAILURES_OF_CHUNK:
            self.failures.append(FrameFailure(frame, filter_name, traceback))
