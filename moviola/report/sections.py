"""The sections of a report, each empty where there is nothing to tell."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from moviola.base.failures import Failure
from moviola.base.vocabulary import JobState, SpanOutcome
from moviola.media.found import sentences
from moviola.media.kinds import unit_of
from moviola.media.metrics import percentiles
from moviola.report import charts
from moviola.report.facts import Album, Facts, OutputFacts, Thumbnail
from moviola.report.sentences import changes, failures_of, kinds_of
from moviola.report.svg import Markup, Part, element
from moviola.report.words import clock, counted, date, grouped, runs, seconds, sized
from moviola.session.job_session import FINAL_STATES

MAX_FAILURES: Final = 20
"""Kinds of failures that are told in full: some KB each, with the traceback."""

MAX_TRIES: Final = 40
"""Tries in vain that are listed below the timeline, which shows all of them."""

STAGES: Final = ("decode", "convert", "filter", "encode")

SHOWN_ELSEWHERE: Final = frozenset({"name", "filters", "tables", "pictures", "found"})
"""Fields that the metrics have of an output and that are no settings; other sections show them."""

LONG_VALUE: Final = 44
"""A value with more characters gets a line of its own."""

NOTHING: Final = Markup("")


def section(title: str, *inside: Part, class_: str = "") -> Markup:
    """Return a part of the page under a heading."""
    return element("section", element("h2", title), *inside, class_=class_ or None)


def figures(facts: Facts) -> Markup:
    """Return the numbers that people ask for first."""
    job, unit = facts.job, unit_of(facts.job.progress.kind)
    passed = facts.timeline.seconds
    metrics = [output.metrics for output in facts.outputs if output.metrics is not None]
    computing = sum(sum(each.seconds.get(name, 0.0) for name in STAGES) for each in metrics)
    made = sum(output.frames_out for output in job.outputs) if job.outputs else job.progress.frames_done
    total = job.progress.frames_total
    sizes = [output.size for output in facts.outputs if output.size is not None]
    several = f"over {len(facts.outputs)} outputs" if len(facts.outputs) > 1 else ""
    shown: list[tuple[str, str, str]] = [
        (f"{unit.capitalize()}s in", grouped(total if total is not None else job.progress.frames_sent), ""),
        (f"{unit.capitalize()}s out", grouped(made), several),
        ("Time", seconds(passed), "from submission to " + ("the end" if facts.timeline.is_over else "this report")),
        (
            "Speed",
            f"{grouped(made / passed)} /s" if passed > 0 and made else "–",
            f"{unit}s out, {several}" if several else f"{unit}s out",
        ),
    ]
    if metrics:
        shown += [
            ("Computing time", seconds(computing), "of all workers together"),
            (
                "Speed-up",
                f"{grouped(round(computing / passed, 2))}×" if passed > 0 else "–",
                "computing time by time passed",
            ),
        ]
    if facts.source_size is not None:
        shown.append(("Bytes in", sized(facts.source_size), "the source"))
    if sizes:
        shown.append(("Bytes out", sized(sum(sizes)), "the results"))
    losses = sum(span.outcome is SpanOutcome.LOST for span in facts.timeline.spans)
    shown += [
        ("Chunks", grouped(_chunk_count(facts)), several),
        ("Tried again", grouped(job.progress.retries), f"{losses} after a loss" if losses else "tasks"),
    ]
    rows = [
        element("div", element("dt", name), element("dd", value, element("small", note) if note else None))
        for name, value, note in shown
    ]
    return section("Figures", element("dl", *rows, class_="figures"))


def _chunk_count(facts: Facts) -> int:
    """Return how many chunks all outputs have; while no metrics tell it, how many the timeline shows."""
    counts = [output.metrics.chunks.count for output in facts.outputs if output.metrics is not None]
    return sum(counts) or len({(span.output, span.chunk) for span in facts.timeline.spans})


def changed(facts: Facts) -> Markup:
    """Return what was lost or changed, in sentences."""
    told = changes(facts)
    if told:
        return section(
            "What was lost or changed", element("ul", *(element("li", each) for each in told), class_="plain")
        )
    if facts.job.state != JobState.DONE:
        return NOTHING
    return section("What was lost or changed", element("p", "Nothing: each part came through, and at the first try."))


def failures(facts: Facts) -> Markup:
    """Return the failures that are known: the first of each kind in full, with its traceback."""
    found = kinds_of(failures_of(facts))
    if not found:
        return NOTHING
    more = len(found) - MAX_FAILURES
    return section(
        "Failures",
        *(_failure(first, others, facts) for first, *others in found[:MAX_FAILURES]),
        element("p", f"and {more} more, which the metrics list", class_="muted") if more > 0 else None,
        class_="long",
    )


def _failure(failure: Failure, others: Sequence[Failure], facts: Facts) -> Markup:
    unit = unit_of(facts.job.progress.kind)
    where = [
        f"output {failure.output}" if failure.output else "",
        f"chunk {failure.chunk}",
        f"{unit} {failure.frame}" if failure.frame is not None else "",
        f"filter {failure.filter}" if failure.filter else "",
        f"worker {failure.worker}" if failure.worker else "",
    ]
    trace = failure.traceback.strip() if facts.has_tracebacks else ""
    return element(
        "div",
        element("p", element("b", failure.explanation or failure.failure_reason)),
        element("p", ", ".join(filter(None, where)), f" ({failure.failure_reason})", class_="muted"),
        element("p", f"So did {_places(others, unit)}.") if others else None,
        element("details", element("summary", "Traceback"), element("pre", trace)) if trace else None,
        class_="failure",
    )


def _places(failures: Sequence[Failure], unit: str) -> str:
    """Return where failures were, in words: `frames 3-5, 9`, or `chunks 2, 7`."""
    frames = [each.frame for each in failures if each.frame is not None]
    if len(frames) == len(failures):
        return f"{unit}{'s' if len(frames) > 1 else ''} {', '.join(runs(frames))}"
    chunks = sorted({each.chunk for each in failures})
    return f"chunk{'s' if len(chunks) > 1 else ''} {', '.join(runs(chunks))}, {counted(len(failures), 'time')}"


def timeline(facts: Facts) -> Markup:
    """Return who did which chunk when."""
    told = facts.timeline
    if not told.spans:
        reason = "" if told.remarks else "No worker has been given anything of this job."
        return section("Who did what, when", element("p", reason)) if reason else NOTHING
    vain = [span for span in told.spans if span.outcome in (SpanOutcome.LOST, SpanOutcome.FAILED)]
    rows = [
        [seconds(span.end), span.worker, span.output, grouped(span.chunk), span.outcome.value]
        for span in vain[:MAX_TRIES]
    ]
    more = f"The first {MAX_TRIES} of {len(vain)}." if len(vain) > MAX_TRIES else ""
    return section(
        "Who did what, when",
        charts.timeline(told),
        element("h3", "Tries in vain") if rows else None,
        table(["after", "worker", "output", "chunk", "what became of it"], rows, "Tries in vain", {3})
        if rows
        else None,
        element("p", more, class_="muted") if more else None,
    )


def outputs(facts: Facts) -> Markup:
    """Return what was asked for, and what came of it."""
    if not facts.outputs:
        return NOTHING
    summaries = {summary.name: summary for summary in facts.job.outputs}
    rows = []
    for output in facts.outputs:
        summary = summaries.get(output.name)
        file = summary.file if summary is not None else ""
        size = sized(output.size) if output.size is not None and file else ""
        made = f"{file}, {size}" if size else file or ("none" if facts.timeline.is_over else "not yet")
        counts = grouped(summary.frames_out) if summary is not None else ""
        rows.append([output.name, output.chain, made, counts])
    unit = unit_of(facts.job.progress.kind)
    return section("Outputs", table(["output", "filters", "file", f"{unit}s"], rows, "Outputs", {3}, wide={1}))


def scenes(facts: Facts) -> Markup:
    """Return the first frame of each scene."""
    if facts.scenes is None:
        return NOTHING
    count = facts.scenes.count
    return section(
        "Scenes",
        element("p", f"{counted(count, 'scene')}, each by its first frame."),
        *album(facts.scenes),
        class_="long",
    )


def troubled_frames(facts: Facts) -> Markup:
    """Return frames that were not filtered, or may be damaged."""
    parts: list[Markup] = []
    unit = unit_of(facts.job.progress.kind)
    for output in facts.detailed:
        of = f" in {output.name}" if len(facts.outputs) > 1 else ""
        for title, found in (("not filtered", output.fallback), ("damaged, or made of damaged ones", output.damaged)):
            if found.count:
                parts += [element("h3", f"{counted(found.count, unit)} {title}{of}"), *album(found)]
    title = f"{unit.capitalize()}s that are not as asked"
    return section(title, *parts, class_="long") if parts else NOTHING


def galleries(facts: Facts) -> Markup:
    """Return pictures of outputs that are folders."""
    parts: list[Markup] = []
    for output in facts.detailed:
        if output.gallery.count or output.gallery.missing:
            title = f"{output.name}: {counted(output.gallery.count, 'picture')}"
            parts += [element("h3", title), *album(output.gallery, "album mixed")]
    if not parts:
        return NOTHING
    before = f"The source has {sized(facts.source_size)}" if facts.source_size is not None else ""
    after = [f"{output.name} has {sized(output.size)}" for output in facts.outputs if output.size is not None]
    words = "; ".join(filter(None, [before, *after]))
    return section("Pictures", element("p", f"{words}.") if words else None, *parts, class_="long")


def album(found: Album, class_: str = "album") -> Iterable[Markup]:
    """Yield an album's pictures, and a sentence about those that are not shown."""
    if found.pictures:
        yield element("ul", *map(_picture, found.pictures), class_=class_)
    left_out = found.count - len(found.pictures)
    if left_out > 0 or found.missing:
        why = f": {found.missing}" if found.missing else ""
        shown = f"{len(found.pictures)} of {found.count} are shown" if found.pictures else "None is shown"
        yield element("p", f"{shown}{why}.", class_="muted")


