from __future__ import annotations

import io
from dataclasses import replace

import pytest

from client.display.summary import print_summary
from moviola.display.terminal import Terminal
from moviola.session.outcome import Outcome, OutputOutcome, Status

PATH = "results/a-rather-long-name-of-a-job-that-has-one-1f2e3d/blur.mp4"
OUTPUT = OutputOutcome("blur", PATH, "x", 132, 131, 3, 1, 0, 0, "0123456789abcdef" * 4)
OUTCOME = Outcome("big-buck-bunny.mp4", "j", Status.PARTIAL, "partial", "3 frames", 2.0, (OUTPUT,))


def printed(outcomes: list[Outcome], *, terminal: bool, width: int = 80) -> str:
    file = io.StringIO()
    print_summary(Terminal(file=file, force_terminal=terminal, width=width, color_system=None), outcomes)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_table_on_a_terminal_with_whole_paths(width: int) -> None:
    text = printed([OUTCOME], terminal=True, width=width)
    for words in ("blur", "partial", "131", "66.0", "3", "0123456789ab"):
        assert words in text
    assert PATH in text.splitlines()


def test_a_line_an_output_elsewhere() -> None:
    assert printed([OUTCOME], terminal=False) == (
        f"big-buck-bunny.mp4 → {PATH}: partial, 131 frames, 3 of them unfiltered, 66.0 frames/s, digest 0123456789ab\n"
    )


def test_frames_that_are_all_filtered_are_said_so_in_words() -> None:
    done = replace(OUTCOME, status=Status.DONE, state="done", outputs=(replace(OUTPUT, fallback_frames=0),))
    assert "131 frames, all filtered, 66.0 frames/s" in printed([done], terminal=False)
    assert "unfiltered" not in printed([done], terminal=True)


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_came_nothing_is_shown(terminal: bool) -> None:
    assert printed([Outcome("clip.mp4", "j", Status.FAILED, "failed")], terminal=terminal) == ""
