"""One rule for a source's own time line: from what its clocks show to when its frames are shown. Pure.

The output begins when the source does, at zero. Where another clock goes on (clocks.py says where), its
part follows when all that was before it is over: all streams by the same amount, so that sound and pictures stay in
step, nothing lies on top of another, and each frame lasts as long as it did.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, NamedTuple

from moviola.base.mapped import Mapped, Ticks
from moviola.base.records import record
from moviola.media.fidelity import Fate, Finding
from moviola.media.video.reading.clocks import WRAP, Clocks, Role, Run, Stream

LATE_S: Final = Fraction(1, 2)
"""A file with a time line of its own that begins earlier than this begins at its zero: encoders and muxers make such
starts themselves, by reordering (a few frames) and by a sound's run-up (up to 0.1 s)."""


ROUNDING_S: Final = Fraction(1, 1000)
"""How far apart sound and pictures may begin that begin together: containers round by as much."""

MAX_SAID: Final = 10
"""Joints that are told one by one; a recording that lost its signal often has hundreds."""


class Shift(NamedTuple):
    """From which packet of a stream on its times are moved, and by how much, in its ticks."""

    first: int
    ticks: int


@record
class Stretch(Mapped):
    """From when on times of the output are times of the source, moved; in ticks of the filtered stream.

    Attributes:
        begin: the first time in the output.
        offset: what was added to the source's time.
    """

    begin: Ticks
    offset: Ticks


class Joint(NamedTuple):
    """Where another clock goes on; seconds.

    Attributes:
        at_s: when, in the output.
        before_s: what the old clock showed at the end.
        after_s: what the new one shows.
        gap_s: for how long the last frame before it stays longer, until all sound is over.
    """

    at_s: Fraction
    before_s: Fraction
    after_s: Fraction
    gap_s: Fraction


@dataclass(frozen=True, slots=True)
class Timeline:
    """Tells by how much the times of each packet are moved, from the source's clocks to the output's.

    Attributes:
        shifts: of each stream, by its index, by rising packets.
        start_s: when the source begins by its own clock; what is taken off all times.
        joints: where parts are joined, in order.
        wraps: how often a clock of MPEG began at zero again, of all parts.
        ends: when each stream's last packet is over, in its ticks, in the output.
        lasts: when each stream's last packet begins.
    """

    shifts: Mapping[int, Sequence[Shift]] = field(default_factory=dict)
    start_s: Fraction = Fraction(0)
    joints: Sequence[Joint] = ()
    wraps: int = 0
    ends: Mapping[int, int] = field(default_factory=dict)
    lasts: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_moved(self) -> bool:
        """True if any time is another in the output."""
        return any(shift.ticks for shifts in self.shifts.values() for shift in shifts)

    def shift_of(self, stream: int, number: int) -> int:
        """Return by how many ticks a packet of a stream is moved; `number` counts its packets."""
        shifts = self.shifts.get(stream, ())
        at = bisect_right(shifts, number, key=lambda shift: shift.first) - 1
        return shifts[at].ticks if at >= 0 else 0

    def move(self, packet: Any, number: int) -> Any:
        """Give a packet its times in the output, and return it; `number` counts those of its stream."""
        if ticks := self.shift_of(packet.stream_index, number):
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        return packet

    def mover(self) -> Callable[[Any], Any]:
        """Return `move` for the packets of one pass over the file, which counts them."""
        counts: Counter[int] = Counter()

        def move(packet: Any) -> Any:
            counts[packet.stream_index] += 1
            return self.move(packet, counts[packet.stream_index] - 1)

        return move

    def moved(self, stream: int, times: Sequence[int | None]) -> list[int | None]:
        """Return the times of all packets of a stream, moved."""
        told = list(times)
        for ticks, packets in self._spans(stream, len(told)):
            if ticks:
                told[packets] = [None if at is None else at + ticks for at in told[packets]]
        return told

    def stretches(self, stream: int, times: Sequence[int | None]) -> list[Stretch]:
        """Return how times of a stream in the output are mapped back; `times` are those of its packets, moved."""
        told = []
        for ticks, packets in self._spans(stream, len(times)):
            known = [at for at in times[packets] if at is not None]
            if known:
                told.append(Stretch(min(known), ticks))
        return sorted(told, key=lambda each: each.begin)

    def _spans(self, stream: int, count: int) -> Iterator[tuple[int, slice]]:
        """Yield (ticks, packets) for each run of a stream's first `count` packets that is moved by so many ticks."""
        shifts = self.shifts.get(stream, ())
        if shifts:
            for one, following in pairwise([*shifts, Shift(count, 0)]):
                yield one.ticks, slice(one.first, following.first)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def source_time(stretches: Sequence[Stretch], at: int) -> int:
    """Return the source's own time of what the output shows at `at`; both in ticks of the filtered stream."""
    place = max(0, bisect_right(stretches, at, key=lambda each: each.begin) - 1)
    return at - stretches[place].offset if stretches else at