def _picture(picture: Thumbnail) -> Markup:
    source = f"data:image/jpeg;base64,{b64encode(picture.jpeg).decode()}"
    image = element("img", src=source, width=picture.width, height=picture.height, alt=picture.label)
    return element("li", image, element("b", picture.label), element("span", picture.note) if picture.note else None)


def tables(facts: Facts) -> Markup:
    """Return what became of the records of each table, and some of them."""
    parts: list[Part] = []
    for output in facts.detailed:
        told = output.metrics.output.get("tables") if output.metrics is not None else None
        if not isinstance(told, list):
            continue
        parts.append(element("h3", output.name))
        rows = [_records(one) for one in told if isinstance(one, dict)]
        names = ["table", "file", "in", "out", "left out by filters", "without their movie", "malformed", "mended"]
        parts.append(table(names, rows, f"Records of {output.name}", {2, 3, 4, 5, 6, 7}))
        for sample in output.samples:
            if sample.rows:
                name = f"The first records of {sample.name or output.name}"
                parts.append(element("h3", name))
                parts.append(table(sample.columns, sample.rows, name, class_="sample"))
    return section("Tables", *parts, class_="long") if parts else NOTHING


def _records(told: Mapping[str, Any]) -> list[str]:
    def count(name: str) -> int:
        value = told.get(name)
        return value if isinstance(value, int) else 0

    came, went = count("records_in"), count("records_out")
    dropped = max(0, came - went - count("unmatched") - count("malformed"))
    numbers = [came, went, dropped, count("unmatched"), count("malformed"), count("mended")]
    return [str(told.get("table", "")), str(told.get("file", "")), *map(grouped, numbers)]


