"""Which packets of a file one clock timed. Pure: it is given times, packet by packet, in the order of the file.

A recording has one clock for all of its streams. Where recordings were joined, or a recorder began anew, another
clock goes on, in each stream at its own place in the file. The packets of one clock are a *part* of the file. A stream
whose times alone are wrong for a while makes no part: its sound and pictures would get out of step.

A transport stream may hold several programmes beside each other, each with a clock of its own (ISO/IEC 13818-1, 2.4.4).
A stream that has never been near the clock of the video is *foreign*: it is of another programme.

FFmpeg's own tools decide by the same distances (fftools, options `dts_delta_threshold` and `dts_error_threshold`), but
look at one stream at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Final

MPEG_FORMATS: Final = frozenset({"mpegts", "mpeg"})
"""FFmpeg's names of the containers whose times are readings of a clock that began at any time (ISO/IEC 13818-1,
2.4.2.1). In all others they are places on a time line that begins at zero."""

WRAP: Final = 2**33
"""After so many ticks of 1/90000 s such a clock begins at zero (ISO/IEC 13818-1, 2.4.3.7)."""

FAR_S: Final = 10.0
"""A clock of MPEG that goes on by more is another one: FFmpeg's `dts_delta_threshold`. Recorders write something each
0.7 s (ISO/IEC 13818-1, 2.7.4), so a shorter gap is a pause or a loss, and stays as long as it was."""

BACK_S: Final = 0.1
"""Decoding never goes back. Muxers round, and times that are interpolated jitter, by less: FFmpeg allows as much."""

STAY_S: Final = 1.0
"""How long a stream may go on by the old clock after another clock has begun in another stream: streams lie beside
each other in a file by about as much. If it goes on for longer, there is no other clock."""


MAX_PARTS: Final = 10_000
"""Parts of a file; of a clock that jumps more often nothing is believed behind that. Each is told in the submission."""


class Role(Enum):
    """What a stream's times tell of the clock."""

    VIDEO = "video"
    SOUND = "sound"
    SPARSE = "sparse"  # such as subtitles: nothing, they come when there is something to read


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a stream before its first packet.

    Attributes:
        role: of the stream.
        base (s): unit of its times.
        runs_up: the first packet of its sound is what a decoder needs before it gives whole sound.
    """

    role: Role
    base: Fraction
    runs_up: bool = False


@dataclass(slots=True)
class Run:
    """Consecutive packets of a stream that one clock timed; times in ticks of the stream.

    Attributes:
        first: number of its first packet in the stream.
        part: of the file.
        turns: how often the clock had begun at zero again by then; each is WRAP ticks.
        begin: when the earliest packet that is shown begins; None as long as there is none.
        heard: when whole sound begins: with the first packet, or, where a decoder needs that one first (`runs_up`) and
            the container does not tell what of it is skipped, when it ends.
        last: when the latest packet begins.
        end: when the latest packet is over, as far as its duration is known.
        count: packets that are shown.
    """

    first: int
    part: int
    turns: int
    begin: int | None = None
    heard: int | None = None
    last: int = 0
    end: int = 0
    count: int = 0

    @property
    def usual(self) -> int:
        """Return how long a packet lasts as a rule."""
        return max(1, (self.last - (self.begin or 0)) // (self.count - 1) if self.count > 1 else 0)

    @property
    def over(self) -> int:
        """Return when the run is over; where the last packet's duration is not known, after a packet of the usual
        length."""
        return self.end if self.end > self.last else self.last + self.usual

    def add(self, pts: int, duration: int, skipped: int, *, runs_up: bool) -> None:
        """Take a packet that is shown from `pts` on, but for its first `skipped` ticks."""
        begin = pts + skipped
        if self.begin is None:
            self.heard = begin + duration if runs_up and not skipped else begin
            self.begin, self.last, self.end = begin, pts, pts + duration
        self.count += 1
        self.begin = min(self.begin, begin)
        self.last, self.end = max(self.last, pts), max(self.end, pts + duration)


@dataclass(slots=True)
class Stream:
    """A stream and its runs so far; times in seconds."""

    told: Told
    is_near: bool = False  # some packet was near the video's clock
    is_foreign: bool = False  # none was, and one was far from it
    runs: list[Run] = field(default_factory=list)  # by rising parts
    count: int = 0  # packets
    part: int = 0
    turns: int = 0
    last_s: float = 0.0  # when the packet that was read last is decoded
    next_s: float = 0.0  # when the next one should be

    @property
    def tick_s(self) -> float:
        """Unit of its times, in seconds."""
        return float(self.told.base)

    @property
    def counts(self) -> bool:
        """True if its times tell of the video's clock."""
        return bool(self.runs) and not self.is_foreign and self.told.role is not Role.SPARSE


