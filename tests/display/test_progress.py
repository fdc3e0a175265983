from __future__ import annotations

import io

import pytest

from moviola.display.progress import (
    PLAIN_INTERVAL_S,
    LiveDisplay,
    PlainDisplay,
    QuietDisplay,
    display_for,
    duration,
    live_line,
    plain_line,
)
from moviola.display.terminal import Terminal
from moviola.session.views import JobView

HALF = JobView("1", "clip.mp4", 100, 80, 50, 100, retries=2, in_work=3)


def test_a_plain_line_has_all_the_numbers() -> None:
    assert plain_line(HALF, 25.0) == (
        "clip.mp4: sent 80/100, processed 50/100, 25 frames/s, 2 s left, 2 retries, 3 chunks in work"
    )


def test_a_note_says_what_it_waits_for() -> None:
    waiting = JobView("1", "clip.mp4", 100, note="waiting: no worker offers 'edges'; 2 workers offer blur")
    assert plain_line(waiting, 0.0) == "clip.mp4: waiting: no worker offers 'edges'; 2 workers offer blur"
    assert live_line(waiting, 0.0, 120).plain == "clip.mp4 waiting: no worker offers 'edges'; 2 workers offer blur"


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("name", ["clip.mp4", "a very long name of a film.mp4", "映画" * 20, "line\nbreak"])
@pytest.mark.parametrize("note", ["", "waiting: " + "word " * 60])
def test_a_live_line_fits_every_width(width: int, name: str, note: str) -> None:
    line = live_line(JobView("1", name, 10**6, 10**6, 5 * 10**5, 10**6, 10**4, 99, note), 1234.5, width)
    assert line.cell_len <= width
    assert "\n" not in line.plain


def test_what_matters_most_is_shown_first() -> None:
    assert "50%" in live_line(HALF, 25.0, 40).plain
    eighty = live_line(HALF, 25.0, 80).plain
    assert "processed 50/100" in eighty
    assert "2 retries" in eighty
    full = live_line(HALF, 25.0, 120).plain
    for words in ("50%", "sent 80/100", "processed 50/100", "25 frames/s", "2 s left", "2 retries", "3 in work"):
        assert words in full


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
