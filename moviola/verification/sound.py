"""What is wrong with the streams beside the video: sound and subtitles, by blocks of packets and the times of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final

from moviola.media.manifest.reader import RecordedStream
from moviola.verification.alignment import NOWHERE, Alignment, align
from moviola.verification.findings import Fault, Problem, clock, how_late, span, tolerance_s
from moviola.verification.packets import FoundStream

MAX_STEPS: Final = 5
"""Changes of a stream's delay that are told one by one; more of them are a drift."""


@dataclass(frozen=True, slots=True)
class Delay:
    """From `at_s` (s) on, a stream is `delta_s` (s) later than the video."""

    at_s: float
    delta_s: float


def name_of(number: int, stream: RecordedStream | FoundStream) -> str:
    """Return what people call a stream."""
    line = stream.line if isinstance(stream, RecordedStream) else stream
    return f"stream {number} ({line.type}, {line.codec})"


def pairs_of(made: list[RecordedStream], found: list[FoundStream]) -> list[FoundStream | None]:
    """Return the stream of the file that corresponds to each recorded one: of the same type, with the same bytes if
    there is such a one, else the next that is left; None where none is left."""
    left = list(found)
    chosen: list[FoundStream | None] = []
    for one in made:
        alike = [each for each in left if each.type == one.line.type]
        same = [each for each in alike if each.total_crc == one.total.crc]
        best = next(iter([*same, *alike]), None)
        if best is not None:
            left.remove(best)
        chosen.append(best)
    return chosen


def compare_stream(number: int, made: RecordedStream, found: FoundStream, offset_s: float | None) -> list[Problem]:
    """Return what is wrong with a stream.

    Args:
        offset_s: by how much the video is later than it was made; None where the file does not tell its times, so that
            nothing can be in step with it, or out of it.
    """
    if found.codec != made.line.codec:
        text = f"{name_of(number, made)} is encoded anew, as {found.codec}"
        return [Problem(Fault.ALTERED, name_of(number, made), _capital(text))]
    comparison = _Comparison(number, made, found, offset_s or 0.0)
    has_times = offset_s is not None and found.has_times
    is_whole = (len(found.crc), found.total_crc, found.size) == (len(made.crc), made.total.crc, made.total.size)
    if found.total_crc == made.total.crc and found.size == made.total.size and not is_whole:
        return list(comparison.edges()) if has_times else []  # the same bytes, in other packets
    return [*comparison.gaps(), *(comparison.delays() if has_times else ())]


class _Comparison:
    def __init__(self, number: int, made: RecordedStream, found: FoundStream, offset_s: float) -> None:
        self._subject = name_of(number, made)
        self._made, self._found, self._offset_s = made, found, offset_s
        self._made_s, self._found_s = float(made.line.time_base), float(found.time_base)
        self._tolerance_s = tolerance_s(made.line.time_base, found.time_base)
        self._made_starts = list(accumulate(made.counts, initial=0))
        self._found_starts = list(accumulate(found.counts, initial=0))

    @cached_property
    def _alignment(self) -> Alignment:
        """Return where each block is. It is computed when first asked for, which is never where the same bytes are in
        other packets: no block is the same then."""
        return align(self._made.crc, self._found.crc)

    def gaps(self) -> Iterator[Problem]:
        """Yield what is missing, altered or out of order."""
        for gone, came in self._alignment.gaps():
            there = sum(self._found.counts[place] for place in came)
            if not gone:
                at_s = self._found.pts[self._found_starts[came[0]]] * self._found_s - self._offset_s
                yield self._problem(Fault.ADDED, at_s, at_s, f"has {there} more packets at {clock(at_s)}")
                continue
            first, stop = self._made_starts[gone[0]], self._made_starts[gone[-1] + 1]
            start_s, end_s = self._made.pts[first] * self._made_s, self._made.pts[stop - 1] * self._made_s
            yield self._gap(stop - first, there, start_s, end_s, is_end=gone[-1] + 1 == len(self._made.crc))
        for one in sorted(self._alignment.moved):
            at_s = self._made.pts[self._made_starts[one]] * self._made_s
            yield self._problem(Fault.REORDERED, at_s, at_s, f"is out of order: what was at {clock(at_s)} is elsewhere")

    def _gap(self, wanted: int, there: int, start_s: float, end_s: float, *, is_end: bool) -> Problem:
        where = span(start_s, end_s)
        if not there:
            fault = Fault.CUT_OFF if is_end else Fault.MISSING
            what = "is cut off" if is_end else "has a hole"
            return self._problem(fault, start_s, end_s, f"{what}: {_packets(wanted)} {where} missing")
        if there < wanted and is_end:
            return self._problem(
                Fault.CUT_OFF, start_s, end_s, f"is cut off: {_packets(wanted - there)} missing of the last {wanted}"
            )
        fewer = f", {wanted - there} fewer than there were" if there < wanted else ""
        more = f", {there - wanted} more than there were" if there > wanted else ""
        fault = Fault.MISSING if there < wanted else Fault.ALTERED
        return self._problem(fault, start_s, end_s, f"is altered {where}{fewer}{more}")

    def delays(self) -> Iterator[Problem]:
        """Yield the problems of a stream that is out of step with the video: by how much, and from when on. More than
        MAX_STEPS changes of its delay are told as one drift."""
        steps = list(self._steps())
        if len(steps) > MAX_STEPS:
            first, last = steps[0], steps[-1]
            worst = max(steps, key=lambda one: abs(one.delta_s))
            text = f"drifts: it is {_late(last.delta_s)} at {clock(last.at_s)}, {_late(worst.delta_s)} at the most"
            yield self._problem(Fault.RETIMED, first.at_s, last.at_s, text)
            return
        for number, one in enumerate(steps):
            if abs(one.delta_s) <= self._tolerance_s:
                continue
            since = "" if number == 0 else f" from {clock(one.at_s)} on"
            yield self._problem(Fault.RETIMED, one.at_s, one.at_s, f"is {_late(one.delta_s)}{since}")

    def edges(self) -> Iterator[Problem]:
        """Yield the problem of a stream whose first packet is out of step with the video. For streams whose bytes are
        in other packets now, so that no others can be compared."""
        if self._made.pts and self._found.pts:
            at_s = self._made.pts[0] * self._made_s
            delta_s = self._found.pts[0] * self._found_s - at_s - self._offset_s
            if abs(delta_s) > self._tolerance_s:
                yield self._problem(Fault.RETIMED, at_s, at_s, f"is {_late(delta_s)}")

    def _steps(self) -> Iterator[Delay]:
        """Yield each change of the stream's delay, and first the delay with which it begins."""
        held: float | None = None
        for one, place in enumerate(self._alignment.place):
            if place == NOWHERE or one in self._alignment.moved:
                continue
            start, there = self._made_starts[one], self._found_starts[place]
            for packet in range(min(self._made.counts[one], self._found.counts[place])):
                at_s = self._made.pts[start + packet] * self._made_s
                delta_s = self._found.pts[there + packet] * self._found_s - at_s - self._offset_s
                if held is None or abs(delta_s - held) > self._tolerance_s:
                    held = delta_s
                    yield Delay(at_s, delta_s)

    def _problem(self, fault: Fault, start_s: float, end_s: float, what: str) -> Problem:
        return Problem(fault, self._subject, _capital(f"{self._subject} {what}"), start_s=start_s, end_s=end_s)


def _late(delta_s: float) -> str:
    return how_late(delta_s) if abs(delta_s) > 1e-4 else "in step"


def _packets(count: int) -> str:
    return "1 packet is" if count == 1 else f"{count} packets are"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
