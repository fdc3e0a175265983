"""What a person sees of jobs and workers, on the screen of a terminal."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from moviola.base.progress import Progress
from moviola.session.jobs import find
from moviola.wire.messages import Job
from tests.screen import LARGE, SMALL, Screen, Size
from tests.session.fakes import FakeCluster

ROOT = Path(__file__).resolve().parents[2]
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids="{0[0]}x{0[1]}".format)
CTRL_C = "\x03"
SUBMITTED = time.time() - 5.5 * 86_400  # noqa: TID251 - jobs are told by the time of day

RUNNING = Job(
    "holiday-in-lisbon-2f9944039e3d", "holiday in lisbon.mp4", "running", submitted_unix_s=SUBMITTED,
    progress=Progress(outputs=["blur-edges"], frames_done=1200, frames_wanted=96000, tasks_queued=120,
                      tasks_in_flight=16),
)  # fmt: skip


def shown(cluster: FakeCluster, folder: Path, *arguments: str, size: Size) -> Screen:
    command = [sys.executable, "-m", "moviola", *arguments, "--host", "127.0.0.1", "--port", str(cluster.port)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOVIOLA_", "NO_COLOR"))}
    return Screen(command, size=size, environment={**kept, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}, folder=folder)


@SIZES
def test_a_job_is_a_line_with_an_id_that_can_be_copied(cluster: FakeCluster, tmp_path: Path, size: Size) -> None:
    cluster.script.known = [RUNNING, replace(RUNNING, job="film-a1", state="done", seconds=75.0)]
    with shown(cluster, tmp_path, "jobs", size=size) as screen:
        assert screen.end() == 0
        heading = next(line for line in screen.lines if line.split()[:1] == ["job"])
        assert heading.split() == ["job", "age", "took", "state", "done", "queue", "filters"]
        line = next(line for line in screen.lines if RUNNING.job[-12:] in line)
        name, age, unit, *others = line.split()
        assert (age, unit) == ("5", "d")
        assert others == ["running", "1200/96000", "120+16", "blur-edges"]
        assert name.endswith("…2f9944039e3d") if size == SMALL else name == RUNNING.job
        assert find({RUNNING.job: RUNNING}, name) is RUNNING
        assert " 1:15  done " in next(line for line in screen.lines if "film-a1" in line)


@SIZES
def test_a_list_that_is_watched_is_drawn_anew_until_ctrl_c(cluster: FakeCluster, tmp_path: Path, size: Size) -> None:
    cluster.script.known = [RUNNING]
    with shown(cluster, tmp_path, "jobs", "--watch", size=size) as screen:
        screen.until(lambda seen: "1200/96000" in seen.text, "the first picture")
        cluster.script.known = [replace(RUNNING, progress=replace(RUNNING.progress, frames_done=4800))]
        screen.until(lambda seen: "4800/96000" in seen.text, "the next picture")
        assert "1200/96000" not in screen.text
        screen.type(CTRL_C)
        assert screen.end() == 0


def test_more_than_a_screen_holds_is_counted(cluster: FakeCluster, tmp_path: Path) -> None:
    cluster.script.known = [replace(RUNNING, job=f"job-{number}") for number in range(40)]
    with shown(cluster, tmp_path, "jobs", "-w", size=SMALL) as screen:
        screen.until(lambda seen: "more lines" in seen.text, "the picture")
        assert len(screen.lines) <= SMALL[1]
        screen.type(CTRL_C)
        assert screen.end() == 0


@SIZES
def test_status_fits_the_screen(cluster: FakeCluster, tmp_path: Path, size: Size) -> None:
    cluster.script.known = [RUNNING]
    with shown(cluster, tmp_path, "status", "--once", size=size) as screen:
        assert screen.end() == 0
        assert all(len(line) <= screen.width for line in screen.lines)
        assert any(RUNNING.job[-12:] in line for line in screen.lines)
        assert "worker-0" in screen.text
