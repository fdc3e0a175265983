"""What comes of verifying an output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import field
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Final

from moviola.base.mapped import Mapped
from moviola.base.records import record


class Fault(StrEnum):
    """What is wrong with a part of an output."""

    MISSING = "missing"
    REPEATED = "repeated"
    REORDERED = "reordered"
    ALTERED = "altered"
    ADDED = "added"
    RETIMED = "retimed"
    """It is there, at another time: sound that is shifted, or drifts."""
    CUT_OFF = "cut off"
    UNDECODABLE = "undecodable"
    LOST = "lost"
    """The job itself lost it: a frame of the source that is not in the output."""
    OTHER = "other"
    """It is another one altogether."""


class Verdict(StrEnum):
    """What an output is."""

    COMPLETE = "complete"
    """The file that was made, or one with the same bytes."""
    REMUXED = "remuxed"
    """All frames and all sound are there as they were made, in another file."""
    INCOMPLETE = "incomplete"
    """Something is missing, or not as it was made."""
    OTHER = "other"
    """Another file altogether."""


@record
class Problem(Mapped):
    """Something that is wrong.

    Attributes:
        fault: of which sort.
        subject: of what: `frames`, `stream 1 (audio, aac)`, `file`, `source`, …
        text: what it is, as a sentence.
        first, last: the frames, pictures or records, counted from 0; None where it is none.
        start_s, end_s (s): when the first and the last of them are shown; None where they have no time.
    """

    fault: Fault
    subject: str
    text: str
    first: int | None = None
    last: int | None = None
    start_s: float | None = None
    end_s: float | None = None


@record
class Check(Mapped):
    """A part that was looked at: what it is, whether it is as it was made, and what was found."""

    subject: str
    passed: bool
    found: str


@record
class Verification(Mapped):
    """What an output is, by its manifest.

    Attributes:
        output: the path of the file or folder.
        manifest: the path of its manifest.
        verdict: what it is.
        problems: all that is wrong; empty where it is complete.
        checks: what was looked at.
        notes: what is not wrong, and worth knowing: sentences.
        frames_made (frames): that the output had when it was made; images or records of other kinds.
        frames_found (frames): of these, those that are there as they were made.
        seconds (s): that it took.
    """

    output: str
    manifest: str
    verdict: Verdict
    problems: list[Problem] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    frames_made: int = 0
    frames_found: int = 0
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether nothing is missing and all is as it was made, whatever the file around it."""
        return self.verdict in (Verdict.COMPLETE, Verdict.REMUXED)


TOLERANCE_S: Final = 0.001
"""Two times that differ by no more than this count as equal, because containers round: MP4 stores where a track begins
in thousandths of a second, Matroska all times."""

MAX_PROBLEMS: Final = 1000
"""Problems of one fault and subject that are listed one by one. Of a file without every other frame there is one for
each gap, and nobody reads more of them."""


def bounded(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the first MAX_PROBLEMS of each fault and subject, and at the end, of each with more, how many more."""
    counts = Counter[tuple[Fault, str]]()
    for problem in problems:
        kind = problem.fault, problem.subject
        counts[kind] += 1
        if counts[kind] <= MAX_PROBLEMS:
            yield problem
    for (fault, subject), count in counts.items():
        if count > MAX_PROBLEMS:
            text = f"{count - MAX_PROBLEMS} more problems like these are not listed ({subject}, {fault})"
            yield Problem(fault, subject, text)


def tolerance_s(*time_bases: Fraction) -> float:
    """Return how far apart (s) two times may be and count as equal, in streams of these time bases."""
    return max(TOLERANCE_S, *map(float, time_bases)) * 1.001


def ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of each run of consecutive numbers; the numbers must rise."""
    ordered = list(numbers)
    starts = [ordered[0], *(two for one, two in pairwise(ordered) if two != one + 1)] if ordered else []
    ends = [one for one, two in pairwise(ordered) if two != one + 1] + ordered[-1:]
    return zip(starts, ends, strict=True)


def those(unit: str, first: int, last: int) -> str:
    """Return the words for a range of units that begin a sentence: `frame 3`, `frames 3 and 4`, `frames 3–8`."""
    if first == last:
        return f"{unit} {first}"
    return f"{unit}s {first} and {last}" if last == first + 1 else f"{unit}s {first}–{last}"


def verb(first: int, last: int) -> str:
    """Return the verb that follows what `those` returns: `is` or `are`."""
    return "is" if first == last else "are"


def clock(seconds: float) -> str:
    """Return a time in a file: `3.200 s`, `1:02:03.400`."""
    if abs(seconds) < 60:
        return f"{seconds:.3f} s"
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    sign = "-" if seconds < 0 else ""
    return f"{sign}{hours}:{minutes:02}:{rest:06.3f}" if hours else f"{sign}{minutes}:{rest:06.3f}"


def span(start_s: float, end_s: float) -> str:
    """Return from when until when, in brackets: `(3.200 s)`, `(3.200–4.000 s)`."""
    start, end = clock(start_s), clock(end_s)
    return f"({start})" if start == end else f"({start.removesuffix(' s') if end.endswith(' s') else start}–{end})"


def how_late(delta_s: float) -> str:
    """Return `40 ms late`, `1.200 s early`."""
    size = abs(delta_s)
    text = f"{size:.3f} s" if size >= 1 else f"{size * 1000:.3g} ms"
    return f"{text} {'late' if delta_s > 0 else 'early'}"