def findings_of(timeline: Timeline) -> Iterator[Finding]:
    """Yield what is not as the source's clocks show it."""
    start_s = float(timeline.start_s)
    if start_s > 0:
        yield _changed(f"begins at {start_s:.3f} s: taken off all times, so that the output begins at zero")
    elif start_s < 0:
        yield _changed(f"begins {-start_s:.6f} s before zero: added to all times, so that the output begins at zero")
    if timeline.wraps:
        yield _changed(f"began at zero again {_times(timeline.wraps)}, after 2**33 ticks: times go on")
    for joint in timeline.joints[:MAX_SAID]:
        gap = f"; the frame before stays {float(joint.gap_s * 1000):.0f} ms longer, until the sound is over"
        yield _changed(
            f"jumps from {float(joint.before_s):.3f} s to {float(joint.after_s):.3f} s: joined, sound in step, at "
            f"{float(joint.at_s):.3f} s{gap if joint.gap_s > 0 else ''}"
        )
    if len(timeline.joints) > MAX_SAID:
        yield _changed(f"jumps {_times(len(timeline.joints) - MAX_SAID)} more: joined in the same way")


def _changed(reason: str) -> Finding:
    return Finding("clock", Fate.CHANGED, reason)


def timeline_of(clocks: Clocks) -> Timeline:
    """Return the time line of all packets that were read so far."""
    start_s = _start_s(clocks)
    offsets = [-start_s]
    joints = []
    ends: dict[int, Fraction] = {}
    _reach(clocks, 0, offsets[0], ends)
    for part in range(1, clocks.part_count):
        begins = {index: _begin_s(stream, part) for index, stream in clocks.streams.items() if stream.counts}
        known = {index: begin for index, begin in begins.items() if begin is not None}
        if not any(clocks.streams[index].told.role is Role.VIDEO for index in known):
            known = {}  # sound alone that goes back: a container that tells its times badly, not another recording
        both = [index for index in known if index in ends]
        before = ends.copy()
        if both:
            leader = max(both, key=lambda index: ends[index] - known[index])
            offset = ends[leader] - known[leader]
            if abs(offset - offsets[-1]) < _usual_s(clocks.streams[leader], part) / 2:
                offset = offsets[-1]  # the same clock: only its packets lie in another order
        elif known:
            offset = max(ends.values(), default=Fraction(0)) - min(known.values())
        else:
            offset = offsets[-1]
        if offset != offsets[-1]:
            joints.append(_joint(clocks, offsets[-1], offset, known, before))
        offsets.append(offset)
        _reach(clocks, part, offset, ends)
    own = {index: stream for index, stream in clocks.streams.items() if not stream.is_foreign}
    shifts = {index: _shifts(stream, offsets) for index, stream in own.items()}
    return Timeline(
        shifts,
        start_s,
        joints,
        _wraps(clocks),
        {index: _latest(stream, shifts[index], lambda run: run.end) for index, stream in own.items()},
        {index: _latest(stream, shifts[index], lambda run: run.last) for index, stream in own.items()},
    )


