from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyte
import pytest

from moviola.display.bars import batch_line, duration, live_line, note_line, plain_batch_line, plain_line
from moviola.display.events import EventDisplay
from moviola.display.progress import (
    PLAIN_INTERVAL_S,
    LiveDisplay,
    PlainDisplay,
    QuietDisplay,
    display_for,
)
from moviola.display.terminal import Terminal
from moviola.session.outcome import Outcome, OutputOutcome, Status
from moviola.session.tally import Tally
from moviola.session.views import JobView

DOCUMENT = Path(__file__).parents[2] / "docs" / "PROGRESS.md"

HALF = JobView("1", "clip.mp4", 100, 80, 50, 100, retries=2, in_work=3)


def test_a_plain_line_has_all_the_numbers() -> None:
    assert plain_line(HALF, 25.0, 0.0) == (
        "clip.mp4: sent 80/100, processed 50/100, 25 frames/s, 2 s left, 2 retries, 3 chunks in work"
    )


def test_a_note_says_what_it_waits_for() -> None:
    waiting = JobView("1", "clip.mp4", 100, note="waiting: no worker offers 'edges'; 2 workers offer blur")
    assert plain_line(waiting, 0.0, 0.0) == "clip.mp4: waiting: no worker offers 'edges'; 2 workers offer blur"
    assert live_line(waiting, 0.0, 120, 0.0).plain == "clip.mp4 waiting: no worker offers 'edges'; 2 workers offer blur"


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("name", ["clip.mp4", "a very long name of a film.mp4", "映画" * 20, "line\nbreak"])
@pytest.mark.parametrize("note", ["", "waiting: " + "word " * 60])
def test_a_live_line_fits_every_width(width: int, name: str, note: str) -> None:
    line = live_line(JobView("1", name, 10**6, 10**6, 5 * 10**5, 10**6, 10**4, 99, note), 1234.5, width, 0.0)
    assert line.cell_len <= width
    assert "\n" not in line.plain


def test_what_matters_most_is_shown_first() -> None:
    assert "50%" in live_line(HALF, 25.0, 40, 0.0).plain
    eighty = live_line(HALF, 25.0, 80, 0.0).plain
    assert "processed 50/100" in eighty
    assert "2 retries" in eighty
    full = live_line(HALF, 25.0, 120, 0.0).plain
    for words in ("50%", "sent 80/100", "processed 50/100", "25 frames/s", "2 s left", "2 retries", "3 in work"):
        assert words in full


def bars_on_screens(size: tuple[int, int], draw: Callable[[LiveDisplay, int], None]) -> list[list[str]]:
    """What a terminal shows at each of 100 redraws: the lines with a bar on them."""
    written = io.StringIO()
    display = LiveDisplay(Terminal(file=written, force_terminal=True, width=size[0], height=size[1]))
    screen = pyte.Screen(*size)
    stream = pyte.Stream(screen)
    seen = []
    for step in range(100):
        draw(display, step)
        stream.feed(written.getvalue().replace("\n", "\r\n"))
        written.seek(0)
        written.truncate()
        seen.append([line.rstrip() for line in screen.display if "┄" in line or "━" in line])
    return seen


