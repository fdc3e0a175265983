"""Events as lines for people."""

from __future__ import annotations

import io
import time

from client.display.event_lines import KIND_WIDTH, EventLines
from moviola.display.terminal import Terminal
from moviola.session.cluster_events import ClusterEvent
from moviola.session.event_kinds import MEANINGS

NOON = time.mktime((2026, 11, 29, 12, 0, 0, 0, 0, -1))


def lines(*events: ClusterEvent, today: str = "") -> list[str]:
    canvas = Terminal(file=io.StringIO(), width=80)
    shown = EventLines(canvas, today)
    for event in events:
        shown.show(event)
    assert isinstance(canvas.file, io.StringIO)
    return canvas.file.getvalue().splitlines()


def event(text: str, kind: str = "job-done", at: float = NOON, **more: str) -> ClusterEvent:
    return ClusterEvent(kind=kind, text=text, unix_s=at, **more)  # type: ignore[arg-type]


def test_a_job_is_told_by_its_name_with_the_id_behind() -> None:
    (line,) = lines(event("job clip-1 is done", job="clip-1", name="clip.mp4"), today="2026-11-29")
    assert line == "12:00:00  job-done           clip.mp4 is done  clip-1"
    (line,) = lines(event("job clip-1 is done", job="clip-1"), today="2026-11-29")
    assert line == "12:00:00  job-done           job clip-1 is done"
    (line,) = lines(event("worker w1 left: gone", "worker-left", worker="w1"), today="2026-11-29")
    assert line == "12:00:00  worker-left        worker w1 left: gone"


def test_the_date_is_told_once_a_day() -> None:
    day = 24 * 3600
    told = lines(event("one"), event("two"), event("three", at=NOON + day))
    assert told[0] == "Sunday 29 November 2026"
    assert told[3] == "Monday 30 November 2026"
    assert len(told) == 5


def test_what_was_caught_up_on_is_marked_and_hostile_text_stays_in_its_line() -> None:
    late = ClusterEvent(
        kind="job-done", text="job j is done\x1b[31m\nnow", unix_s=NOON, job="j", name="a\nb", is_caught_up=True
    )
    (line,) = lines(late, today="2026-11-29")
    assert line.endswith("j (while nothing was heard)")
    assert "\x1b" not in line


def test_every_kind_has_its_room() -> None:
    assert max(map(len, MEANINGS)) <= KIND_WIDTH


def test_a_clock_that_is_wrong_ends_nothing() -> None:
    assert len(lines(event("one", at=1e300), event("two", at=-5.0))) == 4
