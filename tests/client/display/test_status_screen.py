"""The screen of a cluster, as a terminal of each size shows it."""

from __future__ import annotations

import io
from dataclasses import replace

import pyte
import pytest
from rich.console import Group

from client.display.status_screen.facts import Facts, Order
from client.display.status_screen.layout import screen, shares
from moviola.base.progress import Progress
from moviola.base.trouble import Trouble
from moviola.base.worker_facts import HeldTask, WorkerFacts
from moviola.display.terminal import Terminal
from moviola.session.cluster_view import ClusterView
from moviola.session.throughput import Throughput
from moviola.wire.messages import Event, Job, Overview, Worker
from tests.screen import LARGE, SMALL, Size

TINY: Size = (40, 10)
NOW = 1_000_000.0

SIZES = pytest.mark.parametrize("size", [TINY, SMALL, LARGE, (200, 60)], ids="{0[0]}x{0[1]}".format)
BOTH = pytest.mark.parametrize("size", [SMALL, LARGE], ids="{0[0]}x{0[1]}".format)


def worker(number: int, **facts: object) -> Worker:
    tasks = [HeldTask(f"clip.mp4-{number:012}", 0, number, "computing", 40 + number)]
    known = WorkerFacts(
        tasks=tasks, frames_per_s=10.0 + number, cpu_percent=90.0 - number, memory_bytes=10**8, heard_s=0.4
    )
    return Worker(f"host-{number}", f"s{number}", "full", replace(known, **facts))  # type: ignore[arg-type]


def job(number: int, state: str = "running", reason: str = "") -> Job:
    progress = Progress(
        "video", ["out"], 100, 100, 25, 100, tasks_queued=3, tasks_in_flight=1, tasks_stored=number
    )  # fmt: skip
    is_over = state in ("done", "failed")
    return Job(
        f"clip.mp4-{number:012}", "clip.mp4", state, "", reason, progress=progress, submitted_unix_s=NOW + number,
        seconds=12.0 if is_over else 0.0, frames_per_s=0.0 if is_over else 5.0, user="ann",
    )  # fmt: skip


def facts(workers: int = 0, jobs: int = 0, troubles: tuple[Trouble, ...] = (), **others: object) -> Facts:
    """A cluster of so many workers, and of so many jobs of which two run; it makes 50 frames/s, and made 100 before."""
    view, throughput = ClusterView(), Throughput()
    running = min(jobs, 2)
    states = {state: count for state, count in (("running", running), ("pending", jobs - running)) if count}
    for second, done in enumerate((0, 100, 150)):
        overview = Overview(
            1, NOW + second, states, {"full": workers} if workers else {}, 1, 3 * jobs, jobs, done, 50.0,
            spool_bytes=10**6, spool_limit_bytes=10**9, troubles=list(troubles),
        )  # fmt: skip
        throughput.add(overview)
    view.take(overview)
    for number in range(workers):
        view.take(worker(number))
    for number in range(jobs):
        view.take(job(number) if number < 2 else job(number, "pending", "no worker offers 'edges'; 2 offer blur"))
    view.take(Event("current", ""))
    return replace(Facts("here:5000", view, throughput), **others)  # type: ignore[arg-type]


def drawn(known: Facts, size: Size) -> list[str]:
    """What a terminal shows; it is one line higher, so that a line too many or too long would be seen."""
    width, height = size
    lines = screen(known, width, height)
    assert len(lines) == height
    assert max(line.cell_len for line in lines) <= width
    canvas = Terminal(file=io.StringIO(), force_terminal=True, width=width, color_system="truecolor")
    canvas.print(Group(*lines))
    terminal = pyte.Screen(width, height + 1)
    assert isinstance(canvas.file, io.StringIO)
    pyte.Stream(terminal).feed(canvas.file.getvalue().replace("\n", "\r\n"))
    return [line.rstrip() for line in terminal.display[:height]]


def line_of(lines: list[str], beginning: str) -> str:
    return next(line for line in lines if line.startswith(beginning))


@SIZES
@pytest.mark.parametrize("workers", [0, 1, 30])
@pytest.mark.parametrize("jobs", [0, 1, 40])
def test_each_size_shows_what_there_is_within_its_lines(size: Size, workers: int, jobs: int) -> None:
    lines = drawn(facts(workers, jobs), size)
    assert lines[0].startswith("Moviola")
    assert lines[1].startswith("50 frames/s █▅")
    assert lines[-1].startswith("q quit")
    text = "\n".join(lines)
    assert ("There are no jobs." in text) == (jobs == 0)
    assert ("No worker is connected." in text) == (workers == 0)
    assert text.count("running") >= min(jobs, 2)
    assert text.count("full") >= min(workers, 1)