def _start_s(clocks: Clocks) -> Fraction:
    """Return when the source begins by its own clock, which is when the output begins.

    An MPEG clock may show anything then: the source begins with its first picture or sound. Elsewhere zero is what
    the author meant, and the source begins there. But if a picture is shown before zero, it begins with that; and if
    nothing is shown or heard before LATE_S, it begins with the first picture or sound.
    """
    pictures = [_begin_s(stream, 0) for stream in clocks.streams.values() if stream.told.role is Role.VIDEO]
    sounds = [
        _heard_s(stream, 0) for stream in clocks.streams.values() if stream.counts and stream.told.role is Role.SOUND
    ]
    seen = min((at for at in pictures if at is not None), default=None)
    first = min((at for at in (seen, *sounds) if at is not None), default=Fraction(0))
    if seen is not None and seen - first <= ROUNDING_S:
        first = seen
    if clocks.is_mpeg:
        return first
    if seen is not None and seen < 0:
        return seen
    return first if first >= LATE_S else Fraction(0)


def _usual_s(stream: Stream, part: int) -> Fraction:
    return next(run.usual for run in _runs(stream, part)) * stream.told.base


def _runs(stream: Stream, part: int) -> Iterator[Run]:
    first = bisect_left(stream.runs, part, key=lambda run: run.part)
    after = bisect_right(stream.runs, part, lo=first, key=lambda run: run.part)
    return (run for run in stream.runs[first:after] if run.begin is not None)


def _at_s(stream: Stream, run: Run, ticks: int) -> Fraction:
    return (ticks + run.turns * WRAP) * stream.told.base


def _begin_s(stream: Stream, part: int) -> Fraction | None:
    run = next(_runs(stream, part), None)
    return None if run is None or run.begin is None else _at_s(stream, run, run.begin)


def _heard_s(stream: Stream, part: int) -> Fraction | None:
    run = next(_runs(stream, part), None)
    return None if run is None or run.heard is None else _at_s(stream, run, run.heard)


def _reach(clocks: Clocks, part: int, offset: Fraction, ends: dict[int, Fraction]) -> None:
    """Note until when each stream lasts in the output once this part is added, moved by `offset` seconds."""
    for index, stream in clocks.streams.items():
        if stream.counts:
            for run in _runs(stream, part):
                end = _at_s(stream, run, run.over) + offset
                ends[index] = max(ends.get(index, end), end)


def _joint(
    clocks: Clocks, old: Fraction, new: Fraction, begins: Mapping[int, Fraction], ends: Mapping[int, Fraction]
) -> Joint:
    video = next((index for index, each in clocks.streams.items() if each.told.role is Role.VIDEO), None)
    at = begins[video] + new if video is not None and video in begins else min(begins.values()) + new
    before = ends[video] if video is not None and video in ends else max(ends.values(), default=at)
    return Joint(at, before - old, at - new, at - before)


def _shifts(stream: Stream, offsets: Sequence[Fraction]) -> list[Shift]:
    told: list[Shift] = []
    for run in stream.runs:
        ticks = round(offsets[run.part] / stream.told.base) + run.turns * WRAP
        if not told or told[-1].ticks != ticks:
            told.append(Shift(run.first, ticks))
    return told


def _latest(stream: Stream, shifts: Sequence[Shift], of: Callable[[Run], int]) -> int:
    table = Timeline({0: shifts})
    return max((of(run) + table.shift_of(0, run.first) for run in stream.runs if run.begin is not None), default=0)


def _wraps(clocks: Clocks) -> int:
    """Return how often a clock of MPEG passed its end: seen here, or by FFmpeg, which then tells times beyond it or
    before zero."""
    if not clocks.is_mpeg:
        return 0
    wraps = 0
    for part in range(clocks.part_count):
        crossed = 0
        for stream in (each for each in clocks.streams.values() if each.counts):
            runs = list(_runs(stream, part))
            if runs:
                earliest = min((run.begin or 0) + run.turns * WRAP for run in runs)
                latest = max(run.last + run.turns * WRAP for run in runs)
                crossed = max(crossed, latest // WRAP - earliest // WRAP)
        wraps += crossed
    return wraps