@dataclass(slots=True)
class _Part:
    begin_s: float  # what its clock showed first
    now_s: float  # what its clock shows
    streams: set[int]
    expected_s: dict[int, float]  # what was expected next of each stream when it began


class Clocks:
    """Sorts packets into parts, as they come.

    Args:
        streams: what is known of each, by its index in the file.
        is_mpeg: the file is one of MPEG_FORMATS.
    """

    def __init__(self, streams: Mapping[int, Told], *, is_mpeg: bool) -> None:
        self.streams = {index: Stream(told) for index, told in streams.items()}
        self.is_mpeg = is_mpeg
        self._parts: list[_Part] = []

    @property
    def foreign(self) -> list[int]:
        """The indexes of streams that are of another programme."""
        return [index for index, stream in self.streams.items() if stream.is_foreign]

    @property
    def part_count(self) -> int:
        """How many parts there are so far: at least one."""
        return max(1, len(self._parts))

    def add(
        self, index: int, pts: int | None, dts: int | None, duration: int = 0, *, shown: bool = True, skipped: int = 0
    ) -> None:
        """Take the next packet of a stream; times in its ticks.

        `skipped` is for how long at its beginning it is not heard.
        """
        stream = self.streams[index]
        if dts is not None:
            self._place(index, stream, dts, duration)
        if not stream.runs:
            self._run(stream, max(0, len(self._parts) - 1), 0)
        if shown and pts is not None:
            stream.runs[-1].add(pts, duration, skipped, runs_up=stream.told.runs_up)
        stream.count += 1

    def _place(self, index: int, stream: Stream, dts: int, duration: int) -> None:
        """Find the part that a packet belongs to, and what its clock shows."""
        at_s = dts * stream.tick_s
        if not self._parts:
            if stream.told.role is Role.SPARSE:
                return
            self._parts.append(_Part(at_s, at_s, {index}, {}))
        if self.is_mpeg and not stream.is_near and not self._comes_near(index, stream, dts):
            return
        newest = len(self._parts) - 1
        if stream.told.role is Role.SPARSE:
            nearest = min(range(stream.part, newest + 1), key=lambda part: (abs(self._distance(part, at_s)), -part))
            self._go_on(stream, nearest, self._turns(stream, dts, self._parts[nearest].now_s))
            return
        if not stream.runs:
            self._go_on(stream, newest, self._turns(stream, dts, self._parts[newest].now_s))
        else:
            self._follow(index, stream, dts)
        at_s = (dts + stream.turns * WRAP) * stream.tick_s
        part = self._parts[stream.part]
        part.streams.add(index)
        part.now_s = at_s
        stream.last_s, stream.next_s = at_s, at_s + duration * stream.tick_s

    def _comes_near(self, index: int, stream: Stream, dts: int) -> bool:
        """Return True if a packet is near the video's clock, so that its stream is not foreign any more.

        A picture always is: where the first one is by another clock than all before it, these were foreign.
        """
        newest = self._parts[-1]
        at_s = (dts + self._turns(stream, dts, newest.now_s) * WRAP) * stream.tick_s
        parts = self._parts[-2:] if stream.told.role is Role.SPARSE else [newest]
        stream.is_near = any(
            (part.now_s if stream.is_foreign else part.begin_s) - FAR_S <= at_s <= part.now_s + FAR_S for part in parts
        )
        if stream.told.role is Role.VIDEO and not stream.is_near:
            self._begin_anew(index, at_s)
        elif stream.is_near and stream.is_foreign:
            if stream.part != len(self._parts) - 1:
                stream.runs.clear()  # all of it is of the newest part, which began a packet or two too late
            stream.last_s = stream.next_s = at_s
        stream.is_foreign = not stream.is_near
        return stream.is_near

    def _begin_anew(self, index: int, at_s: float) -> None:
        """Make what a picture shows the clock of the first part, and all streams before it foreign."""
        self._withdraw(1)
        self._parts = [_Part(at_s, at_s, {index}, {})]
        for each, stream in self.streams.items():
            stream.is_near, stream.is_foreign = each == index, bool(stream.runs)

    def _follow(self, index: int, stream: Stream, dts: int) -> None:
        turns = self._turns(stream, dts, stream.next_s)
        at_s = (dts + turns * WRAP) * stream.tick_s
        newest = len(self._parts) - 1
        jumps = at_s < stream.last_s - BACK_S or (
            self.is_mpeg and at_s - stream.next_s > FAR_S and not self._is_pause(index, stream, at_s)
        )
        if stream.part < newest:
            away_s = abs(self._distance(newest, dts * stream.tick_s))
            unlike = at_s < stream.last_s or at_s - stream.next_s > FAR_S / 2  # by a little less than it must be alone
            if away_s <= FAR_S and (jumps or (unlike and away_s < abs(at_s - stream.next_s))):
                self._go_on(stream, newest, 0)
                return
            if not jumps and at_s - self._parts[newest].expected_s.get(index, at_s) > STAY_S:
                self._withdraw(stream.part + 1)
        elif self._returns(index, stream, at_s):
            self._withdraw(newest)
            jumps = False
        if jumps and newest + 1 < MAX_PARTS:
            expected_s = {each: other.next_s for each, other in self.streams.items() if other.runs}
            at_s = dts * stream.tick_s
            self._parts.append(_Part(at_s, at_s, set(), expected_s))
            self._go_on(stream, len(self._parts) - 1, 0)
        else:
            self._go_on(stream, stream.part, turns)

    def _is_pause(self, index: int, stream: Stream, at_s: float) -> bool:
        """True if another stream by the same clock has come to this time: the stream alone had nothing to tell."""
        return any(
            each != index and other.counts and other.part == stream.part and abs(other.last_s - at_s) <= FAR_S
            for each, other in self.streams.items()
        )

    def _returns(self, index: int, stream: Stream, at_s: float) -> bool:
        """True if a stream goes on where it was before a short while that no other stream took part in."""
        part = self._parts[stream.part]
        if stream.part == 0 or part.streams != {index}:
            return False
        before_s = part.expected_s.get(index)
        return before_s is not None and abs(at_s - before_s) <= STAY_S and abs(at_s - stream.next_s) > BACK_S

    def _turns(self, stream: Stream, dts: int, expected_s: float) -> int:
        """Return how often the clock has begun at zero again, by the time that is expected; as often as before if no
        number comes near that time."""
        if not self.is_mpeg:
            return 0
        turns = round((expected_s / stream.tick_s - dts) / WRAP)
        return turns if abs((dts + turns * WRAP) * stream.tick_s - expected_s) <= FAR_S else stream.turns

    def _distance(self, part: int, at_s: float) -> float:
        return at_s - self._parts[part].now_s

    def _go_on(self, stream: Stream, part: int, turns: int) -> None:
        if not stream.runs or part != stream.part or turns != stream.turns:
            self._run(stream, part, turns)

    def _run(self, stream: Stream, part: int, turns: int) -> None:
        stream.part, stream.turns = part, turns
        stream.runs.append(Run(stream.count if stream.runs else 0, part, turns))

    def _withdraw(self, part: int) -> None:
        """Join the parts from this one on to the part before, because they are not of another clock."""
        del self._parts[part:]
        for stream in self.streams.values():
            stream.part = min(stream.part, part - 1)
            for run in reversed(stream.runs):
                if run.part < part:
                    break
                run.part = part - 1
