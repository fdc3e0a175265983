"""What filters noted, over time: makes curves and rows of texts out of the lines of an annotations file, read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from moviola.base.json_texts import json_in
from moviola.report.facts import Notes, Series, Words

STEPS: Final = 200
"""Steps of a plot: each is some pixels wide."""

MAX_FIELDS: Final = 24
"""Curves, and fields with texts, of one output; the built-in filters note up to six each."""

MAX_WORDS: Final = 500
"""Different texts of a field that are told apart while it is read: a filter that reads text has no end of them."""

WORDS_SHOWN: Final = 12
"""Texts of a field that have a row, the most frequent ones."""

MAX_WORD: Final = 60
"""Characters of a text in a row."""

MAX_NOTES_SIZE: Final = 64 * 1024 * 1024
"""Bytes of notes that are looked at: some 300 000 of them, and seconds."""

SCALE: Final = 2.0**-30
"""What numbers are multiplied by while they are summed up, so that no sum of those in MAX_NOTES_SIZE is infinite."""

_PLACES: Final = frozenset({"frame", "source_frame", "time_s", "filter", "image", "index", "page"})


@dataclass(slots=True)
class _Curve:
    """A number over time while it is read; `total` is that of the values times SCALE."""

    least: list[float] = field(default_factory=lambda: [float("inf")] * STEPS)
    greatest: list[float] = field(default_factory=lambda: [float("-inf")] * STEPS)
    total: list[float] = field(default_factory=lambda: [0.0] * STEPS)
    count: list[int] = field(default_factory=lambda: [0] * STEPS)

    def add(self, step: int, value: float) -> None:
        self.least[step] = min(self.least[step], value)
        self.greatest[step] = max(self.greatest[step], value)
        self.total[step] += value * SCALE
        self.count[step] += 1

    def series(self, name: str) -> Series:
        steps = [step for step in range(STEPS) if self.count[step]]
        points = [
            (
                (step + 0.5) / STEPS,
                self.least[step],
                _mean(self.total[step], self.count[step], self.least[step], self.greatest[step]),
                self.greatest[step],
            )
            for step in steps
        ]
        least, greatest = min(self.least), max(self.greatest)
        return Series(name, points, least, greatest, _mean(sum(self.total), sum(self.count), least, greatest))


def _mean(total: float, count: int, least: float, greatest: float) -> float:
    return max(least, min(greatest, total / count / SCALE))  # rounding alone might bring it past them, to infinity


@dataclass(slots=True)
class _Texts:
    """The texts of a field while they are read."""

    counts: dict[str, int] = field(default_factory=dict)
    steps: dict[str, set[int]] = field(default_factory=dict)
    others: set[int] = field(default_factory=set)

    def add(self, step: int, text: str) -> None:
        text = text if len(text) <= MAX_WORD else f"{text[: MAX_WORD - 1]}…"
        if text not in self.counts and len(self.counts) >= MAX_WORDS:
            if len(self.others) < MAX_WORDS:
                self.others.add(hash(text))
            return
        self.counts[text] = self.counts.get(text, 0) + 1
        self.steps.setdefault(text, set()).add(step)

    def words(self, name: str) -> Words:
        often = sorted(self.counts, key=lambda text: (-self.counts[text], text))
        rows = [
            (text, self.counts[text], [step / STEPS for step in sorted(self.steps[text])])
            for text in often[:WORDS_SHOWN]
        ]
        return Words(name, rows, len(often) - len(rows) + len(self.others))


def notes_of(lines: Iterable[bytes], end: float, *, is_time: bool) -> Notes:
    """Return what lines of annotations say over time. Lines that are none are passed over.

    Args:
        lines: of an output's annotations.
        end: where the last frame is: seconds, or how many pictures there are.
        is_time: the place of a note is its `time_s`; else its `index`.
    """
    curves: dict[str, _Curve] = {}
    texts: dict[str, _Texts] = {}
    count = 0
    for line in lines:
        note = _note(line)
        if note is None:
            continue
        count += 1
        place = _float(note.get("time_s" if is_time else "index"))
        share = place / end if place is not None and end > 0 else 0.0
        step = min(STEPS - 1, int(STEPS * min(1.0, max(0.0, share))))
        filter_name = str(note.get("filter", ""))
        for name, value in note.items():
            if name not in _PLACES:
                _add(curves, texts, f"{filter_name}: {name}" if filter_name else name, value, step)
    return Notes(
        lines=count,
        end=end,
        is_time=is_time,
        steps=STEPS,
        series=[curve.series(name) for name, curve in sorted(curves.items())],
        words=[each.words(name) for name, each in sorted(texts.items()) if each.counts],
    )


def _note(line: bytes) -> Mapping[str, Any] | None:
    try:
        note = json_in(line)
    except ValueError:
        return None
    return note if isinstance(note, dict) else None


def _float(value: Any) -> float | None:
    """Return a number as a float; None for what is none, or not finite, or a whole number beyond all floats."""
    try:
        number = float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None
    return number if number is not None and isfinite(number) else None


def _add(curves: dict[str, _Curve], texts: dict[str, _Texts], name: str, value: Any, step: int) -> None:
    """Add the value of a field to its curve or to its texts: a number, a text, a bool, or a list of boxes, texts or
    numbers."""
    name = name[:MAX_WORD]
    if isinstance(value, bool):
        if value and (found := _of(texts, name, _Texts)) is not None:
            found.add(step, "yes")
    elif isinstance(value, int | float):
        if (number := _float(value)) is not None and (curve := _of(curves, name, _Curve)) is not None:
            curve.add(step, number)
    elif isinstance(value, str):
        if (found := _of(texts, name, _Texts)) is not None:
            found.add(step, value)
    elif isinstance(value, list):
        _add_list(curves, texts, name, value, step)


def _add_list(curves: dict[str, _Curve], texts: dict[str, _Texts], name: str, value: list[Any], step: int) -> None:
    if value and all(isinstance(one, str) for one in value):
        if (found := _of(texts, name, _Texts)) is not None:
            for one in value:
                found.add(step, one)
    elif value and all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):
        numbers = [number for one in value if (number := _float(one)) is not None]
        if numbers and (curve := _of(curves, name, _Curve)) is not None:
            for number in numbers:
                curve.add(step, number)
    elif (
        all(isinstance(one, list) for one in value)
        and not name.endswith("scores")  # of no box there are none
        and (curve := _of(curves, f"{name}, how many", _Curve)) is not None
    ):
        curve.add(step, float(len(value)))


def _of(found: dict[str, Any], name: str, kind: type[Any]) -> Any:
    """Return the accumulator of a field; None where there are too many fields."""
    if name not in found:
        if len(found) >= MAX_FIELDS:
            return None
        found[name] = kind()
    return found[name]