@BOTH
def test_a_job_in_work_has_a_bar_its_rate_and_the_time_left(size: Size) -> None:
    row = line_of(drawn(facts(1, 1), size), "clip.mp4-")
    for part in ("running", "━", "┄", "25%", "25/100", "5.0", "15 s"):
        assert part in row
    assert row.index("━") < row.index("┄") < row.index("25%")


@BOTH
def test_a_job_that_waits_says_why(size: Size) -> None:
    row = next(line for line in drawn(facts(1, 3), size) if "pending" in line and line.startswith("clip"))
    assert "25% done; no worker offers 'edges'" in row


def test_a_job_that_is_over_says_what_it_came_to() -> None:
    known = facts(1)
    assert known.view is not None
    for one in (job(1, "done"), job(2, "failed", "chunk 3 failed: boom"), job(3)):
        known.view.take(one)
    lines = drawn(known, SMALL)
    assert "25 frames in 12 s" in line_of(lines, "clip.mp4-000000000001")
    assert "failed   chunk 3 failed: boom" in line_of(lines, "clip.mp4-000000000002")
    rows = [line.split()[0] for line in lines if line.startswith("clip")]
    assert [row[-1] for row in rows] == ["3", "2", "1"]  # what runs first, then what ended last


@BOTH
def test_a_worker_has_its_state_chunk_rate_cpu_memory_failures_and_when_it_was_heard(size: Size) -> None:
    known = facts(1)
    assert known.view is not None
    known.view.take(worker(0, failures=3, losses=2))
    row = line_of(drawn(replace(known, age_s=1.0), size), "host-0")
    for part in ("full", "0: 40 frames", "10.0", "90%", "100.0 MB", " 3", "1.4 s"):
        assert part in row
    assert ("of clip.mp4-000000000000" in row) == (size == LARGE)


@BOTH
def test_a_worker_that_is_gone_comes_last_and_says_since_when(size: Size) -> None:
    known = facts(3)
    assert known.view is not None
    known.view.take(replace(worker(0, heard_s=125.0, losses=2, tasks=[]), state="lost"))
    known.view.take(replace(worker(1, heard_s=700.0), state="lost"))
    rows = [line for line in drawn(known, size) if line.startswith("host-")]
    assert [row.split()[0] for row in rows] == ["host-2", "host-0"]  # the other has been gone for too long
    assert "gone for 2 min; lost with it: 2 tasks" in rows[1]
    known.view.take(replace(worker(0, heard_s=125.0, drained=True), state="lost"))
    assert "drained, gone for 2 min" in line_of(drawn(known, size), "host-0")


@pytest.mark.parametrize(
    ("order", "first"),
    [(Order.NAME, "host-0"), (Order.RATE, "host-11"), (Order.CPU, "host-0"), (Order.FAILED, "host-5")],
)
def test_workers_are_sorted(order: Order, first: str) -> None:
    known = facts(12, order=order)
    assert known.view is not None
    known.view.take(worker(5, failures=1))
    rows = [line.split()[0] for line in drawn(known, LARGE) if line.startswith("host-")]
    assert rows[0] == first
    if order is Order.NAME:
        assert rows == [f"host-{number}" for number in range(12)]  # not host-1, host-10, host-11


ERRORS = (
    Trouble(
        NOW, "filter", "exception", "ValueError: too\ndark", 12, "clip.mp4-000000000001", "out", 3, "sharpen", "w1"
    ),
    Trouble(NOW, "machine", "crash", "it ended by SIGSEGV", 1, "clip.mp4-000000000001", "out", 3, "", "host-7"),
)


@BOTH
def test_errors_are_told_as_a_filters_or_a_machines(size: Size) -> None:
    lines = drawn(facts(1, 1, ERRORS), size)
    of_filter = next(line for line in lines if "sharpen" in line)
    of_machine = next(line for line in lines if "host-7" in line)
    assert "filter" in of_filter
    assert "ValueError: too dark" in of_filter
    assert "×12" in of_filter
    assert "machine" in of_machine
    assert "crash: it ended by SIGSEGV" in of_machine


def test_errors_leave_jobs_and_workers_their_lines() -> None:
    troubles = tuple(replace(ERRORS[0], text=f"error {number}") for number in range(20))
    lines = drawn(facts(30, 40, troubles), SMALL)
    assert sum("error " in line for line in lines) == 3 + 1  # with the titles
    assert sum(line.startswith("clip") for line in lines) >= 6
    assert sum(line.startswith("host-") for line in lines) >= 6
    assert sum("error " in line for line in drawn(facts(1, 1, troubles), LARGE)) == 20 + 1