def over_time(facts: Facts) -> Markup:
    """Return what filters noted, as curves and rows."""
    parts: list[Markup] = []
    for output in facts.detailed:
        notes = output.notes
        if notes is None or not (notes.series or notes.words):
            continue
        end = seconds(notes.end) if notes.is_time else counted(round(notes.end), "image")
        if len(facts.outputs) > 1:
            parts.append(element("h3", output.name))
        parts += [charts.curve(each, end) for each in notes.series]
        parts += [charts.occurrences(each, notes.steps, end) for each in notes.words]
        parts.append(charts.axis(notes.end, clock if notes.is_time else grouped))
        told = f"{counted(notes.lines, 'note')}. {notes.unread + '.' if notes.unread else ''}"
        parts.append(element("p", told, class_="muted"))
    return section("What the filters found, over time", *parts, class_="long") if parts else NOTHING


def latencies(facts: Facts) -> Markup:
    """Return how long chunks took, from their first hand-out until they were stored, and in which stage."""
    values = chunk_latencies(facts)
    parts: list[Part] = []
    if values:
        found = percentiles(values)
        words = ", ".join(f"{_PERCENTS[name]} {seconds(value)}" for name, value in found.items() if value is not None)
        label = f"How long {counted(len(values), 'chunk')} took, from the first hand-out until stored: {words}"
        parts += [
            element("p", f"From the first hand-out until stored: {words}."),
            charts.latencies(values, label),
        ]
    for output in facts.detailed:
        if output.metrics is not None and any(getattr(output.metrics.chunk_seconds, name).sum for name in STAGES):
            of = f" of {output.name}" if len(facts.outputs) > 1 else ""
            parts.append(element("h3", f"By stage{of}: seconds of computing a chunk"))
            histograms = [charts.stage(name, getattr(output.metrics.chunk_seconds, name)) for name in STAGES]
            parts.append(element("div", *histograms, class_="small"))
    return section("How long chunks took", *parts) if parts else NOTHING


