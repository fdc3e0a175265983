"""What is wrong with the frames of a video: packets and times of its file beside those of the manifest.

Frames are compared in the order in which they are shown, and numbered so, from 0.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby

from moviola.media.manifest.reader import Manifest
from moviola.verification.alignment import NOWHERE, Alignment, align
from moviola.verification.findings import (
    Fault,
    Problem,
    bounded,
    clock,
    how_late,
    ranges,
    span,
    those,
    tolerance_s,
    verb,
)
from moviola.verification.packets import FoundFile, FoundStream

SUBJECT = "frames"


@dataclass(slots=True)
class Row:
    """Frames in the order in which they are shown: the CRC of each, and its time in seconds."""

    keys: list[int]
    times_s: list[float]
    order: list[int]
    """The place of each in the file."""


@dataclass(slots=True)
class FramesFound:
    """What became of the frames that were made.

    Attributes:
        intact: how many are there as they were made.
        offset_s: by how much all of them are later; None where the file does not tell when they are shown.
        is_other: not one is there.
    """

    problems: list[Problem] = field(default_factory=list)
    intact: int = 0
    offset_s: float | None = None
    is_other: bool = False


def compare_frames(manifest: Manifest, file: FoundFile) -> FramesFound:
    """Return what became of the frames that a manifest tells of."""
    recorded, found = manifest.streams[0], file.streams[0]
    made = _row(recorded.pts, recorded.crc, float(recorded.line.time_base), by_time=found.has_times)
    there = _row(found.pts, found.crc, float(found.time_base), by_time=found.has_times)
    alignment = align(made.keys, there.keys)
    if made.keys and alignment.place.count(NOWHERE) == len(made.keys) and there.keys:
        return FramesFound(is_other=True)
    tolerance = tolerance_s(recorded.line.time_base, found.time_base)
    comparison = _Comparison(made, there, alignment, tolerance)
    told = FramesFound(intact=sum(place != NOWHERE for place in alignment.place))
    told.problems += bounded(comparison.gaps())
    told.problems += bounded(comparison.moves())
    if found.has_times:
        told.offset_s = comparison.offset_s
        told.problems += bounded(comparison.retimed())
    if file.is_decoded:
        told.problems += _undecodable(found, there, has_problems=bool(told.problems))
    return told


def _row(pts: Sequence[int], crc: Sequence[int], base_s: float, *, by_time: bool) -> Row:
    order = sorted(range(len(pts)), key=pts.__getitem__) if by_time else list(range(len(pts)))
    return Row([crc[at] for at in order], [pts[at] * base_s for at in order], order)


class _Comparison:
    """The frames made, those found, and which are which."""

    def __init__(self, made: Row, found: Row, alignment: Alignment, tolerance_s: float) -> None:
        self._made, self._found, self._alignment, self._tolerance_s = made, found, alignment, tolerance_s
        self._stayed = [
            number for number, place in enumerate(alignment.place) if place != NOWHERE and number not in alignment.moved
        ]
        self._number_at = {place: number for number, place in enumerate(alignment.place) if place != NOWHERE}
        self.offset_s = self._offset_s()
        self._passed: list[tuple[int, int]] = []  # (first, last) of frames that moved, with those they passed

    def _delta_s(self, number: int) -> float:
        return self._found.times_s[self._alignment.place[number]] - self._made.times_s[number]

    def _offset_s(self) -> float:
        """Return by how many seconds all frames are shown later: the most common delay, or 0 if that or the delay of
        the first frame is as good as none."""
        if not self._stayed:
            return 0.0
        usual = Counter(round(self._delta_s(number) / self._tolerance_s) for number in self._stayed)
        step = usual.most_common(1)[0][0]
        first = self._delta_s(self._stayed[0])
        if abs(first) <= self._tolerance_s or abs(step) <= 1:
            return 0.0
        return next(delta for each in self._stayed if round((delta := self._delta_s(each)) / self._tolerance_s) == step)

    # ── missing, altered, repeated, added ────────────────────────────────────────────────────────────────────────

    def gaps(self) -> Iterator[Problem]:
        """Yield the problems of frames that are missing, altered, there more than once, or were never made."""
        known = {key: number for number, key in reversed(list(enumerate(self._made.keys)))}
        missing, altered, repeated, added = list[int](), list[int](), Counter[int](), list[int]()
        for gone, came in self._alignment.gaps():
            foreign = [place for place in came if self._found.keys[place] not in known]
            repeated.update(known[self._found.keys[place]] for place in came if self._found.keys[place] in known)
            pairs = dict(self._altered(gone, foreign))
            altered += pairs
            missing += [number for number in gone if number not in pairs]
            paired = set(pairs.values())
            added += [place for place in foreign if place not in paired]
        yield from self._missing(missing)
        for first, last in ranges(altered):
            yield self._of(Fault.ALTERED, first, last, f"{verb(first, last)} altered")
        for first, last in ranges(sorted(repeated)):
            times = repeated[first] + 1
            said = "twice" if times == 2 else f"{times} times"
            yield self._of(Fault.REPEATED, first, last, f"{verb(first, last)} there {said}")
        for place in added:
            at_s = self._found.times_s[place]
            text = f"A frame at {clock(at_s)} is not one of those that were made"
            yield Problem(Fault.ADDED, SUBJECT, text, start_s=at_s, end_s=at_s)

    def _altered(self, gone: list[int], foreign: list[int]) -> Iterator[tuple[int, int]]:
        """Yield (frame, place) for each foreign frame that stands where a missing one should be: the missing frame that
        should be shown at its time, else the next missing one."""
        left = _Left(gone, self._made.times_s)
        for place in foreign:
            number = left.take(self._found.times_s[place] - self.offset_s, self._tolerance_s)
            if number is not None:
                yield number, place

    def _missing(self, missing: list[int]) -> Iterator[Problem]:
        end = len(self._made.keys) - 1
        for first, last in ranges(missing):
            if last == end and (first, last) != (0, end):
                text = f"the end is cut off: {those('frame', first, last)} {self._span(first, last)}"
                yield self._problem(Fault.CUT_OFF, first, last, f"{text} {verb(first, last)} missing")
            else:
                yield self._of(Fault.MISSING, first, last, f"{verb(first, last)} missing")

    # ── reordered ────────────────────────────────────────────────────────────────────────────────────────────────

    def moves(self) -> Iterator[Problem]:
        """Yield the problems of frames in another order. Frames that moved, and those they passed, are then left out by
        `retimed`."""
        swapped = {number for pair in self._alignment.swaps for number in pair}
        for one, two in self._alignment.swaps:
            text = f"frames {one} and {two} {self._span(one, two)} have changed places"
            yield self._problem(Fault.REORDERED, one, two, text)
        for first, last in ranges(sorted(self._alignment.moved - swapped)):
            before, after = self._neighbours(first, last)
            around = [each for each in (first, last, before, after) if each is not None]
            self._passed.append((min(around), max(around)))
            where = "at the beginning" if before is None else f"behind frame {before}"
            yield self._of(Fault.REORDERED, first, last, f"{verb(first, last)} out of order: {where}")

    def _neighbours(self, first: int, last: int) -> tuple[int | None, int | None]:
        """Return the frames that are now shown directly before and after a range of frames; None where none is."""
        place = self._alignment.place
        return self._number_at.get(place[first] - 1), self._number_at.get(place[last] + 1)

    # ── times ────────────────────────────────────────────────────────────────────────────────────────────────────

    def retimed(self) -> Iterator[Problem]:
        """Yield the problems of frames that are shown earlier or later than they should. To be called after `moves`."""
        late: list[tuple[int, float]] = []
        passed = self._passings()
        for number in self._stayed:
            delta_s = self._delta_s(number) - self.offset_s
            if abs(delta_s) > self._tolerance_s and not passed[number]:
                late.append((number, delta_s))
        for _, group in groupby(enumerate(late), lambda one: (one[1][0] - one[0], self._rounded(one[1][1]))):
            run = [each for _, each in group]
            (first, delta_s), (last, _) = run[0], run[-1]
            yield self._of(Fault.RETIMED, first, last, f"{verb(first, last)} shown {how_late(delta_s)}")

    def _passings(self) -> list[int]:
        """Return for each frame how many runs of moved frames have passed it, or hold it."""
        steps = [0] * (len(self._made.keys) + 1)
        for first, last in self._passed:
            steps[first] += 1
            steps[last + 1] -= 1
        return list(accumulate(steps))

    def _rounded(self, delta_s: float) -> int:
        return round(delta_s / self._tolerance_s)

    # ── sentences ────────────────────────────────────────────────────────────────────────────────────────────────

    def _span(self, first: int, last: int) -> str:
        return span(self._made.times_s[first], self._made.times_s[last])

    def _of(self, fault: Fault, first: int, last: int, what: str) -> Problem:
        return self._problem(fault, first, last, f"{those('frame', first, last)} {self._span(first, last)} {what}")

    def _problem(self, fault: Fault, first: int, last: int, text: str) -> Problem:
        times_s = self._made.times_s
        return Problem(fault, SUBJECT, text[0].upper() + text[1:], first, last, times_s[first], times_s[last])


class _Left:
    """The missing frames of a gap, as long as no other frame is known to stand in their place.

    Of a film of which little is left, most frames are in one gap: to look at each of them for each other would take
    hours.
    """

    def __init__(self, numbers: Sequence[int], times_s: Sequence[float]) -> None:
        self._numbers, self._times_s = numbers, times_s  # both rise, if the file tells times at all
        self._next = list(range(len(numbers) + 1))  # for each place itself, or one behind it if it is taken

    def take(self, time_s: float, tolerance_s: float) -> int | None:
        """Take out the first frame that is to be shown at this time, else the first of all; None where none is left."""

        def late_s(number: int) -> float:
            return self._times_s[number] - time_s

        at = self._left_from(bisect_left(self._numbers, -tolerance_s, key=late_s))
        if at == len(self._numbers) or abs(late_s(self._numbers[at])) > tolerance_s:
            at = self._left_from(0)
        if at == len(self._numbers):
            return None
        self._next[at] = at + 1
        return self._numbers[at]

    def _left_from(self, at: int) -> int:
        """Return the first place from this one on that is not taken. Ways that were long are short the next time."""
        while (behind := self._next[at]) != at:
            self._next[at] = at = self._next[behind]
        return at


def _undecodable(found: FoundStream, there: Row, *, has_problems: bool) -> Iterator[Problem]:
    if found.undecodable:
        rank = {place: number for number, place in enumerate(there.order)}
        at_s = there.times_s[rank[found.undecodable[0]]] if there.order else 0.0
        count = len(found.undecodable)
        many = "1 packet cannot be decoded" if count == 1 else f"{count} packets cannot be decoded"
        text = f"{many}: {'it' if count == 1 else 'the first one'} is shown at {clock(at_s)}"
        yield Problem(Fault.UNDECODABLE, SUBJECT, text, start_s=at_s, end_s=at_s)
    elif found.decoded_count != len(found.pts) and not has_problems:
        text = f"The video decodes to {found.decoded_count} of {len(found.pts)} frames"
        yield Problem(Fault.UNDECODABLE, SUBJECT, text)