def going(name: str, step: int, total: int) -> JobView:
    """A job whose numbers grow to several digits, which has retries after a while."""
    done = step * step * total // 10_000
    return JobView(name, name, total, min(total, 2 * done), done, total, retries=step // 40, in_work=step % 11)


@pytest.mark.parametrize("size", [(80, 24), (160, 45)], ids="{0[0]}x{0[1]}".format)
def test_bars_and_numbers_stay_where_they_are(size: tuple[int, int]) -> None:
    def single(display: LiveDisplay, step: int) -> None:
        display.show([going("clip.mp4", step, 1500)], step / 3)

    def batch(display: LiveDisplay, step: int) -> None:
        if step == 0:
            display.begin(20, 0)
        elif step % 10 == 0:
            display.ended(Outcome("x", "x", Status.FAILED if step == 50 else Status.DONE, "done"))
        names = ["a.mp4", "a long name of a film.mp4", "tiny.mkv"][: 1 + step % 3]
        display.show([going(name, step, 90 * 7 ** len(name) % 9000) for name in names], step / 3)

    for draw in (single, batch):
        seen = bars_on_screens(size, draw)
        assert all(seen)
        spans = {re.search("[━┄]+", line).span() for lines in seen for line in lines}  # type: ignore[union-attr]
        assert len(spans) == 1, spans
        places = {(line[:8], line.index("processed")) for lines in seen for line in lines if "processed" in line}
        assert len(places) == len({name for name, _ in places}) > 0, places


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (61, "1:01"), (3723, "1:02:03")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def console(*, terminal: bool, width: int = 80) -> Terminal:
    return Terminal(file=io.StringIO(), force_terminal=terminal, width=width)


def text_of(shown: Terminal) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def test_what_is_no_terminal_gets_few_lines() -> None:
    shown = console(terminal=False)
    display = PlainDisplay(shown)
    for tenth in range(100):
        display.show([JobView("1", "clip.mp4", 100, 80, tenth, 100)], tenth / 10)
    lines = text_of(shown).splitlines()
    assert 3 <= len(lines) <= 10 / PLAIN_INTERVAL_S
    assert all(line.startswith("clip.mp4: sent 80/100, processed") for line in lines)


def test_what_does_not_change_is_not_said_again() -> None:
    shown = console(terminal=False)
    display = PlainDisplay(shown)
    for second in range(20):
        display.show([JobView("1", "clip.mp4", 100, note="waiting: no worker is connected")], float(second))
    assert text_of(shown) == "clip.mp4: waiting: no worker is connected\n"


def test_a_terminal_gets_lines_that_change_and_sentences_that_stay() -> None:
    shown = console(terminal=True)
    display = LiveDisplay(shown)
    display.show([HALF], 0.0)
    display.say("[red] is not markup")
    display.show([HALF], 1.0)
    display.close()
    assert "processed 50/100" in text_of(shown)
    assert "[red] is not markup" in text_of(shown)


def test_colours_are_left_out_where_nobody_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = console(terminal=True)
    display = LiveDisplay(shown)
    display.show([HALF], 0.0)
    display.close()
    assert "\x1b[32m" not in text_of(shown)
    assert "━" in text_of(shown)
    assert "┄" in text_of(shown)


def test_the_display_suits_the_console() -> None:
    assert isinstance(display_for(console(terminal=False), quiet=False), PlainDisplay)
    assert isinstance(display_for(console(terminal=True), quiet=True), QuietDisplay)
    live = display_for(console(terminal=True), quiet=False)
    assert isinstance(live, LiveDisplay)
    live.close()


def batch(count: int, size: int, *outcomes: Outcome) -> Tally:
    tally = Tally(count, size)
    for outcome in outcomes:
        tally.ended(outcome)
    return tally


def test_while_nothing_moves_no_time_is_promised() -> None:
    tally = Tally(2, 1000)
    view = JobView("1", "c.mp4", 100, 100, 0, 100, size=500)
    tally.update([view], 0.0)
    assert tally.update([replace(view, frames_done=50)], 5.0).seconds_left == 15.0
    for second in range(6, 13):
        shown = tally.update([replace(view, frames_done=50)], float(second))
    assert (shown.rate, shown.seconds_left) == (0.0, None)


def test_a_batch_counts_its_files_and_tells_the_rest_by_their_size() -> None:
    small = Outcome("a.mp4", "job-0", Status.DONE, "done", outputs=(OutputOutcome("blur", "", "", 40),), size=100)
    broken = Outcome("b.mp4", "", Status.WRONG, "refused", size=200)
    tally = batch(4, 1000, small, broken)
    view = JobView("1", "c.mp4", 100, 100, 0, 100, size=300)
    tally.update([view], 0.0)
    shown = tally.update([replace(view, frames_done=50)], 10.0)
    assert (shown.ended, shown.failed, shown.share) == (2, 1, 250 / 800)  # nothing is left to do for the refused one
    assert shown.rate == 5.0
    assert shown.seconds_left == 550 / 15
    line = batch_line(shown, 80).plain
    assert line.startswith("2 of 4 ━")
    assert "31%  5 frames/s    37 s left   1 failed" in line
    assert plain_batch_line(shown) == "2 of 4, 1 failed, 5 frames/s, 37 s left"


def test_the_first_frames_of_a_batch_foretell_nothing() -> None:
    tally = Tally(2, 1000)
    view = JobView("1", "a.mp4", 100, 100, 0, 100, size=500)
    tally.update([view], 0.0)
    assert tally.update([replace(view, frames_done=1)], 60.0).seconds_left is None
    assert tally.update([replace(view, frames_done=2)], 60.0).seconds_left == 990 / (10 / 60)


def test_what_waits_says_for_how_long_it_has_and_will() -> None:
    waiting = JobView("1", "a.mp4", 9, note="waiting: the connection is lost; trying again", waiting_since=10.0)
    assert note_line(waiting, 11.0) == waiting.note
    assert note_line(waiting, 45.0) == "waiting 35 s (no time limit): the connection is lost; trying again"
    limited = replace(waiting, waiting_until=610.0)
    assert note_line(limited, 45.0) == "waiting 35 s (9:25 more): the connection is lost; trying again"


def test_a_log_says_that_a_job_waits_still_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    display = PlainDisplay(Terminal(stderr=True, width=200))
    for second in range(100):
        display.show(
            [JobView("1", "a.mp4", 9, note="waiting: no worker is connected", waiting_since=0.0)], float(second)
        )
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" (")[0] for line in said] == [
        f"a.mp4: waiting {text}" for text in ("2 s", "32 s", "1:02", "1:32")
    ]


def test_events_tell_what_has_changed_and_what_waits() -> None:
    file = io.StringIO()
    display = EventDisplay(Terminal(file=file, width=1000))
    display.begin(2, 100)
    view = JobView("1", "a.mp4", 40, 40, 10, 40, in_work=2, size=50, job="j")
    display.show([view], 1.0)
    display.show([view], 2.0)
    display.show([replace(view, note="waiting: no worker is connected", waiting_since=2.0)], 5.0)
    events = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["begin", "progress", "batch", "progress", "batch"]
    first, second = events[1], events[3]
    assert (first["job_id"], first["share"], first["waiting_seconds"]) == ("j", 0.25, None)
    assert (second["note"], second["waiting_seconds"]) == ("waiting: no worker is connected", 3.0)
    assert (events[4]["ended"], events[4]["sources"], events[4]["share"]) == (0, 2, 0.125)
    document = DOCUMENT.read_text()
    assert all(f"`{name}`" in document for event in events for name in event)


def test_what_is_asked_for_is_shown() -> None:
    there = console(terminal=True)
    assert isinstance(display_for(there, quiet=False, progress="plain"), PlainDisplay)
    assert isinstance(display_for(there, quiet=False, progress="none"), QuietDisplay)
    assert isinstance(display_for(there, quiet=True, progress="json"), EventDisplay)
    assert isinstance(display_for(console(terminal=False), quiet=False, progress="bar"), PlainDisplay)
