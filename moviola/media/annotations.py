"""What filters noted, as lines of JSON, one a note; and what `metadata` noted of all frames, in a few numbers.

docs/ANALYSIS.md tells what each field means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TextIO

from moviola.media.found import Found
from moviola.media.kind import UnsuitedName
from moviola.media.material import Encoder
from moviola.media.spliced import Details

SUFFIX = ".annotations.jsonl"
# Digits behind the point: a microsecond, finer than any frame is long.
TIME_DIGITS = 6
MEASURES = ("brightness", "contrast", "motion")
# Cuts that are listed; all are counted. A film has a few thousand.
MAX_CUTS_LISTED = 10_000
_MEASURED_BY = "metadata"
_DIGITS = 4
NAMED: Final = (".jsonl", ".ndjson", ".txt")
"""Extensions that people may give the name of such a file; a name without any is taken, too."""


def fitted(encoder: Encoder, suffix: str) -> Encoder:
    """Return the encoder for an output whose main file is one of notes; raise UnsuitedName for a name of another
    format."""
    if suffix and suffix.lower() not in NAMED:
        raise UnsuitedName(f"the notes of filters are written as lines of JSON, not as {suffix}; name the file .jsonl")
    return encoder


class Cut(NamedTuple):
    """A scene cut: the frame that a scene begins with, and when it is shown."""

    frame: int
    time_s: float


@dataclass(slots=True)
class Summary:
    """Least, mean and greatest of each measure, and the scene cuts."""

    frame_count: int = 0
    cut_count: int = 0
    cuts: list[Cut] = field(default_factory=list)
    _least: dict[str, float] = field(default_factory=dict)
    _most: dict[str, float] = field(default_factory=dict)
    _sum: dict[str, float] = field(default_factory=dict)

    def add(self, frame: int, time_s: float, note: Mapping[str, Any]) -> None:
        """Add what `metadata` noted of a frame."""
        self.frame_count += 1
        for name in MEASURES:
            value = float(note[name])
            self._least[name] = min(value, self._least.get(name, value))
            self._most[name] = max(value, self._most.get(name, value))
            self._sum[name] = self._sum.get(name, 0.0) + value
        if note["cut"]:
            self.cut_count += 1
            if len(self.cuts) < MAX_CUTS_LISTED:
                self.cuts.append(Cut(frame, time_s))

    def to_json(self) -> Details:
        """Return the summary as JSON types; empty if nothing was measured."""
        if not self.frame_count:
            return {}
        told = {
            name: {
                "min": self._least[name],
                "mean": round(self._sum[name] / self.frame_count, _DIGITS),
                "max": self._most[name],
            }
            for name in MEASURES
        }
        cuts = [each._asdict() for each in self.cuts]
        return {"frames_measured": self.frame_count, **told, "cut_count": self.cut_count, "cuts": cuts}


@dataclass(slots=True)
class Annotations:
    """Writes notes to `file` in the order of frames, sums up those of the filter `metadata`, and counts what others
    found."""

    file: TextIO
    line_count: int = 0
    summary: Summary = field(default_factory=Summary)
    found: Found = field(default_factory=Found)
    _measured: int | None = None  # the source frame measured last; one that is repeated counts once

    def add(self, frame: int, source_frame: int, time_s: float, notes: Iterable[Mapping[str, Any]]) -> None:
        """Write the notes of a frame of the output, counted from 0, which shows the frame `source_frame` of the
        source."""
        place = {"frame": frame, "source_frame": source_frame, "time_s": round(time_s, TIME_DIGITS)}
        notes = tuple(notes)
        self.found.add(source_frame, notes)
        for note in notes:
            self.file.write(json.dumps(place | dict(note) | place, ensure_ascii=False))
            self.file.write("\n")
            self.line_count += 1
            if source_frame != self._measured and _is_measured(note):
                self._measured = source_frame
                self.summary.add(frame, place["time_s"], note)


def _is_measured(note: Mapping[str, Any]) -> bool:
    """Return whether a note is one of `metadata`; a filter of one's own may note something in that name."""
    measures = (type(note.get(name)) for name in MEASURES)
    return note.get("filter") == _MEASURED_BY and "cut" in note and all(each in (int, float) for each in measures)
