"""What became of all frames of an output: the chunks' reports added up while they are spliced."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from moviola.base.failures import MAX_FAILURES_OF_OUTPUT
from moviola.media.errors import SpliceError
from moviola.media.report import Fallback, Lost, Report, Seconds

T = TypeVar("T")

# Of each kind of trouble so many frames are listed one by one; all are counted.
MAX_LISTED = 10_000
MAX_WARNINGS = 100
MISSING = "its chunk was left out"


@dataclass(frozen=True, slots=True)
class ChunkFacts:
    """One chunk: `first` is the source index of its first frame, `latency_ms` the sum over its frames."""

    first: int
    frames_in: int
    frames_out: int
    preroll_packets: int
    preroll_size: int
    latency_ms: float
    seconds: Seconds


class DecodeTrouble(NamedTuple):
    """What the decoder said of a packet of a chunk, counted from its first own one; those of a preroll are below 0."""

    chunk: int
    packet: int
    error: str


class FilterTrouble(NamedTuple):
    """How a filter failed on a frame of a chunk."""

    chunk: int
    frame: int
    filter: str
    traceback: str


@dataclass(slots=True)
class Account:
    """Counts and lists over the whole output; every frame of the source is counted once.

    At another frame rate some are shown again, `repeated_frames` times in all, and `left_out_frames` are not shown.
    Lists hold the first MAX_LISTED entries, as `Report` describes them. `latency_ms` has one float32 a frame
    that came out.
    """

    frames_in: int = 0
    frames_out: int = 0
    fallback_frames: int = 0
    lost_frames: int = 0
    damaged_frames: int = 0
    repeated_frames: int = 0
    left_out_frames: int = 0
    decode_error_count: int = 0
    times_repaired: int = 0
    fallback: list[Fallback] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    decode_errors: list[DecodeTrouble] = field(default_factory=list)
    failures: list[FilterTrouble] = field(default_factory=list)
    seconds: Seconds = field(default_factory=Seconds)
    latency_ms: array[float] = field(default_factory=lambda: array("f"))
    chunks: list[ChunkFacts] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _next: int = 0

    def add(self, report: Report) -> None:
        """Add the report of the next chunk, in order; raise SpliceError if frames of it have been added already."""
        if report.first < self._next:
            raise SpliceError(
                f"a chunk begins at frame {report.first}, but frames up to {self._next} are there already; "
                f"its results are not in order"
            )
        self._miss(report.first)
        self._next = report.first + report.sent
        self.frames_in += report.frames_in
        self.frames_out += report.frames_out
        self._list(self.fallback, report.fallback)
        self._list(self.lost, report.lost)
        self._list(self.damaged, report.damaged)
        chunk = len(self.chunks)
        self._list(self.decode_errors, [DecodeTrouble(chunk, *each) for each in report.decode_errors])
        told = [FilterTrouble(chunk, *each) for each in report.failures]
        self.failures += told[: MAX_FAILURES_OF_OUTPUT - len(self.failures)]
        self.fallback_frames += len(report.fallback)
        self.lost_frames += len(report.lost)
        self.damaged_frames += len(report.damaged)
        self.decode_error_count += report.decode_error_count
        self.times_repaired += report.times_repaired
        self.seconds.add(report.seconds)
        self.latency_ms.extend(report.latency_ms)
        if report.fingerprint not in self.fingerprints:
            self.fingerprints.append(report.fingerprint)
        for warning in report.warnings:
            self.warn(warning)
        self.chunks.append(
            ChunkFacts(
                report.first,
                report.frames_in,
                report.frames_out,
                report.preroll_packets,
                report.preroll_size,
                sum(report.latency_ms),
                report.seconds,
            )
        )

    def close(self, sent: int) -> None:
        """Count as lost all frames that no chunk had, after the last chunk; `sent` is how many the source sent in
        all."""
        self._miss(sent)

    def warn(self, sentence: str) -> None:
        """Note something a person should know; each sentence once."""
        if sentence not in self.warnings and len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(sentence)

    def _miss(self, until: int) -> None:
        count = max(0, until - self._next)
        self.frames_in += count
        self.lost_frames += count
        self._list(
            self.lost, [Lost(frame, MISSING) for frame in range(self._next, min(until, self._next + MAX_LISTED))]
        )

    @staticmethod
    def _list(entries: list[T], more: list[T]) -> None:
        entries.extend(more[: MAX_LISTED - len(entries)])