_PERCENTS: Final = {"p50": "half of them at most", "p95": "95 % at most", "p99": "99 % at most"}


def chunk_latencies(facts: Facts) -> list[float]:
    """Return for each stored chunk how many seconds passed from its first hand-out until it was stored."""
    begun: dict[tuple[str, int], float] = {}
    found: dict[tuple[str, int], float] = {}
    for span in facts.timeline.spans:
        key = (span.output, span.chunk)
        begun[key] = min(span.lent, begun.get(key, span.lent))
        if span.outcome is SpanOutcome.STORED:
            found[key] = span.end - begun[key]
    return list(found.values())


def where_time_went(facts: Facts) -> Markup:
    """Return computing time by stage, and what each worker did."""
    parts: list[Part] = []
    for output in facts.detailed:
        metrics = output.metrics
        if metrics is None:
            continue
        if len(facts.outputs) > 1:
            parts.append(element("h3", output.name))
        words = ", ".join(f"{name} {seconds(value)}" for name, value in metrics.seconds.items())
        parts.append(charts.stacked(metrics.seconds, f"Where the time of {output.name} went: {words}"))
        meanings = {
            f"part-{index}": f"{name} {seconds(value)}" for index, (name, value) in enumerate(metrics.seconds.items())
        }
        parts.append(charts.legend(meanings))
        rows = [
            [
                each.name,
                grouped(each.chunks),
                grouped(each.frames),
                seconds(each.busy_seconds),
                grouped(each.frames_per_second or 0.0),
            ]
            for each in metrics.workers[: charts.MAX_LANES]
        ]
        unit = f"{unit_of(facts.job.progress.kind)}s"
        if rows:
            names = ["worker", "chunks", unit, "computing", f"{unit}/s while computing"]
            parts.append(table(names, rows, f"What workers did for {output.name}", {1, 2, 3, 4}))
    return section("Where the time went", *parts) if parts else NOTHING


