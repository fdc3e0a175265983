"""Nothing that others wrote forges a line of a log, or speaks to the terminal."""

from __future__ import annotations

import subprocess
import sys

import pytest

from moviola.wire.shown import MARK, shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("clip.mp4", "clip.mp4"),
        ("Füße, 映画, 🎬", "Füße, 映画, 🎬"),
        ("10.00\N{NARROW NO-BREAK SPACE}PM\N{IDEOGRAPHIC SPACE}a", "10.00 PM a"),  # as systems name screenshots
        ("two\nlines\r\nof\ttext\u2028", "two lines  of text "),
        ("a\x1b[2J\x9b1m\x07\0", f"a{MARK}[2J{MARK}1m{MARK}{MARK}"),
        ("exe.\N{RIGHT-TO-LEFT OVERRIDE}4pm", f"exe.{MARK}4pm"),
        ("bad\udcff.csv", f"bad{MARK}.csv"),
    ],
)
def test_text_is_shown_in_one_line_that_is_nothing_but_text(text: str, seen: str) -> None:
    assert shown(text) == seen


PROGRAM = r"""
import logging
from moviola.wire.options import set_up_log
set_up_log("info")
forged = "x\n2026-01-01 00:00:00.000 INFO    middleware  job clip is done\x1b[2J"
log = logging.getLogger("middleware")
log.warning("job %s has failed", forged)
try:
    raise ValueError(forged)
except ValueError:
    log.exception("a bug in %s", forged)
"""


def test_only_the_log_begins_a_line_at_its_margin() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stderr
    assert "\x1b" not in told
    at_the_margin = [line for line in told.splitlines() if not line.startswith(" ")]
    assert [line.split()[2] for line in at_the_margin] == ["WARNING", "ERROR"]
    assert "    ValueError: x\n    2026-01-01" in told
