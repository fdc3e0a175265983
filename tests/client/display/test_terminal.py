"""What is printed is the text that was meant, whoever wrote it, whatever the stream takes, and whoever reads it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from client.display.job_list import print_jobs
from client.display.job_report import print_details
from client.display.status_tables import print_tables
from client.display.summary import print_summary
from client.filter_list import print_filters
from moviola.base.details import Details, RequestedOutput
from moviola.base.failures import Failure
from moviola.base.finished_file import FinishedFile
from moviola.base.progress import Progress
from moviola.base.worker_facts import HeldTask, WorkerFacts
from moviola.display.bars import live_line
from moviola.display.progress import LiveDisplay, PlainDisplay
from moviola.display.terminal import Terminal, stacked, styled
from moviola.filters.schema import FilterSchema, Parameter
from moviola.session.cluster_view import ClusterView
from moviola.session.outcome import Outcome, OutputOutcome, Status
from moviola.session.views import JobView
from moviola.wire.addresses import Address
from moviola.wire.messages import Aggregator, Job, Worker
from tests.session.fakes import FakeCluster

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 60.0

EVIL = "x\x1b[2J\x1b]0;owned\x07\nforged: done :bomb: [red]y\x9b1m"
"""As a source on somebody else's machine may be called."""

FAILURE = Failure(
    output=EVIL, chunk=3, frames=[3, 9], filter=EVIL, worker=EVIL, failure_type=EVIL, failure_reason=EVIL,
    explanation=EVIL, traceback="Traceback:\n  x\x1b[2J",
)  # fmt: skip
JOB = Job(
    EVIL, EVIL, "failed", EVIL, EVIL, progress=Progress(outputs=[EVIL], kind=EVIL), files=[FinishedFile(EVIL, 1, "")],
    details=Details([RequestedOutput(EVIL)], EVIL, EVIL, [FAILURE]),
)  # fmt: skip
VIEW = ClusterView(
    workers={"w": Worker(EVIL, "s", EVIL, facts=WorkerFacts(tasks=[HeldTask(EVIL, 0, 1, EVIL, 2)] * 2, labels=[EVIL]))},
    aggregators={"a": Aggregator(EVIL, "a", [Address(EVIL, 5000)], connected=True)},
    jobs={"j": JOB},
)
OUTCOME = Outcome(EVIL, EVIL, Status.DONE, EVIL, outputs=(OutputOutcome(EVIL, EVIL, EVIL),))
SCHEMA = FilterSchema(EVIL, EVIL, (Parameter(EVIL, "str", EVIL, EVIL),))

PRINTERS: dict[str, Callable[[Terminal], object]] = {
    "tables": lambda to: print_tables(to, VIEW),
    "jobs": lambda to: print_jobs(to, [JOB], 0.0),
    "details": lambda to: print_details(to, JOB, {EVIL: SCHEMA}),
    "summary": lambda to: print_summary(to, [OUTCOME]),
    "filters": lambda to: print_filters(to, {EVIL: (SCHEMA, 1)}),
    "plain": lambda to: PlainDisplay(to).say(EVIL),
    "live line": lambda to: to.print(live_line(JobView("1", EVIL, 3), 0.0, 100, 0.0)),
    "live note": lambda to: to.print(live_line(JobView("1", EVIL, 3, note=EVIL), 0.0, 100, 0.0)),
}


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("printer", PRINTERS)
def test_names_command_no_terminal_and_forge_no_line(printer: str, terminal: bool) -> None:
    to = Terminal(file=io.StringIO(), force_terminal=terminal, width=400, color_system=None)
    PRINTERS[printer](to)
    assert isinstance(to.file, io.StringIO)
    text = to.file.getvalue()
    assert "owned" in text or "…" in text
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(text)
    assert not any(line.lstrip().startswith("forged") for line in text.splitlines())
    assert ":bomb:" in text or "…" in text


def test_what_a_live_display_says_is_text() -> None:
    to = Terminal(file=io.StringIO(), force_terminal=True, width=400, color_system=None)
    display = LiveDisplay(to)
    display.say(EVIL)
    display.close()
    assert isinstance(to.file, io.StringIO)
    assert "\x1b[2J" not in to.file.getvalue()
    assert "\x1b]0" not in to.file.getvalue()


def test_styles_stay_where_they_belong() -> None:
    text = styled(("a\n", "bold"), "b", stacked(["c", "d\n"]))
    assert text.plain == "a bc\nd "
    assert [(span.start, span.end) for span in text.spans if span.style == "bold"] == [(0, 2)]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_an_encoding_does_not_know_is_marked(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    to = Terminal(file=stream)
    to.say("clip → 映画")
    print_summary(to, [replace(OUTCOME, source="clip.mp4")])
    stream.seek(0)
    assert stream.readline() == "clip ? ??\n"


def list_filters(cluster: FakeCluster) -> list[str]:
    return ["client.file_sender", "--list-filters", "--local"]


def list_filters_json(cluster: FakeCluster) -> list[str]:
    return [*list_filters(cluster), "--json"]


def list_jobs(cluster: FakeCluster) -> list[str]:
    cluster.script.known = [Job(f"clip-{number}", "clip.mp4", "failed", reason="x" * 9000) for number in range(40)]
    return ["client.jobs", "list", "--host", "127.0.0.1", "--port", str(cluster.port)]


def list_jobs_json(cluster: FakeCluster) -> list[str]:
    return [*list_jobs(cluster), "--json"]


@pytest.mark.parametrize("command", [list_filters, list_filters_json, list_jobs, list_jobs_json])
def test_a_reader_that_leaves_ends_nothing(
    cluster: FakeCluster, tmp_path: Path, command: Callable[[FakeCluster], list[str]]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", *command(cluster)],
        cwd=tmp_path, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_lines_of_a_traceback_stay_whole_where_sentences_are_broken() -> None:
    shown = Terminal(file=io.StringIO(), force_terminal=True, width=30, color_system=None)
    place = '  File "/home/somebody/filters/with_a_long_name.py", line 11, in apply'
    shown.tell(place)
    shown.tell("a sentence that is longer than thirty cells")
    assert isinstance(shown.file, io.StringIO)
    assert [line.rstrip() for line in shown.file.getvalue().splitlines()] == [
        place, "a sentence that is longer than", "thirty cells",
    ]  # fmt: skip
