"""What a command tells of its files, and the status it ends with."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from client.report import Report, ReportOptions
from moviola.display.progress import PlainDisplay
from moviola.display.terminal import Terminal
from moviola.session.outcome import NOT_SENT, Outcome, OutputOutcome, Remains, Status

DONE = Outcome(
    "a.mp4", "job-a", Status.DONE, "done", outputs=(OutputOutcome("blur", "out/blur.mp4", "", 10, 10, digest="d" * 64),)
)
LEFT = Outcome("b.mp4", "job-b", Status.CANCELLED, "running", "interrupted; …", remains=Remains.GOES_ON)
HALF = Outcome("c.mp4", "job-c", Status.CANCELLED, "running", "interrupted; …", remains=Remains.NEEDS_SOURCE)
ENDED = Outcome("d.mp4", "job-d", Status.CANCELLED, "done", "interrupted; …", remains=Remains.FILES)

LINE = "a.mp4 → out/blur.mp4: done, 10 frames, all filtered, 0.0 frames/s, digest dddddddddddd"


def never_sent(number: int) -> Outcome:
    return Outcome(f"{number}.mp4", "", Status.CANCELLED, NOT_SENT, remains=Remains.NOT_SENT)


def told(options: ReportOptions, *outcomes: Outcome) -> tuple[Status, str, str]:
    """The exit status, and what went to standard output and to standard error."""
    stdout, stderr = io.StringIO(), io.StringIO()
    report = Report(options, Terminal(file=stdout, width=80), PlainDisplay(Terminal(file=stderr, width=80)))
    for outcome in outcomes:
        report.tell(outcome)
    report.end(12.0)
    return report.status, stdout.getvalue(), stderr.getvalue()


def test_an_interruption_tells_what_is_left_of_each_kind() -> None:
    status, _, stderr = told(ReportOptions(is_batch=True), DONE, LEFT, HALF, ENDED, never_sent(1), never_sent(2))
    assert status is Status.CANCELLED
    assert stderr.splitlines() == [
        "Interrupted: 1 of 6 files done.",
        "1 job goes on in the cluster: b.mp4 (job-b).",
        "1 job waits for the rest of its source: c.mp4 (job-c).",
        "1 job has ended, and its results are not here: d.mp4 (job-d).",
        "2 files were never sent: 1.mp4, 2.mp4.",
        "The same command for these files goes on with them; python -m client.jobs cancel JOB ends a job.",
        "python -m client.jobs fetch JOB brings the results of a job that has ended.",
    ]


def test_an_interruption_between_two_files_is_one_too() -> None:
    status, _, stderr = told(ReportOptions(is_batch=True), DONE, never_sent(1))
    assert status is Status.CANCELLED
    assert "1 file was never sent: 1.mp4." in stderr


def test_of_very_many_files_the_first_ones_are_named() -> None:
    _, _, stderr = told(ReportOptions(is_batch=True), *map(never_sent, range(2000)))
    assert f"2000 files were never sent: {', '.join(f'{number}.mp4' for number in range(10))} and 1990 more." in stderr


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (
            ReportOptions(is_batch=True),
            [LINE],
        ),
        (
            ReportOptions(is_batch=False),
            [LINE],
        ),
        (ReportOptions(is_batch=True, is_quiet=True), []),
        (ReportOptions(is_batch=True, is_detached=True), ["job-a"]),
        (ReportOptions(is_batch=True, as_json=True), ['{"source": "a.mp4", "status": "done", "job_id": "job-a", ']),
    ],
)
def test_standard_output_has_what_was_asked_for(options: ReportOptions, lines: list[str]) -> None:
    status, stdout, _ = told(options, DONE)
    assert status is Status.DONE
    assert len(stdout.splitlines()) == len(lines)
    assert all(line.startswith(begin) for line, begin in zip(stdout.splitlines(), lines, strict=True))


def test_the_sum_says_how_many_came_to_what() -> None:
    failed, refused = replace(DONE, status=Status.FAILED), replace(DONE, status=Status.WRONG)
    assert told(ReportOptions(is_batch=True), DONE, failed, DONE, refused)[2].splitlines()[-1] == (
        "4 files in 12 s: 2 done, 1 failed, 1 refused."
    )
    assert told(ReportOptions(is_batch=True, is_detached=True), DONE, DONE)[2] == "2 files in 12 s: 2 sent.\n"
