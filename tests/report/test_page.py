"""The report's page: what it says of each kind of end; that it asks for nothing, and no name gets into its markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from moviola.base.vocabulary import SpanOutcome
from moviola.media.metrics import WorkerMetrics
from moviola.report.facts import (
    MAX_DETAILED,
    MAX_PICTURES_SIZE,
    Album,
    Notes,
    OutputFacts,
    Series,
    TableSample,
    Thumbnail,
    Words,
)
from moviola.report.notes import MAX_FIELDS, STEPS
from moviola.report.page import page
from moviola.report.svg import VOID
from moviola.session.timeline import Span
from tests.report.samples import NASTY, facts, metrics, spans


class Outline(HTMLParser):
    """The elements of a document, and its text; they must be closed in the order in which they were opened."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(document)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data + " "


def said(document: str) -> str:
    """What a person reads, in one line."""
    return " ".join(Outline(document).text.split())


def test_a_job_that_is_done_says_so_with_its_figures() -> None:
    text = said(page(facts()))
    assert "All 40 frames came through, in 10 s by 1 worker." in text
    assert "Nothing: each part came through, and at the first try." in text
    for words in ("blur:radius=3", "Speed-up 1×", "Computing time 10 s", "d1ge57", "x86_64-avx2", "4 /s"):
        assert words in text, words


@pytest.mark.parametrize(
    ("state", "reason", "sentence"),
    [
        ("failed", "chunk 2 of out failed", "It failed after 10 s, with 42 % done: chunk 2 of out failed."),
        ("cancelled", "cancelled by anna", "It was cancelled after 10 s, with 42 % done: by anna."),
        ("running", "", "It is running, with 42 % done."),
        ("pending", "no worker offers blur", "It is pending, with 42 % done: no worker offers blur."),
        ("partial", "", "A part of the result is not as it was asked for:"),
    ],
)
def test_a_job_of_each_other_end_says_how_it_stands(state: str, reason: str, sentence: str) -> None:
    text = said(page(facts(state, reason=reason)))
    assert sentence in text
    assert "it raised clip.mp4" in text
    assert "Nothing: each part" not in text
    assert ("what came later is not in this report" in text) == (state in ("running", "pending"))


def test_tracebacks_are_left_out_where_they_are_not_to_be_told() -> None:
    made = facts("failed")
    assert "Traceback" in said(page(made))
    made.has_tracebacks = False
    assert "Traceback" not in said(page(made))


def test_failures_that_differ_in_numbers_alone_are_told_once() -> None:
    made = facts("failed")
    (first,) = made.job.details.failures
    failures = [
        replace(first, frame=number, explanation=f"frame {number} is bad", traceback=f"ValueError: frame {number}")
        for number in (21, 22, 23, 30)
    ]
    made.job.details.failures[:] = [*failures, replace(first, traceback="KeyError: 'x'", explanation="no x")]
    text = said(page(made))
    assert "So did frames 22-23, 30." in text
    assert text.count("ValueError") == 1
    assert "no x" in text


def test_a_job_that_nobody_has_begun_has_a_report() -> None:
    made = facts("pending", made=[])
    made.outputs = []
    assert "No worker has been given anything of this job." in said(page(made))


def test_no_name_gets_into_the_markup_and_no_value() -> None:
    made = facts("partial", name=NASTY, reason=NASTY)
    made.timeline.spans.append(Span(NASTY, 1, NASTY, 0.0, 1.0, 2.0, SpanOutcome.LOST))
    made.timeline.remarks.append(NASTY)
    (output,) = made.outputs
    output.name = output.chain = NASTY
    tables = [{"table": NASTY, "file": NASTY, "records_in": 3, "records_out": 1}]
    output.metrics = metrics(
        source={NASTY: NASTY}, output={NASTY: {NASTY: [NASTY]}, "tables": tables}, warnings=[NASTY],
        versions={NASTY: NASTY},
        troubles={"fallback": [], "damaged": [], "lost": [{"frame": 3, "cause": NASTY}]},
    )  # fmt: skip
    picture = Thumbnail(b"no jpeg", 1, 1, NASTY, NASTY)
    output.fallback = output.gallery = made.scenes = Album(3, [picture], NASTY)
    words = [Words(NASTY, [(NASTY, 1, [0.5])], 3)]
    output.notes = Notes(1, 4.0, series=[Series(NASTY, [(0.5, 1.0, 1.0, 1.0)], 1, 1, 1)], words=words, unread=NASTY)
    output.samples = [TableSample(NASTY, [NASTY], [[NASTY]])]
    document = page(made)
    outline = Outline(document)
    assert "script" not in outline.tags
    assert not [name for name, _ in outline.attributes if name.startswith("on")]
    assert outline.text.count("<script>") >= 20
    assert "<script" not in document


