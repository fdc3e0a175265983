"""What happened to the units of one chunk (frames, images, records): travels in the result beside what came of them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from moviola.base.failures import MAX_FAILURES_OF_CHUNK

# A frame's error text; the filter's whole traceback would be repeated for every frame that fails alike.
MAX_ERROR_LENGTH = 400


@dataclass(slots=True)
class Seconds:
    """Where the time of a chunk went; that of its lead-in is in `decode`."""

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


@dataclass(slots=True)
class Report:
    """The account of a chunk. Frames, which may be images or records, are counted by their index in the source.

    `first` is the index of the chunk's first own frame and `sent` how many own ones it was sent with (of a video,
    packets); `frames_in` is how many of these are frames, `frames_out` how many came out. `fallback` lists
    [frame, filter, error], frames passed on unfiltered; `lost` lists [frame, cause], frames that did not come out;
    `damaged` are frames that the decoder had to conceal. `decode_errors` are [place among the own ones, text], the
    first ones of `decode_error_count`. `latency_ms` has float32 values, one a frame that came out: from the call that
    decoded it until the encoder took it. `notes` are [frame, [note, …]] for frames to which filters attached notes.
    `failures` are [frame, filter, traceback], the first MAX_FAILURES_OF_CHUNK of those that `fallback` and `lost` list.
    """

    first: int
    sent: int
    frames_in: int = 0
    frames_out: int = 0
    fallback: list[list[Any]] = field(default_factory=list)
    lost: list[list[Any]] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    decode_errors: list[list[Any]] = field(default_factory=list)
    decode_error_count: int = 0
    times_repaired: int = 0
    lead_packets: int = 0
    lead_size: int = 0
    seconds: Seconds = field(default_factory=Seconds)
    latency_ms: array[float] = field(default_factory=lambda: array("f"))
    notes: list[list[Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    fingerprint: str = ""
    failures: list[list[Any]] = field(default_factory=list)

    def tell_failure(self, frame: int, filter_name: str, traceback: str) -> None:
        """Keeps how a filter failed, for the first ones: in one chunk they are mostly of one kind."""
        if len(self.failures) < MAX_FAILURES_OF_CHUNK:
            self.failures.append([frame, filter_name, traceback])

    def to_wire(self) -> dict[str, Any]:
        """As msgpack types only; `latency_ms` as little-endian float32 bytes."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return told | {
            "seconds": asdict(self.seconds),
            "latency_ms": _little_endian(self.latency_ms).tobytes(),
        }

    @classmethod
    def from_wire(cls, told: Mapping[str, Any]) -> Self:
        """Raise KeyError when a field is missing; unknown fields (a newer version's) are left out."""
        values = {each.name: told[each.name] for each in fields(cls)}
        values["seconds"] = Seconds(**values["seconds"])
        values["latency_ms"] = _little_endian(array("f", values["latency_ms"]))
        return cls(**values)


def _little_endian(values: array[float]) -> array[float]:
    swapped = array("f", values)
    if sys.byteorder == "big":
        swapped.byteswap()
    return swapped
