"""The timeline that people are shown, out of the rows that the middleware tells."""

from __future__ import annotations

from moviola.base.details import Details
from moviola.base.progress import Progress
from moviola.base.timeline import NUMBERS, ROW, JobTimeline, packed
from moviola.base.vocabulary import SpanOutcome
from moviola.session.timeline import NOT_KEPT, NOT_WHOLE, UNREADABLE, Span, timeline_of
from moviola.wire.messages import Job

STORED, LOST, RUNNING = SpanOutcome.STORED, SpanOutcome.LOST, SpanOutcome.RUNNING


def job(*rows: tuple[int, int, int, float, float, SpanOutcome], state: str = "running", **more: object) -> Job:
    made = packed(b"".join(ROW.pack(*row[:5], NUMBERS[row[5]]) for row in rows))
    fields = {"workers": ["a", "b"], "rows": made, "zero_s": 100.0, "until_s": 160.0, **more}
    progress = Progress("video", ["blur", "edges"], tasks_stored=1)
    details = Details(timeline=JobTimeline(**fields))  # type: ignore[arg-type]
    return Job("clip-1", "clip", state, submitted_unix_s=1e9, seconds=42.0, progress=progress, details=details)


def test_a_task_begins_when_the_one_before_it_at_its_worker_is_over() -> None:
    told = timeline_of(job((0, 0, 0, 101, 105, STORED), (1, 1, 7, 101, 106, STORED), (0, 0, 1, 101, 109, STORED)))
    assert told.spans == [
        Span("a", 0, "blur", 1.0, 1.0, 5.0, STORED),
        Span("b", 7, "edges", 1.0, 1.0, 6.0, STORED),
        Span("a", 1, "blur", 1.0, 5.0, 9.0, STORED),
    ]
    assert (told.began_unix_s, told.seconds, told.is_over) == (1e9, 60.0, False)
    assert (told.workers, told.outputs, told.remarks) == (["a", "b"], ["blur", "edges"], [])


def test_spans_come_in_the_order_of_their_ends_however_the_rows_came() -> None:
    told = timeline_of(job((0, 0, 1, 103, 109, RUNNING), (0, 0, 0, 101, 104, LOST)))
    assert [(span.chunk, span.start, span.end) for span in told.spans] == [(0, 1.0, 4.0), (1, 4.0, 9.0)]


def test_a_job_that_is_over_took_as_long_as_its_record_says() -> None:
    told = timeline_of(job((0, 0, 0, 101, 105, STORED), state="done"))
    assert (told.seconds, told.is_over) == (42.0, True)


def test_what_is_not_there_is_said() -> None:
    assert timeline_of(job()).remarks == [NOT_KEPT]
    (left_out,) = timeline_of(job((0, 0, 0, 101, 105, STORED), left_out=7)).remarks
    assert left_out.startswith("7 tries are left out")
    assert timeline_of(job((0, 0, 0, 101, 105, STORED), is_whole=False)).remarks == [NOT_WHOLE]
    assert timeline_of(job(rows=b"none")).remarks == [UNREADABLE]


def test_rows_that_a_newer_middleware_tells_are_passed_over() -> None:
    assert timeline_of(job((2, 0, 0, 1, 1, STORED), (0, 9, 0, 1, 1, STORED))).spans == []
