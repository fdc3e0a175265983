"""The report's charts, as pure functions of numbers: who did what when, how long chunks took, what was noted when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from math import isfinite
from typing import Final

from moviola.base.histogram import Histogram
from moviola.base.vocabulary import SpanOutcome
from moviola.report.facts import Series, Words
from moviola.report.svg import Markup, boxes, chart, element, joined, polygon, polyline, rectangle, ticks
from moviola.report.words import counted, grouped, seconds
from moviola.session.timeline import Span, Timeline

MAX_LANES: Final = 48
"""Workers that have a row in the timeline, those with the most tries."""

MAX_TOLD_SPANS: Final = 1_500
"""The most tries that are drawn one by one, each with a text (some 120 bytes) that shows where it is pointed at. Where
there are more, only those in vain are."""

BARS: Final = 24

DRAWN: Final[Mapping[SpanOutcome, str]] = {
    SpanOutcome.STORED: "stored",
    SpanOutcome.HANDED_ON: "handed-on",
    SpanOutcome.DUPLICATE: "withdrawn",
    SpanOutcome.WITHDRAWN: "withdrawn",
    SpanOutcome.RUNNING: "running",
    SpanOutcome.LOST: "lost",
    SpanOutcome.FAILED: "failed",
}
"""The class with which a try is drawn, by its outcome. Tries that wait are not drawn."""

MEANINGS: Final[Mapping[str, str]] = {
    "stored": "done",
    "handed-on": "a part of a shared chain, handed on",
    "withdrawn": "not needed any more",
    "running": "goes on",
    "lost": "lost with its worker, or on its way",
    "failed": "failed",
}
"""What each class means, in the order in which they are drawn: trouble lies on top."""

NEAR_EDGE: Final = 96.0
"""Per cent of a chart's width. A number on the axis beyond it is written to the left of its place."""

FULL: Final = 10.0
"""The height of a row, in the units of its chart's coordinates."""


def timeline(told: Timeline) -> Markup:
    """Return a row for each worker, with what it did when."""
    by_worker = {name: list(spans) for name, spans in groupby(sorted(told.spans, key=_worker), key=_worker)}
    names = sorted(by_worker, key=lambda name: -len(by_worker[name]))[:MAX_LANES]
    end = max([told.seconds, *(span.end for span in told.spans)], default=0.0) or 1.0
    each_told = len(told.spans) <= MAX_TOLD_SPANS
    rows = [_lane(name, by_worker[name], end, each_told=each_told) for name in sorted(names)]
    left_out = len(by_worker) - len(names)
    drawn = {DRAWN[span.outcome] for span in told.spans if span.outcome in DRAWN}
    more = f"{left_out} more workers did the rest; they have no row here." if left_out else ""
    return element(
        "div",
        element("div", *rows, axis(end, seconds), class_="lanes"),
        legend({name: meaning for name, meaning in MEANINGS.items() if name in drawn}),
        element("p", more, class_="muted") if more else None,
        class_="timeline",
    )


def _worker(span: Span) -> str:
    return span.worker


def _lane(name: str, spans: Sequence[Span], end: float, *, each_told: bool) -> Markup:
    drawn: list[Markup] = []
    for class_ in MEANINGS:
        own = [span for span in spans if DRAWN.get(span.outcome) == class_]
        if own and (each_told or class_ in ("lost", "failed")):
            drawn += [_span(span, class_, end) for span in own[:MAX_TOLD_SPANS]]
        elif own:
            drawn.append(boxes(merged((_left(span, end), _right(span, end)) for span in own), 1.5, FULL - 3, class_))
    stored = sum(span.outcome is SpanOutcome.STORED for span in spans)
    trouble = sum(span.outcome in (SpanOutcome.LOST, SpanOutcome.FAILED) for span in spans)
    said = f"{counted(stored, 'chunk')} done" + (f", {trouble} tried in vain" if trouble else "")
    label = f"Worker {name}: {said}"
    return joined([
        element("div", element("b", name), " ", element("span", said, class_="muted"), class_="lane-name"),
        chart(label, *drawn, height=FULL, class_="lane"),
    ])  # fmt: skip


def _span(span: Span, class_: str, end: float) -> Markup:
    title = f"chunk {span.chunk} of {span.output}: {span.outcome}, {seconds(span.start)} to {seconds(span.end)}"
    left, right = _left(span, end), _right(span, end)
    top = 0.0 if class_ in ("lost", "failed") else 1.5
    return rectangle(left, top, right - left, FULL - 2 * top, class_, title)


def _left(span: Span, end: float) -> float:
    return 100 * span.start / end


def _right(span: Span, end: float) -> float:
    """Return where a try ends, in per cent of the width, but no nearer to its beginning than can be seen."""
    return max(100 * span.end / end, 100 * span.start / end + 0.08)


def merged(intervals: Iterable[tuple[float, float]], gap: float = 0.05) -> list[tuple[float, float]]:
    """Return the intervals in order; those are joined whose distance, at most `gap`, could not be seen."""
    found: list[tuple[float, float]] = []
    for left, right in sorted(intervals):
        if found and left <= found[-1][1] + gap:
            found[-1] = found[-1][0], max(found[-1][1], right)
        else:
            found.append((left, right))
    return found


def axis(end: float, unit: object = grouped) -> Markup:
    """Return the numbers below a chart.

    Args:
        end: what its right edge stands for.
        unit: puts a number into words.
    """
    assert callable(unit)
    places = [(value, 100 * value / end) for value in ticks(end) if end > 0]
    marks = [
        element("span", str(unit(value)), style=f"left:{place:.2f}%", class_="last" if place > NEAR_EDGE else None)
        for value, place in places
    ]
    return element("div", *marks, class_="axis", aria_hidden="true")


