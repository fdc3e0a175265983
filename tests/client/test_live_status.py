"""`moviola status` as it fills a terminal: what keys and signals do, and that the terminal is left whole."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from moviola.base.progress import Progress
from moviola.wire.messages import Job, Overview, Watch
from tests.screen import SMALL, Screen, Size
from tests.session.fakes import FakeCluster

ROOT = Path(__file__).resolve().parents[2]
CTRL_C = "\x03"
HERE = ("--host", "127.0.0.1", "--port")


def status(cluster: FakeCluster, folder: Path, *arguments: str, size: Size = SMALL, **environment: str) -> Screen:
    """`moviola status` in a terminal."""
    command = [sys.executable, "-m", "moviola", "status", *HERE, str(cluster.port), *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOVIOLA_", "NO_COLOR"))}
    told = {**kept, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **environment}
    return Screen(command, size=size, environment=told, folder=folder)


def has_picture(screen: Screen) -> bool:
    return bool(screen.lines) and screen.lines[-1].startswith("q quit")


def test_it_fills_the_screen_until_q_and_gives_the_terminal_back(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.script.known = [Job("clip-1", "clip.mp4", "running", progress=Progress(frames_done=1, frames_wanted=4))]
    with status(cluster, tmp_path) as screen:
        screen.until(has_picture, "the picture")
        assert len(screen.lines) == SMALL[1]
        for part in ("2 ready workers", "worker-0", "clip-1", "25%"):
            assert part in screen.text
        assert screen.is_alternate
        assert screen.modes != screen.modes_before  # keys are taken one by one
        screen.type("s")
        screen.until(lambda shown: "by frames/s" in shown.text, "another order")
        screen.type("x\x1b[B ")  # keys that mean nothing are nothing
        screen.until(lambda shown: "Paused" in shown.text, "the pause")
        screen.type(" ")
        screen.until(lambda shown: "Paused" not in shown.text, "that it goes on")
        screen.resize((100, 30))
        screen.until(lambda shown: len(shown.lines) == 30 and has_picture(shown), "a picture of the new size")
        screen.type("q")
        assert screen.end() == 0
        assert screen.modes == screen.modes_before
        assert not screen.is_alternate
        assert not screen.is_cursor_hidden


@pytest.mark.parametrize("ending", [CTRL_C, signal.SIGTERM])
def test_what_ends_it_gives_the_terminal_back(
    cluster: FakeCluster, tmp_path: Path, ending: str | signal.Signals
) -> None:
    with status(cluster, tmp_path, NO_COLOR="1") as screen:
        screen.until(has_picture, "the picture")
        assert screen.colours == {"default"}
        if isinstance(ending, str):
            screen.type(ending)
        else:
            screen.send_signal(ending)
        assert screen.end() == 0
        assert screen.modes == screen.modes_before
        assert not screen.is_alternate
        assert not screen.is_cursor_hidden


def test_it_goes_on_when_the_middleware_is_back(cluster: FakeCluster, tmp_path: Path) -> None:
    with status(cluster, tmp_path) as screen:
        screen.until(has_picture, "the picture")
        cluster.script.is_away = True
        screen.until(lambda shown: "No middleware for" in shown.text, "that it is away")
        assert "worker-0" in screen.text
        cluster.script.workers, cluster.script.is_away = 3, False
        screen.until(lambda shown: "worker-2" in shown.text, "that it is back")
        screen.until(lambda shown: "No middleware" not in shown.text, "that it is back")
        screen.type("q")
        assert screen.end() == 0


@pytest.mark.parametrize(("arguments", "terminal"), [(["--once"], "xterm-256color"), ([], "dumb")])
def test_once_and_on_a_terminal_that_cannot_it_is_printed(
    cluster: FakeCluster, tmp_path: Path, arguments: list[str], terminal: str
) -> None:
    with status(cluster, tmp_path, *arguments, TERM=terminal) as screen:
        assert screen.end() == 0
        assert "worker-0" in screen.everything
        assert "0.0 frames/s, 0 tasks queued and 0 in work" in screen.everything
        assert not screen.has_been_alternate
    assert cluster.received[1] == Watch(topics=["overview"])


def test_no_middleware_at_first_is_said_without_a_screen(tmp_path: Path) -> None:
    with FakeCluster() as gone:
        gone.script.is_away = True
        with status(gone, tmp_path) as screen:
            assert screen.end() == 3
            assert "No middleware answers at 127.0.0.1" in screen.prose
            assert not screen.has_been_alternate


def test_what_is_told_of_the_cluster_is_shown(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.script.overview = Overview(
        1, 1.0, {"pending": 3}, {"lost": 1}, 0, 12, 0, 0, 4.25, 1, 2, spool_bytes=5000, spool_limit_bytes=10**9
    )
    with status(cluster, tmp_path) as screen:
        screen.until(has_picture, "the picture")
        assert "3 pending jobs  ·  1 lost worker  ·  no aggregator" in screen.lines[0]
        for part in ("4 frames/s", "12 queued + 0 in work", "1 failed, 2 lost"):
            assert part in screen.lines[1]
        screen.type("q")
        assert screen.end() == 0