def test_a_text_that_utf_8_cannot_hold_is_shown_as_far_as_it_can() -> None:
    document = page(facts("done", name="x\ud800y"))
    assert "x?y" in Outline(document).text
    assert document.encode()


def test_the_page_loads_nothing_and_forbids_itself_to() -> None:
    outline = Outline(page(facts("partial")))
    loading = [value for name, value in outline.attributes if name in ("src", "href", "srcset", "data", "action")]
    assert loading == []
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:") in outline.attributes
    assert not {"script", "link", "iframe", "object", "a", "form"} & set(outline.tags)
    assert not re.search(r"url\(|@import", page(facts()))


def test_pictures_are_in_the_page_itself() -> None:
    made = facts("partial")
    made.outputs[0].fallback = Album(30, [Thumbnail(b"\xff\xd8jpeg", 32, 18, "frame 12", "blur: it raised")], "")
    document = page(made)
    assert 'src="data:image/jpeg;base64,/9hqcGVn" width="32" height="18" alt="frame 12"' in document
    assert "30 frames not filtered" in said(document)
    assert "1 of 30 are shown." in said(document)


def test_tries_in_vain_are_listed_and_said() -> None:
    made = facts(made=[*spans(), Span("w2", 3, "out", 0.0, 0.5, 1.5, SpanOutcome.LOST)])
    text = said(page(made))
    assert "1 try was lost with a worker or on the way, of 1 chunk, and done again" in text
    assert "1.5 s w2 out 3 lost" in text


def test_a_report_of_the_largest_job_is_below_five_megabytes() -> None:
    """64 outputs whose filters noted all that is shown, as many tries as are kept, pictures up to the budget."""
    points = [(step / STEPS + 0.0012345, 0.0123456, 0.5123456, 0.9123456) for step in range(STEPS)]
    series = [
        Series(f"filter {number}: value", points, 0.0123456, 0.9123456, 0.5123456) for number in range(MAX_FIELDS)
    ]
    rows = [(f"word {row}", 9, [step / STEPS for step in range(0, STEPS, 2)]) for row in range(12)]
    words = [Words(f"text {number}", rows) for number in range(4)]
    workers = [WorkerMetrics(f"worker-with-a-long-name-{number}", 9, 99, 9.0, 9.0) for number in range(64)]
    many = [
        Span(f"worker-with-a-long-name-{number % 64}", number, "out", number / 2, number / 2, number / 2 + 0.4, outcome)
        for number in range(16_384)
        for outcome in [SpanOutcome.LOST if number % 40 == 0 else SpanOutcome.STORED]
    ]
    made = facts("partial", made=many)
    picture = Thumbnail(bytes(MAX_PICTURES_SIZE // (24 * MAX_DETAILED)), 320, 180, "frame 100000", "blur: " + "x" * 400)
    made.outputs = [
        OutputFacts(
            f"output-{number}", "blur:radius=3," * 20, metrics(workers=workers, warnings=["x" * 300] * 20),
            fallback=Album(1000, [picture] * 24), notes=Notes(10**6, 100.0, True, STEPS, series, words),
        )
        for number in range(64)
    ]  # fmt: skip
    document = page(made)
    assert len(document.encode()) < 5_000_000
    assert "details of the first 6 of 64 outputs only" in said(document)


def test_the_longest_timeline_leaves_room_for_pictures() -> None:
    many = [
        Span(f"worker-with-a-long-name-{number % 64}", number, "out", number / 2, number / 2, number / 2 + 0.4, outcome)
        for number in range(16_384)
        for outcome in [SpanOutcome.LOST if number % 40 == 0 else SpanOutcome.STORED]
    ]
    assert len(page(facts(made=many))) < 600_000