def legend(meanings: Mapping[str, str]) -> Markup:
    """Return what the colours mean."""
    entries = [element("li", element("i", class_=f"key {name}"), meaning) for name, meaning in meanings.items()]
    return element("ul", *entries, class_="legend")


def latencies(values: Sequence[float], label: str) -> Markup:
    """Return a histogram of values (s), in classes of equal width."""
    most = max(values, default=0.0)
    marks = ticks(most, BARS)
    width = marks[1] if len(marks) > 1 else most or 1.0
    count = max(1, int(most / width - 1e-9) + 1)
    classes = [0] * count
    for value in values:
        classes[min(count - 1, int(value / width))] += 1
    names = [f"{seconds(index * width)} to {seconds((index + 1) * width)}" for index in range(count)]
    return element(
        "div",
        bars(classes, names, label),
        axis(count * width, seconds),
        class_="plot",
    )


def bars(counts: Sequence[int], names: Sequence[str], label: str) -> Markup:
    """Return a bar for each class.

    Args:
        counts: how many each has.
        names: of the classes, for whoever points at a bar.
        label: what all of it shows.
    """
    most = max(counts, default=0) or 1
    wide = 100 / max(1, len(counts))
    drawn = [
        rectangle(
            index * wide + wide * 0.06,
            40 - 38 * count / most,
            wide * 0.88,
            38 * count / most,
            "bar",
            f"{name}: {count}",
        )
        for index, (count, name) in enumerate(zip(counts, names, strict=True))
        if count
    ]
    largest = f"{label}; the most in one class are {most}"
    return joined([
        element("div", grouped(most), class_="top", aria_hidden="true"),
        chart(largest, *drawn, height=40, class_="bars"),
    ])  # fmt: skip


def stage(name: str, told: Histogram) -> Markup:
    """Return how many seconds chunks took in one stage, in the classes that its histogram has."""
    used = [index for index, count in enumerate(told.counts) if count]
    if not used:
        return element("p", "nothing")
    first, last = used[0], used[-1]
    names = [_class_name(told.bounds, index) for index in range(first, last + 1)]
    total = sum(told.counts)
    label = f"Seconds of {name} a chunk: {seconds(told.sum / total)} on average"
    return element(
        "figure",
        element("figcaption", element("b", name), f" {seconds(told.sum / total)} on average"),
        bars(told.counts[first : last + 1], names, label),
        element(
            "div", element("span", names[0]), element("span", names[-1]) if len(names) > 1 else None, class_="ends"
        ),
    )


def _class_name(bounds: Sequence[float], index: int) -> str:
    if not bounds:
        return "any"
    if index == len(bounds):
        return f"over {seconds(bounds[-1])}"
    return f"to {seconds(bounds[index])}"


def stacked(shares: Mapping[str, float], label: str) -> Markup:
    """Return parts of a whole as one bar; its classes are `part-0`, `part-1`, …"""
    total = sum(shares.values())
    if total <= 0:
        return Markup("")
    drawn, left = [], 0.0
    for index, (name, value) in enumerate(shares.items()):
        width = 100 * value / total
        drawn.append(rectangle(left, 0, width, FULL, f"part-{index}", f"{name}: {seconds(value)}"))
        left += width
    return chart(label, *drawn, height=FULL, class_="stacked")


def curve(told: Series, end_words: str) -> Markup:
    """Return a value over time: its mean in each step as a line, within the least and the greatest."""
    low, high = told.least if told.least > told.greatest / 2 else min(0.0, told.least), told.greatest
    reach = high / 2 - low / 2 or 1.0  # of halves, for the difference may be more than a float holds

    def point(x: float, value: float) -> tuple[float, float]:
        return 100 * x, 29 - 28 * ((value / 2 - low / 2) / reach)

    mean = [point(x, value) for x, _, value, _ in told.points]
    band = [point(x, value) for x, _, _, value in told.points]
    band += [point(x, value) for x, value, _, _ in reversed(told.points)]
    words = (
        f"{grouped(_short(told.least))} to {grouped(_short(told.greatest))}, {grouped(_short(told.mean))} on average"
    )
    drawn = [polygon(band, "band"), polyline(mean, "line")] if len(mean) > 1 else [_dot(mean)] if mean else []
    return element(
        "figure",
        element("figcaption", element("b", told.name), f" {words}"),
        chart(f"{told.name} over {end_words}: {words}", *drawn, height=30, class_="curve"),
        class_="over-time",
    )


def _dot(points: Sequence[tuple[float, float]]) -> Markup:
    return rectangle(points[0][0] - 0.4, points[0][1] - 0.4, 0.8, 0.8, "bar")


def _short(value: float) -> float:
    """Return a number with four digits, or as it is where it is so large that they would be rounded up to infinity."""
    short = float(f"{value:.4g}")
    return short if isfinite(short) else value


def occurrences(told: Words, steps: int, end_words: str) -> Markup:
    """Return a row for each text, with the times at which it was noted."""
    wide = 100 / steps
    rows = []
    for text, count, places in told.rows:
        drawn = boxes(merged((100 * place, 100 * place + wide) for place in places), 1, FULL - 2, "stored")
        label = f"{told.name} is {text}, {count} times over {end_words}"
        name = element(
            "div",
            element("b", text),
            " ",
            element("span", f"{grouped(count)} times", class_="muted"),
            class_="lane-name",
        )
        rows += [name, chart(label, drawn, height=FULL, class_="lane")]
    more = element("p", f"and {told.others} other texts", class_="muted") if told.others else None
    return element(
        "figure",
        element("figcaption", element("b", told.name)),
        element("div", *rows, class_="lanes below"),
        more,
        class_="over-time",
    )