@BOTH
def test_of_a_list_that_is_too_long_is_said_which_rows_are_shown(size: Size) -> None:
    lines = drawn(facts(30, 40), size)
    jobs, workers = line_of(lines, "job 1–"), line_of(lines, "worker")
    assert " of 40 " in jobs
    if size == SMALL:
        assert "worker 1–" in workers
        assert " of 30 " in workers


def test_scrolling_moves_both_lists_to_their_ends() -> None:
    lines = drawn(facts(30, 40, scrolled=5), SMALL)
    assert line_of(lines, "job 6–")
    lines = drawn(facts(3, 40, scrolled=100), SMALL)
    rows = [line.split()[0] for line in lines if line.startswith("clip")]
    assert rows[-1].endswith("39")
    assert sum(line.startswith("host-") for line in lines) == 3
    assert "40+" in line_of(drawn(facts(3, 40, limit=40), SMALL), "job")


@SIZES
def test_that_the_middleware_is_away_is_said_above_what_was_known(size: Size) -> None:
    lines = drawn(facts(1, 1, away="Connection refused", age_s=12.0), size)
    assert "No middleware for 12 s; this is how it was"[: size[0] - 1] in lines[2]
    if size != TINY:
        assert lines[2].endswith("Trying again: Connection refused")
    assert any(line.startswith(("clip", "c…")) for line in lines)


@SIZES
def test_an_answer_that_does_not_come_is_said(size: Size) -> None:
    assert drawn(facts(1, 1, age_s=4.0), size)[2] == "No answer for 4 s; this is how it was"
    assert "No answer" not in "".join(drawn(facts(1, 1, age_s=2.0), size))


@SIZES
def test_a_pause_is_said_and_how_it_ends(size: Size) -> None:
    lines = drawn(facts(1, 1, is_paused=True, age_s=5.0), size)
    assert lines[2].startswith("Paused: this is how it was 5 s ago")
    assert "space go on" in lines[-1]


def test_before_the_first_answer() -> None:
    lines = drawn(Facts("here:5000"), SMALL)
    assert lines[:2] == ["Moviola here:5000", "Waiting for the middleware's answer"]


def test_a_restart_is_a_gap_in_the_sparkline() -> None:
    known = facts(1, 1)
    for second, done in ((5, 0), (6, 25), (7, 75)):
        known.throughput.add(Overview(2, NOW + second, frames_done=done))
    assert drawn(known, SMALL)[1].startswith("50 frames/s █▅···▃▅ ")


def test_without_a_keyboard_no_key_is_told() -> None:
    assert drawn(facts(1, 1, has_keys=False), SMALL)[-1] == "Ctrl-C quits"


def test_names_of_others_command_no_terminal() -> None:
    evil = "x\x1b[2J\x1b]0;owned\x07\nforged"
    known = facts(troubles=(Trouble(NOW, evil, evil, evil, 1, evil, evil, 0, evil, evil),), address=evil)
    assert known.view is not None
    known.view.take(
        Worker(evil, "s", evil, WorkerFacts(tasks=[HeldTask(evil, 0, 1, evil, 2)], host=evil, labels=[evil]))
    )
    known.view.take(Job(evil, evil, evil, reason=evil, progress=Progress(evil)))
    known.view.take(Job(evil + "2", evil, "done", progress=Progress(evil)))
    for line in screen(known, 300, 40):
        assert not {"\x1b", "\x07", "\n"} & set(line.plain)


@pytest.mark.parametrize(
    ("room", "wanted", "given"),
    [
        (20, (5, 5, 5), [5, 5, 5]),  # all fit
        (20, (30, 5, 0), [15, 5, 0]),
        (20, (30, 30, 0), [10, 10, 0]),
        (20, (30, 30, 20), [8, 8, 4]),
        (20, (3, 3, 20), [3, 3, 14]),
        (5, (30, 30, 20), [3, 2, 0]),  # errors go first
        (3, (30, 30, 20), [3, 0, 0]),  # then workers
        (1, (30, 30, 20), [0, 0, 0]),
        (4, (1, 1, 0), [1, 1, 0]),
    ],
)
def test_lines_are_shared(room: int, wanted: tuple[int, ...], given: list[int]) -> None:
    assert shares(room, wanted) == given


def test_the_labels_of_a_worker_stand_with_its_machine() -> None:
    known = facts(1)
    assert known.view is not None
    known.view.take(worker(0, host="desk", labels=["big", "gpu"]))
    assert line_of(drawn(known, (200, 60)), "host-0").endswith("  desk (big, gpu)")