def settings(facts: Facts) -> Markup:
    """Return what was asked for in detail, what the source is, and which versions were at work."""
    job = facts.job
    told: list[tuple[str, str]] = [
        ("job", job.job),
        ("user", job.user),
        ("submitted", date(job.submitted_unix_s)),
        ("ended", date(job.submitted_unix_s + job.seconds) if job.state in FINAL_STATES else "not yet"),
        ("priority", str(job.priority)),
        ("if a filter fails", job.details.on_error),
    ]
    metrics = next((output.metrics for output in facts.outputs if output.metrics is not None), None)
    source = {} if metrics is None else {name: _plain(value) for name, value in metrics.source.items()}
    versions = facts.versions if metrics is None else metrics.versions
    return section(
        "Settings and versions",
        pairs([(name, value) for name, value in told if value]),
        *(_settings_of(output, several=len(facts.outputs) > 1) for output in facts.detailed),
        element("h3", "Source") if source else None,
        pairs([(name, value) for name, value in source.items() if value]) if source else None,
        element("h3", "Versions"),
        pairs(list(versions.items())),
        class_="long",
    )


def _settings_of(output: OutputFacts, *, several: bool) -> Markup:
    told: list[tuple[str, str]] = [("filters", output.chain)]
    if output.metrics is not None:
        shown = {name: value for name, value in output.metrics.output.items() if name not in SHOWN_ELSEWHERE}
        told += [(name, _plain(value)) for name, value in shown.items()]
        told += [("found", sentence) for sentence in sentences(output.metrics.output.get("found", {}))]
        told += [("digest", output.metrics.digest), ("builds", ", ".join(output.metrics.fingerprints))]
    heading = element("h3", f"Output {output.name}" if several else "Output")
    return Markup(heading + pairs([(name, value) for name, value in told if value]))


def _plain(value: Any) -> str:
    """Return a value of JSON in words; empty for nothing."""
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return grouped(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items() if _plain(one))
    if isinstance(value, list):
        return "; ".join(filter(None, map(_plain, value)))
    return str(value)


def pairs(rows: Sequence[tuple[str, str]]) -> Markup:
    """Return names with their values, several beside each other where there is room."""
    made = [
        element(
            "div",
            element("dt", name.replace("_", " ")),
            element("dd", value),
            class_="wide" if len(value) > LONG_VALUE else None,
        )
        for name, value in rows
    ]
    return element("dl", *made, class_="pairs")


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    label: str,
    numbers: frozenset[int] | set[int] = frozenset(),
    *,
    wide: set[int] | frozenset[int] = frozenset(),
    class_: str = "",
) -> Markup:
    """Return a table.

    Args:
        columns: their headings.
        rows: a text a column.
        label: what it is, for those who do not see it.
        numbers: which columns have numbers, from 0.
        wide: which have long texts.
        class_: of the table.
    """

    def cell(tag: str, index: int, text: str) -> Markup:
        kind = "n" if index in numbers else "wide" if index in wide else None
        return element(tag, text, class_=kind, scope="col" if tag == "th" else None)

    head = element("tr", *(cell("th", index, name) for index, name in enumerate(columns)))
    body = [element("tr", *(cell("td", index, text) for index, text in enumerate(row))) for row in rows]
    made = element("table", element("thead", head), element("tbody", *body), class_=class_ or None)
    return _scrolled(made, label)


def _scrolled(inside: Markup, label: str) -> Markup:
    """Return a part of the page in a box of its own that scrolls, also with the keyboard: it may be wider than a
    phone."""
    return element("div", inside, class_="scroll", role="group", tabindex=0, aria_label=label)
